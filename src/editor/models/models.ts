/**
 * Models in the stores of this machine and on the Hub, as read-only documents with what lies beside them. Reading a document never uses the
 * network: only what a person asked for and allowed does, and no further than that. Loaded when the first is opened.
 */

import { readdir, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, sep } from 'node:path';
import { type FileStat, FileSystemError, FileType, l10n, type Uri } from 'vscode';
import { parseHubName } from '../../hub/hubName';
import type { WeightBytes } from '../../serving/weights';
import { isRpcError } from '../../shared/rpcError';
import type { LocalModels } from '../../shared/storesContract';
import type { WeightsSummary } from '../../shared/weightsContract';
import { hubHost } from '../../stores/hubAccess';
import { cachedFile } from '../../stores/huggingFace';
import { weightsOf } from '../../stores/shards';
import { storedFile } from '../../stores/storedFile';
import { storeEnvironment } from '../../stores/storePlaces';
import { boundedFile } from '../../stores/smallFile';
import { modelPlace } from '../modelUri';
import { Owner } from '../lifecycle';
import type { Beside } from '../panel/headSources';
import { isWeightFile } from '../weightNames';
import type { Services } from '../services';
import { taughtFamilies } from '../settings';
import { tell } from '../sinks';
import { HubModels } from './hubModels';
import { cacheShelf, uriHere } from './cacheShelf';
import type { ModelsPart } from './modelsPart';
import { openFromHub } from './openFromHub';

/** No config comes near it, and no other small file of a model that is shown. */
const MOST_BYTES = 4_000_000;
/** Reading the header of a GGUF file. */
const DEADLINE_MS = 60_000;
const MOST_TEXTS = 32;

interface Text {
  readonly bytes: Uint8Array;
  readonly mtime: number;
}

export class Models extends Owner implements ModelsPart {
  readonly hub = new HubModels();
  looks = 0;
  /** Configs made of headers, by file and time. */
  private readonly texts = new Map<string, Text>();

  constructor(private readonly services: Services) {
    super();
  }

  async list(signal: AbortSignal): Promise<LocalModels | null> {
    const { compute } = this.services;
    if (!compute) return null;
    const environment = storeEnvironment(process.env, homedir(), process.platform);
    this.looks++;
    try {
      return await (await compute.get()).call('stores/list', { environment }, { signal });
    } catch (error) {
      if (isRpcError(error) && error.code === 'cancelled') return null;
      throw error;
    }
  }

  async stat(uri: Uri): Promise<FileStat> {
    const { bytes, mtime } = await this.text(uri);
    return { type: FileType.File, ctime: mtime, mtime, size: bytes.byteLength };
  }

  async readFile(uri: Uri): Promise<Uint8Array> {
    return (await this.text(uri)).bytes;
  }

  async beside(uri: Uri): Promise<Beside | null> {
    const file = await this.fileOf(uri);
    if (file === null) return null;
    if (file.gguf) {
      // One that Python has is whole.
      const parts = file.repo === null ? null : await this.hub.partsOf(file.repo);
      const isInParts = parts !== null && file.path.startsWith(parts + sep);
      return { folder: file.path, weights: true, ...(isInParts && { from: hubHost(process.env) }) };
    }
    const folder = dirname(file.path);
    const names = await readdir(folder).catch((): string[] => []);
    if (names.some(isWeightFile) && (file.repo === null || (await weightsOf(folder, names)) === 'whole'))
      return { folder, weights: true };
    // Its weights may be read from the Hub, after a question.
    const parts = file.repo === null ? null : await this.hub.partsOf(file.repo);
    return parts === null ? { folder, weights: false } : { folder: parts, weights: true, from: hubHost(process.env) };
  }

  async hasConfig(name: string): Promise<boolean> {
    return (await uriHere(parseHubName(name))) !== null;
  }

  get host(): string {
    return hubHost(process.env);
  }

  async openFromHub(argument: unknown): Promise<Uri | null> {
    return openFromHub(this.services, () => cacheShelf(this.services, this.hub), argument);
  }

  async summary(uri: Uri, signal: AbortSignal): Promise<WeightsSummary | null> {
    const { compute } = this.services;
    const beside = await this.beside(uri);
    if (!compute || beside?.weights !== true) return null;
    const asked = { path: beside.folder, families: taughtFamilies() };
    return (await compute.get()).call('weights/summary', asked, { signal, deadlineMs: DEADLINE_MS });
  }

  async weights(uri: Uri): Promise<WeightBytes | null> {
    const { compute } = this.services;
    const beside = await this.beside(uri);
    if (!compute || beside === null) return null;
    // Of a GGUF file, itself; in a folder, beside the config.
    const isGguf = /[\\/][^\\/]+\.gguf$|[\\/]sha256-[0-9a-f]{64}$/i.test(beside.folder);
    const path = isGguf ? beside.folder : `${beside.folder}/config.json`;
    return (await compute.get()).call('weights/beside', { path }, { deadlineMs: 10_000 });
  }

  async setToken(): Promise<void> {
    await tell(l10n.t('The token of the Hub is the one of “hf auth login”, or of HF_TOKEN.'));
  }

  private async text(uri: Uri): Promise<Text> {
    const file = await this.fileOf(uri);
    if (file === null) throw FileSystemError.FileNotFound(uri);
    const info = await stat(file.path).catch(() => null);
    if (info === null) throw FileSystemError.FileNotFound(uri);
    const mtime = Math.floor(info.mtimeMs);
    if (!file.gguf) {
      const bytes = await boundedFile(file.path, MOST_BYTES).catch(() => null);
      if (bytes === null) throw FileSystemError.Unavailable(uri);
      return { bytes, mtime };
    }
    const key = file.path;
    const known = this.texts.get(key);
    if (known?.mtime === mtime) return known;
    const made = { bytes: new TextEncoder().encode(await this.header(file.path)), mtime };
    this.texts.set(key, made);
    for (const oldest of [...this.texts.keys()].slice(0, -MOST_TEXTS)) this.texts.delete(oldest);
    return made;
  }

  private async header(path: string): Promise<string> {
    const { compute } = this.services;
    if (!compute) throw FileSystemError.Unavailable();
    const summary = await (await compute.get()).call('weights/summary', { path }, { deadlineMs: DEADLINE_MS });
    return summary.config?.text ?? '';
  }

  /** The file of this machine behind an address; of a GGUF file, itself. Null where it leaves its store, or is not there. */
  private async fileOf(uri: Uri): Promise<StoredConfig | null> {
    const found = modelPlace(uri);
    if (found === null) return null;
    const { store } = found;
    // `name.gguf/config.json`, and the tag of Ollama's, stand for the metadata.
    const gguf = store === 'ollama' || /\.gguf\/config\.json$/i.test(found.place);
    const place = gguf ? found.place.replace(/\/config\.json$/, '') : found.place;
    if (!gguf && !/(?:^|\/)[\w.-]+\.json$/.test(place)) return null;
    if (store !== 'huggingFace') {
      const environment = storeEnvironment(process.env, homedir(), process.platform);
      const path = await storedFile(store, place, environment);
      return path === null ? null : { path, gguf, repo: null };
    }
    try {
      const name = parseHubName(place);
      const path = name.path === '' ? null : await cachedFile(name);
      return path === null ? null : { path, gguf, repo: name };
    } catch {
      return null;
    }
  }
}

interface StoredConfig {
  readonly path: string;
  readonly gguf: boolean;
  readonly repo: ReturnType<typeof parseHubName> | null;
}

export function createModels(services: Services): Models {
  return new Models(services);
}
