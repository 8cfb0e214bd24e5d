/**
 * Models on the Hub in the editor: who may fetch what. A run gets a permit for the bytes that it said and that were allowed; without one, the
 * compute process gets nothing.
 */

import { resolve, sep } from 'node:path';
import { l10n } from 'vscode';
import { HeaderBudget } from '../../hub/headerBytes';
import { HubError } from '../../hub/hubError';
import { weightsAmong } from '../../hub/hubModel';
import { type HubName, hubNameText } from '../../hub/hubName';
import { formatSize } from '../../model/units';
import type { HostMethods } from '../../shared/hostContract';
import type { CallOptions, MethodParams } from '../../shared/rpc';
import { RpcError } from '../../shared/rpcError';
import { hubAccess, hubHost } from '../../stores/hubAccess';
import { type Announcement, type HubFolder, isListed, type ListedFile, openHubFolder } from '../../stores/hubFolder';
import { CachedModel } from '../../stores/huggingFace';
import { ask } from '../sinks';
import { allows, HeaderLeave, nothingFetched } from './hubQuestions';

interface Permit {
  readonly key: string;
  readonly name: HubName;
  readonly folder: HubFolder;
  /** Bytes that are left of what was allowed for a run; null: headers, within what was said of them. */
  left: number | null;
}

/** A model of which parts are here, or may be. */
interface InParts {
  readonly name: HubName;
  readonly commit: string;
}

export class HubModels {
  /** By the folder of the parts. */
  private readonly known = new Map<string, InParts>();
  private readonly kept = l10n.t(
    "Fetched files stay in Hugging Face's cache on this machine, where Python finds them too.",
  );
  /** By folder. */
  private readonly headers = new HeaderLeave(this.kept);
  private readonly permits = new Set<Permit>();
  /** What is left for the headers of a model in this session, by folder. */
  private readonly budgets = new Map<string, HeaderBudget>();

  /** The folder in which parts of a cached model are, or would be; null where its commit is not known. */
  async partsOf(name: HubName): Promise<string | null> {
    const cached = new CachedModel(name.repo);
    const commit = await cached.commit(name.revision ?? 'main');
    if (commit === null) return null;
    const folder = resolve(cached.parts(commit));
    this.known.set(folder, { name: { ...name, path: '' }, commit });
    return folder;
  }

  /**
   * Opens a model that is not here, after a question that says what is fetched, from where, and how much.
   * @throws HubError, `cancelled` where the answer is no
   */
  async open(name: HubName, signal: AbortSignal): Promise<HubFolder> {
    let asked = false;
    const folder = await openHubFolder({
      name,
      access: await hubAccess(process.env, { signal }),
      announce: async (what) => {
        asked = true;
        if (!(await allows(what, this.kept))) throw nothingFetched();
      },
    });
    const key = resolve(folder.folder);
    // A model that Python has whole is no model in parts; its folder is then its snapshot, where nothing lacks.
    this.known.set(key, { name: { ...name, path: '' }, commit: folder.commit });
    if (asked) this.headers.give(key);
    return folder;
  }

  /** The model whose parts a path is in. */
  inParts(path: string): string | null {
    const absolute = resolve(path);
    for (const folder of this.known.keys()) if (absolute === folder || absolute.startsWith(folder + sep)) return folder;
    return null;
  }

  /**
   * Runs what reads weights that may not be here. `lacking` is asked once the headers are: the bytes that the run fetches at most.
   * @throws RpcError where the answer is no, or the Hub gives none
   */
  async during<T>(
    key: string,
    options: CallOptions,
    work: { readonly lacking: ((options: CallOptions) => Promise<number>) | null; readonly run: () => Promise<T> },
  ): Promise<T> {
    const model = this.known.get(key);
    if (!model) return work.run();
    const controller = new AbortController();
    const stop = (): void => controller.abort();
    options.signal?.addEventListener('abort', stop, { once: true });
    const done = { bytes: 0 };
    let opened: HubFolder | null = null;
    let permit: Permit | null = null;
    try {
      opened = await this.listed(key, model, controller.signal, (bytes) => {
        done.bytes += bytes;
        options.onProgress?.({ message: l10n.t('{0} fetched from {1}', formatSize(done.bytes), hubHost(process.env)) });
      });
      permit = { key, name: model.name, folder: opened, left: null };
      this.permits.add(permit);
      if (work.lacking !== null) {
        const bytes = await work.lacking(options);
        if (bytes > 0 && !(await allowsWeights(model.name, bytes)))
          throw new RpcError('cancelled', l10n.t('Nothing was fetched.'));
        permit.left = bytes;
      }
      return await work.run();
    } catch (error) {
      if (!(error instanceof HubError)) throw error;
      throw new RpcError(
        error.kind === 'cancelled' ? 'cancelled' : 'unavailable',
        `${error.message} ${error.fix}`.trim(),
      );
    } finally {
      if (permit) this.permits.delete(permit);
      opened?.close();
      options.signal?.removeEventListener('abort', stop);
    }
  }

  /** For the compute process: bytes that a permit covers, and no others. */
  async fetchPart({ path, from, to }: MethodParams<HostMethods, 'parts/fetch'>): Promise<Uint8Array> {
    const absolute = resolve(path);
    const permit = [...this.permits].find(({ folder }) => absolute.startsWith(resolve(folder.folder) + sep));
    if (!permit)
      throw new RpcError(
        'unavailable',
        l10n.t(
          'This part of the weights is not on this machine. Download the model, or open it by its name on the Hub.',
        ),
      );
    if (permit.left !== null) {
      if (to - from > permit.left)
        throw new RpcError(
          'unavailable',
          l10n.t('The run tried to fetch more than you had allowed, so it was stopped. Run it again to be asked anew.'),
        );
      permit.left -= to - from;
    }
    try {
      if (permit.left === null) await this.takeHeader(permit, path, to - from);
      return await permit.folder.fetchPart(path, from, to);
    } catch (error) {
      if (!(error instanceof HubError)) throw error;
      throw new RpcError(error.kind === 'cancelled' ? 'cancelled' : 'unavailable', `${error.message} ${error.fix}`);
    }
  }

  /** With the names and sizes of its weights, and leave to read their headers. */
  private async listed(
    key: string,
    { name, commit }: InParts,
    signal: AbortSignal,
    onBytes: (bytes: number) => void,
  ): Promise<HubFolder> {
    // What it holds must be asked of the Hub.
    if (!(await isListed(new CachedModel(name.repo), commit))) await this.headers.ask(key, announced(name, []));
    const access = await hubAccess(process.env, { signal, onBytes });
    // The commit that the document is of, wherever the branch is now.
    return openHubFolder({ name: { ...name, revision: commit }, access, announce: () => undefined });
  }

  /** Of what was said of the headers; asked once for a model in a session. @throws HubError, RpcError where it is more */
  private async takeHeader({ key, name, folder }: Permit, path: string, bytes: number): Promise<void> {
    const files = await folder.files();
    await this.headers.ask(key, announced(name, files));
    const budget = this.budgets.get(key) ?? new HeaderBudget(files);
    this.budgets.set(key, budget);
    if (!budget.take(path, bytes))
      throw new RpcError('unavailable', l10n.t('The headers of {0} are larger than was announced.', hubNameText(name)));
  }
}

function announced(name: HubName, files: readonly ListedFile[]): Omit<Announcement, 'files'> {
  return { name: hubNameText(name), host: hubHost(process.env), weights: weightsAmong(files) };
}

/** Always asked: weights are large, and how large depends on what is looked at. */
async function allowsWeights(name: HubName, bytes: number): Promise<boolean> {
  const yes = l10n.t('Fetch');
  const answer = await ask(
    l10n.t(
      'Fetch up to {0} of the weights of {1} from {2}?',
      formatSize(bytes),
      hubNameText(name),
      hubHost(process.env),
    ),
    [
      l10n.t(
        'The rows of the embedding that the prompt needs, and the tensors of the layers up to the one that is looked at.',
      ),
      l10n.t('Fetched files are kept and not fetched again.'),
    ],
    yes,
  );
  return answer === yes;
}
