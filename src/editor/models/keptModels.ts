/**
 * Configs of the Hub in the browser: in VS Code's own storage of the extension, since there is no disk and no cache of Hugging Face. Where that
 * does not take them, as long as the window is open.
 */

import { FileType, Uri, workspace } from 'vscode';
import * as v from 'valibot';
import { boundedText } from '../boundedText';
import type { Services } from '../services';
import { writeWhole } from '../writing';

const KEPT = v.object({
  /** What the revision meant when it was fetched. */
  commit: v.pipe(v.string(), v.regex(/^[0-9a-f]{40}$/)),
  /** Milliseconds since 1970. */
  fetched: v.pipe(v.number(), v.integer(), v.minValue(0)),
  /** Texts by their paths in the repository. */
  files: v.record(v.string(), v.string()),
});
export type KeptModel = Readonly<v.InferOutput<typeof KEPT>>;

/** A config has less, and the few files beside it. */
const MOST_BYTES = 16_000_000;
/** Models that stay; the ones that were fetched first make room. */
const MOST_MODELS = 100;

export class KeptModels {
  private readonly known = new Map<string, KeptModel>();
  private readonly folder: Uri;

  constructor(private readonly services: Pick<Services, 'context' | 'log'>) {
    this.folder = Uri.joinPath(services.context.globalStorageUri, 'hub');
  }

  /** Null where it was never fetched. */
  async get(name: string): Promise<KeptModel | null> {
    const known = this.known.get(name);
    if (known) return known;
    const text = await boundedText(this.place(name), MOST_BYTES);
    const read = text === null ? null : v.safeParse(v.pipe(v.string(), v.parseJson(), KEPT), text);
    if (!read?.success) return null;
    this.known.set(name, read.output);
    return read.output;
  }

  async put(name: string, model: KeptModel): Promise<void> {
    this.known.set(name, model);
    try {
      await workspace.fs.createDirectory(this.folder);
      await writeWhole(this.place(name), new TextEncoder().encode(JSON.stringify(model)));
      await this.makeRoom();
    } catch (error) {
      this.services.log.warn(`${name} is kept until the window closes: ${error instanceof Error ? error.message : ''}`);
    }
  }

  private async makeRoom(): Promise<void> {
    const files = (await workspace.fs.readDirectory(this.folder)).filter(([, type]) => type === FileType.File);
    if (files.length <= MOST_MODELS) return;
    const dated = await Promise.all(
      files.map(async ([file]) => {
        const uri = Uri.joinPath(this.folder, file);
        return { uri, mtime: (await workspace.fs.stat(uri)).mtime };
      }),
    );
    for (const { uri } of dated.sort((a, b) => a.mtime - b.mtime).slice(0, -MOST_MODELS))
      await workspace.fs.delete(uri);
  }

  private place(name: string): Uri {
    return Uri.joinPath(this.folder, `${encodeURIComponent(name).replaceAll('%', '~')}.json`);
  }
}
