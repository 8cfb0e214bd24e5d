/**
 * Runs the built extension in a process of its own, with a stand-in for the editor, and prints what it loads and how long that takes.
 * Arguments: the folder of the built files; files in it that are loaded after the measurements.
 */

import Module, { createRequire } from 'node:module';
import { join, relative, resolve } from 'node:path';
import type { HeadlightApi } from '../../../../src/editor/compose';
import { FIRST_KEY, LONG_CONFIG, NEXT_KEYS, timed } from './hostBudgets';

/** What the test reads. Milliseconds as `timed` takes them. */
export interface HostReport {
  /** Reading and evaluating the files that activation needs, and activating. */
  readonly activationMs: number;
  readonly firstHoverMs: number;
  /** A hover over the same text, and the first over a text that has just changed. */
  readonly nextHoverMs: readonly number[];
  readonly changedHoverMs: readonly number[];
  readonly markdown: string;
  /** Built files in memory after activation, and after the hovers. */
  readonly afterActivation: string[];
  readonly afterHover: string[];
  /** What each of the late files exports. */
  readonly late: Readonly<Record<string, readonly string[]>>;
}

class Place {
  constructor(
    readonly line: number,
    readonly character: number,
  ) {}
}
class Markdown {
  constructor(readonly value: string) {}
}
class Shown {
  constructor(readonly contents: Markdown) {}
}
class Address {
  readonly scheme = 'file';
  constructor(readonly path: string) {}
  static joinPath({ path }: Address, ...parts: string[]): Address {
    return new Address(join(path, ...parts));
  }
  with(): this {
    return this;
  }
  toString(): string {
    return `file://${this.path}`;
  }
}
/** Whatever else the extension makes, registers or listens to. */
class Nothing {
  readonly event = nothing;
  dispose(): void {
    // Nothing was made.
  }
}
function nothing(): Nothing {
  return new Nothing();
}

/** What an object does not have is a function that registers nothing. */
function lenient(members: object): object {
  return new Proxy(members, { get: (target, key) => Reflect.get(target, key) ?? nothing });
}

const editor = new Proxy(
  {
    Hover: Shown,
    MarkdownString: Markdown,
    Uri: Address,
    commands: lenient({ executeCommand: () => Promise.resolve() }),
    l10n: { t: (text: string) => text },
    languages: lenient({}),
    lm: lenient({}),
    window: lenient({
      visibleTextEditors: [],
      createOutputChannel: () => lenient({}),
      tabGroups: lenient({ all: [] }),
    }),
    workspace: lenient({
      createFileSystemWatcher: () => lenient({}),
      fs: { isWritableFileSystem: () => false, readFile: () => Promise.reject(new Error('There is no such file.')) },
      getConfiguration: () => ({ get: (_: string, value: unknown) => value, inspect: () => undefined }),
      textDocuments: [],
      workspaceFolders: [],
    }),
  },
  { get: (target, key) => Reflect.get(target, key) ?? Nothing },
);

/** A document that can change. */
class Document {
  readonly uri = new Address('/model/config.json');
  readonly languageId = 'json';
  version = 1;
  private readonly starts: readonly number[];

  constructor(private readonly text: string) {
    this.starts = [0, ...[...text.matchAll(/\n/g)].map(({ index }) => index + 1)];
  }

  getText(): string {
    return this.text;
  }

  offsetAt({ line, character }: Place): number {
    return (this.starts[line] ?? Number.NaN) + character;
  }

  positionAt(offset: number): Place {
    const line = this.starts.findLastIndex((start) => start <= offset);
    return new Place(line, offset - (this.starts[line] ?? Number.NaN));
  }

  placeOf(key: string): Place {
    return this.positionAt(this.text.indexOf(`"${key}"`) + 1);
  }
}

function report(folder: string, late: readonly string[]): HostReport {
  const loader = Module as unknown as { _load(request: string, ...rest: unknown[]): unknown };
  const load = loader._load;
  loader._load = (request, ...rest) => (request === 'vscode' ? editor : load.call(loader, request, ...rest));
  const require = createRequire(join(folder, 'extension.js'));
  const inMemory = (): string[] =>
    Object.keys(require.cache)
      .map((file) => relative(folder, file).replaceAll('\\', '/'))
      .filter((file) => !file.startsWith('..'));

  const activation = timed(() => {
    const { activate } = require('./extension.js') as { activate(context: object): HeadlightApi };
    return activate({ subscriptions: [], extensionUri: new Address('/extension') });
  });
  const afterActivation = inMemory();

  const document = new Document(LONG_CONFIG);
  const hoverAt = (key: string): Shown | null =>
    activation.result.hover(document as never, document.placeOf(key) as never) as Shown | null;
  const first = timed(() => hoverAt(FIRST_KEY));
  const nextHoverMs = NEXT_KEYS.map((key) => timed(() => hoverAt(key)).ms);
  const changedHoverMs = NEXT_KEYS.map((key) => {
    document.version++;
    return timed(() => hoverAt(key)).ms;
  });
  const afterHover = inMemory();

  const exports = late.map((file) => {
    const exported = require(`./${file}`) as object;
    return [file, Object.keys(exported)] as const;
  });
  return {
    activationMs: activation.ms,
    firstHoverMs: first.ms,
    nextHoverMs,
    changedHoverMs,
    markdown: [first.result?.contents].flat()[0]?.value ?? '',
    afterActivation,
    afterHover,
    late: Object.fromEntries(exports),
  };
}

try {
  process.stdout.write(JSON.stringify(report(resolve(process.argv[2] ?? ''), process.argv.slice(3))));
  // The extension would listen on.
  process.exit(0);
} catch (error) {
  // Uncaught, Node would print the line of the source too: all of a minified file.
  process.stderr.write(String(error instanceof Error ? error.stack : error));
  process.exit(1);
}
