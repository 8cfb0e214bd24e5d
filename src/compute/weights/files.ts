/** Weight files that are looked at: they stay open between questions, and one that has changed is refused. */

import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { statisticsOf } from '../../insight/tensorStatistics';
import { RpcError } from '../../shared/rpcError';
import type { Answers } from '../../shared/schema';
import { MOST_MEASURED, type WeightsContents, type WeightsMethods } from '../../shared/weightsContract';
import { localWeights } from '../../weights/localWeights';
import { inNaturalOrder } from '../../weights/tensorGroups';
import { abortSignal } from '../heads/watch';
import { withTravellingErrors } from '../travellingErrors';
import { columnsOf, counted, itemsOf, openStore, type OpenStore } from './contents';
import { marksOf } from './marks';
import { summarize } from './summary';
import { weightTile } from './tile';

interface OpenFile {
  readonly store: OpenStore;
  /** In the order in which they are listed. */
  readonly names: readonly string[];
  readonly version: string;
  /** All that it was read from. */
  readonly files: readonly string[];
  /** Questions that are being answered from it. */
  users: number;
  /** Nobody asks for it any more: it is closed with the last answer. */
  retired: boolean;
}

/** Files that stay open. */
const MOST_OPEN = 4;

export class WeightFiles {
  private readonly open = new Map<string, Promise<OpenFile>>();

  answers(): Answers<WeightsMethods> {
    return {
      'weights/summary': ({ path, families }) =>
        withTravellingErrors(() => summarize(path, families ? { families } : {})),
      'weights/beside': ({ path }) => withTravellingErrors(() => localWeights(path, () => undefined)),
      'weights/open': ({ path }) => withTravellingErrors(() => this.contents(path)),
      'weights/marks': ({ path, version, families }) =>
        this.use(path, version, ({ store, names }) =>
          marksOf(store, path, new Map(names.map((name, at) => [name, at])), families ? { families } : {}),
        ),
      'weights/metadata': ({ path, version, key, from, count }) =>
        this.use(path, version, ({ store }) => Promise.resolve(itemsOf(store.metadata, key, from, count))),
      'weights/tile': ({ path, version, tensor, ...ask }, context) =>
        this.use(path, version, ({ store, names }) =>
          weightTile(store, nameAt(names, tensor), ask, abortSignal(context.signal)),
        ),
      'weights/statistics': ({ path, version, tensor, from, to }, context) =>
        this.use(path, version, async ({ store, names }) => {
          if (to - from > MOST_MEASURED)
            throw new RpcError('tooLarge', `at most ${MOST_MEASURED} values are measured at a time`);
          return statisticsOf(
            await store.readSpan(nameAt(names, tensor), [from, to], { signal: abortSignal(context.signal) }),
          );
        }),
    };
  }

  /** Opens the file anew, unless it is what it was. */
  private async contents(path: string): Promise<WeightsContents> {
    const known = await this.open.get(path)?.catch(() => undefined);
    if (known && known.version !== (await versionOf(known.files).catch(() => null))) await this.close(path);
    const file = await this.opened(path);
    return this.using(file, async ({ store, names, version }) => {
      const infos = names.map((name) => store.info(name));
      const all = await counted(store, path, infos);
      return { ...all, version, ...(await columnsOf(store, infos, all.types)) };
    });
  }

  private use<R>(path: string, version: string, work: (file: OpenFile) => Promise<R>): Promise<R> {
    return withTravellingErrors(async () => {
      const file = await this.opened(path);
      if (file.version !== version) throw new RpcError('conflict', 'The file has changed since it was opened.');
      return this.using(file, work);
    });
  }

  private async using<R>(file: OpenFile, work: (file: OpenFile) => Promise<R>): Promise<R> {
    file.users++;
    try {
      return await work(file);
    } finally {
      file.users--;
      if (file.retired && file.users === 0) await file.store.close();
    }
  }

  private async opened(path: string): Promise<OpenFile> {
    const known = this.open.get(path);
    const opening = known ?? open(path);
    // The one that was used last stands last.
    this.open.delete(path);
    this.open.set(path, opening);
    try {
      const file = await opening;
      for (const oldest of [...this.open.keys()].slice(0, -MOST_OPEN)) await this.close(oldest);
      return file;
    } catch (error) {
      if (this.open.get(path) === opening) this.open.delete(path);
      throw error;
    }
  }

  private async close(path: string): Promise<void> {
    const opening = this.open.get(path);
    this.open.delete(path);
    const file = await opening?.catch(() => undefined);
    if (!file) return;
    file.retired = true;
    if (file.users === 0) await file.store.close();
  }
}

async function open(path: string): Promise<OpenFile> {
  const store = await openStore(path);
  try {
    const files = [...new Set([path, ...store.names().map((name) => store.info(name).file)])];
    const names = inNaturalOrder(store.names());
    return { store, names, version: await versionOf(files), files, users: 0, retired: false };
  } catch (error) {
    await store.close();
    throw error;
  }
}

/** Of sizes and times: what is written meanwhile has others. */
async function versionOf(paths: readonly string[]): Promise<string> {
  const hash = createHash('sha1');
  for (const path of paths) {
    const { size, mtimeNs } = await stat(path, { bigint: true });
    hash.update(`${size} ${mtimeNs}\n`);
  }
  return hash.digest('hex');
}

function nameAt(names: readonly string[], place: number): string {
  const name = names[place];
  if (name === undefined) throw new RpcError('invalidInput', `there is no tensor ${place}`);
  return name;
}
