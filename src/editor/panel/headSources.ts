/**
 * Where heads come from: weights beside the config, a chosen folder, the bundled samples, or a seed. Ids go to the page and back, paths stay
 * here. Knows no editor, so that the page's tests can use it too.
 */

import type { ConfigSource } from '../../shared/configSource';
import type { DeviceChoice } from '../../shared/devices';
import type { EffectsMethods } from '../../shared/effectsContract';
import type { HeadsMethods, ModelParams } from '../../shared/headsContract';
import type { LensMethods } from '../../shared/lensContract';
import type { HeadSource, PanelMethods } from '../../shared/panelContract';
import type { CallContext, CallOptions, MethodName, MethodParams, MethodResult } from '../../shared/rpc';
import { RpcError } from '../../shared/rpcError';
import type { Answers } from '../../shared/schema';

/** What the compute process answers about a model. */
type ModelMethods = HeadsMethods & LensMethods & EffectsMethods;
type HeadsQuestion = Extract<keyof PanelMethods, keyof ModelMethods> | 'panel/headSources' | 'panel/device';

/** The compute process, as far as heads need it. */
export interface HeadsCompute {
  device(options: CallOptions): Promise<DeviceChoice>;
  call<K extends MethodName<ModelMethods>>(
    method: K,
    params: MethodParams<ModelMethods, K>,
    options: CallOptions,
  ): Promise<MethodResult<ModelMethods, K>>;
}

/** The followed config's place on disk. */
export interface Beside {
  readonly folder: string;
  /** A weight file or index was found there. */
  readonly weights: boolean;
  /** The host that they are fetched from, as far as they are read. */
  readonly from?: string;
}

export interface SourceFiles {
  /** The followed config, and its folder where it is on this machine's disk. */
  config(): (ConfigSource & { readonly folder: string | null }) | null;
  /** Null where the config is not on this machine's disk. */
  beside(): Promise<Beside | null>;
  /** Folders of the bundled samples, by name. */
  readonly samples: readonly { readonly name: string; readonly label: string; readonly path: string }[];
}

/** Paths that a panel can name at once. */
const MAX_CHOSEN = 8;

export class HeadSources {
  private readonly chosen: { readonly path: string; readonly label: string }[] = [];

  constructor(
    private readonly files: SourceFiles,
    /** Null in the browser. */
    private readonly compute: (() => Promise<HeadsCompute>) | null,
  ) {}

  async list(): Promise<readonly HeadSource[]> {
    const beside = await this.files.beside();
    const unavailable = this.compute
      ? null
      : 'Heads cannot be computed in the browser: open the folder in desktop VS Code.';
    const noWeights =
      beside === null
        ? 'The config is not a file on this machine'
        : beside.weights
          ? null
          : 'There are no weights (safetensors or GGUF) beside the config';
    return [
      {
        id: 'beside',
        label:
          beside?.from === undefined
            ? 'Weights beside the config'
            : `Weights on ${beside.from}, fetched as they are needed`,
        origin: 'beside',
        problem: unavailable ?? noWeights,
      },
      ...this.chosen.map(
        ({ label }, at): HeadSource => ({ id: `chosen:${at}`, label, origin: 'chosen', problem: unavailable }),
      ),
      ...this.files.samples.map(
        ({ name, label }): HeadSource => ({ id: `sample:${name}`, label, origin: 'sample', problem: unavailable }),
      ),
      {
        id: 'seeded',
        label: 'Seeded weights of this config',
        origin: 'seeded',
        problem: unavailable ?? (this.files.config() === null ? NO_CONFIG : null),
      },
    ];
  }

  /** A folder or file that the user chose. */
  add(path: string, label: string): HeadSource {
    const known = this.chosen.findIndex((entry) => entry.path === path);
    if (known < 0 && this.chosen.length === MAX_CHOSEN)
      throw new RpcError(
        'invalidInput',
        `At most ${MAX_CHOSEN} models can be chosen in one panel; reopen it to choose others.`,
      );
    const at = known < 0 ? this.chosen.push({ path, label }) - 1 : known;
    return { id: `chosen:${at}`, label, origin: 'chosen', problem: null };
  }

  /** What the page asks about heads goes to the compute process as it is, with a path in place of the source. */
  readonly answers: Answers<Pick<PanelMethods, HeadsQuestion>> = {
    'panel/headSources': () => this.list(),
    'panel/device': async (_, context) => (await this.process()).device(optionsOf(context)),
    'heads/model': async ({ source }, context) => this.ask('heads/model', await this.modelOf(source), context),
    'heads/tokens': async ({ source, ...asked }, context) =>
      this.ask('heads/tokens', { ...asked, ...(await this.modelOf(source)) }, context),
    'heads/capture': async ({ source, ...asked }, context) => {
      const model = await this.modelOf(source);
      const { engine } = await (await this.process()).device(optionsOf(context));
      return this.ask('heads/capture', { ...asked, ...model, engine }, context);
    },
    'heads/tile': (asked, context) => this.ask('heads/tile', asked, context),
    'lens/read': async ({ source, ...asked }, context) =>
      this.ask('lens/read', { ...asked, ...(await this.running(source, context)) }, context),
    'lens/heads': async ({ source, ...asked }, context) =>
      this.ask('lens/heads', { ...asked, ...(await this.running(source, context)) }, context),
    'lens/diversity': async ({ source, ...asked }, context) =>
      this.ask('lens/diversity', { ...asked, ...(await this.running(source, context)) }, context),
    'lens/repeated': async ({ source, ...asked }, context) =>
      this.ask('lens/repeated', { ...asked, ...(await this.modelOf(source)) }, context),
    'lens/next': async ({ source, ...asked }, context) =>
      this.ask('lens/next', { ...asked, ...(await this.running(source, context)) }, context),
    'effects/change': async ({ source, ...asked }, context) =>
      this.ask('effects/change', { ...asked, ...(await this.running(source, context)) }, context),
    'effects/map': async ({ source, ...asked }, context) =>
      this.ask('effects/map', { ...asked, ...(await this.running(source, context)) }, context),
    'effects/attribute': async ({ source, ...asked }, context) =>
      this.ask('effects/attribute', { ...asked, ...(await this.running(source, context)) }, context),
    'effects/patch': async ({ source, ...asked }, context) =>
      this.ask('effects/patch', { ...asked, ...(await this.running(source, context)) }, context),
    'effects/compose': async ({ source, ...asked }, context) =>
      this.ask('effects/compose', { ...asked, ...(await this.running(source, context)) }, context),
  };

  /** A model, and the engine that runs it. */
  private async running(source: string, context: CallContext): Promise<ModelParams & Pick<DeviceChoice, 'engine'>> {
    const model = await this.modelOf(source);
    const { engine } = await (await this.process()).device(optionsOf(context));
    return { ...model, engine };
  }

  private async ask<K extends MethodName<ModelMethods>>(
    method: K,
    params: MethodParams<ModelMethods, K>,
    context: CallContext,
  ): Promise<MethodResult<ModelMethods, K>> {
    return (await this.process()).call(method, params, optionsOf(context));
  }

  private process(): Promise<HeadsCompute> {
    if (!this.compute)
      throw new RpcError('unavailable', 'Nothing can be computed in the browser: open the folder in desktop VS Code.');
    return this.compute();
  }

  /** @throws RpcError for a source that is gone, or has no weights. */
  async modelOf(source: string): Promise<ModelParams> {
    const [origin, name] = source.split(':');
    const chosen = origin === 'chosen' ? this.chosen[Number(name)] : undefined;
    if (chosen) return { path: chosen.path };
    const sample = origin === 'sample' ? this.files.samples.find((entry) => entry.name === name) : undefined;
    if (sample) return { path: sample.path };
    if (source === 'beside') {
      const beside = await this.files.beside();
      if (beside?.weights) return { path: beside.folder };
      throw new RpcError('invalidInput', 'There are no weights beside the config.');
    }
    if (origin === 'seeded') {
      const config = this.files.config();
      if (config === null) throw new RpcError('invalidInput', `${NO_CONFIG}.`);
      const { folder, ...source } = config;
      return { path: folder ?? '', seeded: { ...source, seed: Number(name) } };
    }
    throw new RpcError('invalidInput', 'That source of heads is gone; choose another.');
  }
}

function optionsOf({ signal, progress }: CallContext): CallOptions {
  return { signal, onProgress: progress };
}

const NO_CONFIG = 'No config is open';
