/**
 * Results as rendered pages: read-only documents of a file system of their own, shown by the editor's Markdown preview. They are never dirty,
 * ask for nothing when they are closed, and are opened once each: the same result of the same model again takes the page that is there.
 */

import {
  commands,
  type ExtensionContext,
  FileChangeType,
  type FileStat,
  type FileSystemProvider,
  FileSystemError,
  FileType,
  l10n,
  TabInputCustom,
  TabInputText,
  Uri,
  ViewColumn,
  window,
  workspace,
} from 'vscode';
import { visibleLines } from '../model/visibleText';
import type { Markdown } from '../present/markdown';
import { RESULT_SCHEME } from './ids';
import { ReadOnlyFiles } from './readOnlyFiles';

/** VS Code's own: Markdown, rendered, in the place of an editor. */
const RENDERED = 'vscode.markdown.preview.editor';
const MEMORY = 'headlight.pagesOfResults';
/** Pages that are kept; the oldest go first. */
const MOST_PAGES = 24;
/** Pages that outlive a reload of the window, and the longest of these. */
const MOST_REMEMBERED = 8;
const LONGEST_REMEMBERED = 50_000;

export interface Result {
  /** What it is, as its tab says: "Fit". */
  readonly kind: string;
  /** Of what: the model's name. */
  readonly name: string;
  /** Which one it is of those that are called so: a uri. */
  readonly subject: string;
  readonly markdown: Markdown;
  /** Its table for other programs. */
  readonly csv?: string;
  /** The same without what only a rendered page shows, to be copied and exported. */
  readonly plain?: Markdown;
  /** Its picture as an SVG file. */
  readonly picture?: string;
}

/** What a page is besides its rendered form. */
interface Forms {
  readonly csv?: string;
  readonly plain?: string;
  readonly picture?: string;
}

interface Page extends Forms {
  readonly text: string;
  readonly at: number;
}

type Remembered = readonly (readonly [uri: string, text: string, forms: Forms])[];

export class ResultPages extends ReadOnlyFiles implements FileSystemProvider {
  private known: Map<string, Page> | null = null;

  constructor(private readonly context: ExtensionContext) {
    super();
    this.own(workspace.registerFileSystemProvider(RESULT_SCHEME, this, { isCaseSensitive: true, isReadonly: true }));
  }

  /** With those of an earlier session, which are looked up when a page is first asked for. */
  private get pages(): Map<string, Page> {
    this.known ??= new Map(
      (this.context.workspaceState.get<Remembered>(MEMORY) ?? []).map(([key, text, forms]) => [
        key,
        { ...forms, text, at: 1 },
      ]),
    );
    return this.known;
  }

  /** Opens the page of a result beside what is in front, or puts the result into the page that it has. */
  async show(result: Result): Promise<Uri> {
    const uri = uriOf(result);
    const key = uri.toString();
    const known = this.pages.get(key);
    this.pages.delete(key);
    const text = visibleLines(result.markdown.source);
    const { csv, plain, picture } = result;
    const forms: Forms = {
      ...(csv === undefined ? {} : { csv }),
      ...(plain === undefined ? {} : { plain: visibleLines(plain.source) }),
      ...(picture === undefined ? {} : { picture }),
    };
    this.pages.set(key, { ...forms, text, at: Math.max(Date.now(), (known?.at ?? 0) + 1) });
    for (const oldest of [...this.pages.keys()].slice(0, -MOST_PAGES)) this.pages.delete(oldest);
    this.changes.fire([{ type: FileChangeType.Changed, uri }]);
    void this.context.workspaceState.update(MEMORY, this.remembered());
    // Beside nothing there is nothing to be beside of.
    const alone = window.tabGroups.activeTabGroup.tabs.length === 0;
    const viewColumn = columnOf(key) ?? (alone ? ViewColumn.Active : ViewColumn.Beside);
    try {
      await commands.executeCommand('vscode.openWith', uri, RENDERED, { viewColumn, preview: false });
    } catch {
      // Its preview is switched off: the text is as good.
      await window.showTextDocument(uri, { viewColumn, preview: false });
    }
    return uri;
  }

  /** What else a page is, as far as it is. */
  forms(uri: Uri): Forms {
    return this.pages.get(uri.toString()) ?? {};
  }

  stat(uri: Uri): FileStat {
    const { text, at } = this.page(uri);
    return { type: FileType.File, ctime: at, mtime: at, size: new TextEncoder().encode(text).byteLength };
  }

  readFile(uri: Uri): Uint8Array {
    return new TextEncoder().encode(this.page(uri).text);
  }

  /** A page that is not here any more says how to have it again. */
  private page(uri: Uri): Page {
    return (
      this.pages.get(uri.toString()) ?? {
        text: l10n.t('This result is gone. Run the command that made it again.'),
        at: 1,
      }
    );
  }

  private remembered(): Remembered {
    return [...this.pages]
      .map(([key, { text, at: _, ...forms }]) => [key, text, forms] as const)
      .filter(([, text, forms]) => text.length + Object.values(forms).join('').length <= LONGEST_REMEMBERED)
      .slice(-MOST_REMEMBERED);
  }

  readDirectory(uri: Uri): never {
    throw FileSystemError.FileNotADirectory(uri);
  }
}

/** The page that is in front; null where that is something else. */
export function pageInFront(): Uri | null {
  const input = window.tabGroups.activeTabGroup.activeTab?.input;
  const uri = input instanceof TabInputCustom || input instanceof TabInputText ? input.uri : null;
  return uri?.scheme === RESULT_SCHEME ? uri : null;
}

/** Where a page is open, or where another one is. */
function columnOf(key: string): ViewColumn | undefined {
  let other: ViewColumn | undefined;
  for (const { tabs, viewColumn } of window.tabGroups.all)
    for (const { input } of tabs) {
      if (!(input instanceof TabInputCustom) || input.uri.scheme !== RESULT_SCHEME) continue;
      if (input.uri.toString() === key) return viewColumn;
      other ??= viewColumn;
    }
  return other;
}

/**
 * Named as the tab shows it. The name of a model may be anything, and a title stands in addresses and menus: one that is more than words and
 * numbers is left to the page's heading.
 */
function uriOf({ kind, name, subject }: Result): Uri {
  const plain = /^[\p{L}\p{M}\p{N} .,+_-]{1,80}$/u.test(name);
  return Uri.from({ scheme: RESULT_SCHEME, path: `/${plain ? `${kind} – ${name}` : kind}.md`, query: subject });
}
