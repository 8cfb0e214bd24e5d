/**
 * Models on the Hub in the browser: the browser fetches configs, after the same question, and VS Code's storage keeps them. Of weights the
 * headers are read, here, for there is no process that could; what they say stays while the window is open.
 */

import { type FileStat, FileSystemError, FileType, l10n, type Uri } from 'vscode';
import { summarizeHeaders, WeightsError } from '../../compute/weights/headerSummary';
import { HeaderBudget } from '../../hub/headerBytes';
import { HubError, shownName } from '../../hub/hubError';
import { HubModel } from '../../hub/hubModel';
import { type HubName, hubNameText, parseHubName } from '../../hub/hubName';
import { QUANT_FILE } from '../../config/quantFile';
import type { WeightBytes } from '../../serving/weights';
import type { LocalModels } from '../../shared/storesContract';
import type { WeightsSummary } from '../../shared/weightsContract';
import { Owner } from '../lifecycle';
import { modelPlace } from '../modelUri';
import type { Beside } from '../panel/headSources';
import type { Services } from '../services';
import { taughtFamilies } from '../settings';
import { allows, HeaderLeave, nothingFetched } from './hubQuestions';
import { type KeptModel, KeptModels } from './keptModels';
import type { ModelsPart } from './modelsPart';
import { configsOf, type HubShelf, openFromHub, uriOf } from './openFromHub';
import { askToken, webAccess, webHost } from './webAccess';

/** No config comes near it. */
const MOST_BYTES = 4_000_000;
const MOST_SUMMARIES = 16;

export class WebModels extends Owner implements ModelsPart {
  readonly hub = null;
  readonly looks = 0;
  private readonly kept: KeptModels;
  private readonly stays = l10n.t(
    "Fetched configs stay in VS Code's storage in this browser; what was read of headers is kept only while the window is open.",
  );
  /** By name and commit. */
  private readonly headers = new HeaderLeave(this.stays);
  private readonly summaries = new Map<string, WeightsSummary>();

  constructor(private readonly services: Services) {
    super();
    this.kept = new KeptModels(services);
  }

  get host(): string {
    return webHost();
  }

  list(): Promise<LocalModels | null> {
    return Promise.resolve(null);
  }

  async stat(uri: Uri): Promise<FileStat> {
    const { text, fetched } = await this.file(uri);
    const size = new TextEncoder().encode(text).byteLength;
    return { type: FileType.File, ctime: fetched, mtime: fetched, size };
  }

  async readFile(uri: Uri): Promise<Uint8Array> {
    return new TextEncoder().encode((await this.file(uri)).text);
  }

  beside(): Promise<Beside | null> {
    return Promise.resolve(null);
  }

  async hasConfig(name: string): Promise<boolean> {
    return (await this.here(parseHubName(name))) !== null;
  }

  openFromHub(argument: unknown): Promise<Uri | null> {
    return openFromHub(this.services, () => this.shelf(), argument);
  }

  setToken(): Promise<void> {
    return askToken(this.services.context);
  }

  async summary(uri: Uri, signal: AbortSignal): Promise<WeightsSummary | null> {
    const found = await this.modelOf(uri);
    const text = found?.model.files[found.name.path];
    if (!found || text === undefined) return null;
    const { name, key, model } = found;
    const known = this.summaries.get(key);
    if (known) return known;
    try {
      // The commit that the document is of, wherever the branch is now. What the model has is asked of the Hub first: the question says how much.
      const hub = await HubModel.open(
        { ...name, revision: model.commit, path: '' },
        await webAccess(this.services.context, signal),
      );
      await this.headers.ask(key, { name: hubNameText(repository(name)), host: hub.host, weights: hub.weights });
      const budget = new HeaderBudget(hub.files.values());
      const below = folderOf(name.path);
      const names = [...hub.files.keys()].flatMap((path) =>
        folderOf(path) === below ? [path.slice(below.length)] : [],
      );
      const folder = {
        size: (file: string) => hub.files.get(below + file)?.bytes,
        read: (file: string, from: number, to: number) => {
          if (file.endsWith('.safetensors') && !budget.take(file, to - from)) throw tooLong(file);
          return hub.range(below + file, from, to);
        },
      };
      const summary = await summarizeHeaders(folder, names, text, { families: taughtFamilies() });
      if (summary === null) return null;
      this.summaries.set(key, summary);
      for (const oldest of [...this.summaries.keys()].slice(0, -MOST_SUMMARIES)) this.summaries.delete(oldest);
      return summary;
    } catch (error) {
      if (!(error instanceof HubError || error instanceof WeightsError)) throw error;
      throw new Error(`${error.message} ${error.fix}`.trim(), { cause: error });
    }
  }

  async weights(uri: Uri): Promise<WeightBytes | null> {
    const found = await this.modelOf(uri);
    return (found && this.summaries.get(found.key)?.weights) ?? null;
  }

  private shelf(): HubShelf {
    const host = webHost();
    return {
      host,
      hint: l10n.t('org/name, org/name@revision; what was not opened before is fetched from {0}', host),
      here: (name) => this.here(name),
      // Those that were opened are listed by all.
      names: () => Promise.resolve([]),
      bring: (name, _report, signal) => this.bring(name, signal),
    };
  }

  private async here(name: HubName): Promise<Uri | null> {
    const model = await this.kept.get(keyOf(name));
    const path = model && configsOf(name).find((each) => Object.hasOwn(model.files, each));
    return path == null ? null : uriOf({ ...name, path });
  }

  private async bring(name: HubName, signal: AbortSignal): Promise<Uri> {
    const hub = await HubModel.open(name, await webAccess(this.services.context, signal));
    const path = configsOf(name).find((each) => each.endsWith('.json') && hub.files.has(each));
    if (path === undefined)
      throw new HubError(
        'noFile',
        l10n.t('{0} has no config.', hubNameText(name)),
        l10n.t('In a GGUF file the header is the config; only desktop VS Code can read it.'),
      );
    const files = [path, folderOf(path) + QUANT_FILE].flatMap((each) => hub.files.get(each) ?? []);
    const what = { name: hubNameText(name), host: hub.host, files, weights: hub.weights };
    if (!(await allows(what, this.stays))) throw nothingFetched();
    const texts: [string, string][] = [];
    for (const file of files) texts.push([file.path, textOf(await hub.read(file.path, MOST_BYTES))]);
    const before = await this.kept.get(keyOf(name));
    // Other configs of the same commit stay beside it.
    const others = before?.commit === hub.commit ? before.files : {};
    const model = { commit: hub.commit, fetched: Date.now(), files: { ...others, ...Object.fromEntries(texts) } };
    await this.kept.put(keyOf(name), model);
    this.headers.give(summaryKey({ ...name, path }, model));
    return uriOf({ ...name, path });
  }

  private async file(uri: Uri): Promise<{ readonly text: string; readonly fetched: number }> {
    const found = await this.modelOf(uri);
    const text =
      found && Object.hasOwn(found.model.files, found.name.path) ? found.model.files[found.name.path] : undefined;
    if (!found || text === undefined) throw FileSystemError.FileNotFound(uri);
    return { text, fetched: found.model.fetched };
  }

  /** What was fetched of the model that an address is in; null where nothing was. Never uses the network. */
  private async modelOf(uri: Uri): Promise<{ name: HubName; key: string; model: KeptModel } | null> {
    const found = modelPlace(uri);
    if (found?.store !== 'huggingFace') return null;
    try {
      const name = parseHubName(found.place);
      const model = await this.kept.get(keyOf(name));
      return model && { name, key: summaryKey(name, model), model };
    } catch {
      return null;
    }
  }
}

function tooLong(file: string): HubError {
  return new HubError(
    'refused',
    l10n.t('The header of {0} is larger than was announced.', shownName(file)),
    l10n.t('Download the model, and open its folder.'),
  );
}

function repository(name: HubName): HubName {
  return { ...name, path: '' };
}

function keyOf(name: HubName): string {
  return hubNameText(repository(name));
}

function summaryKey(name: HubName, { commit }: KeptModel): string {
  return `${name.repo} ${commit} ${folderOf(name.path)}`;
}

/** With its slash; empty at the top. */
function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/') + 1);
}

function textOf(bytes: Uint8Array): string {
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
}

export function createModels(services: Services): ModelsPart {
  return new WebModels(services);
}
