/**
 * Commands that compute. A file of its own (esbuild.host.js), loaded at the first of them: who only hovers pays nothing.
 */

import { type CancellationToken, l10n, Uri, window, workspace } from 'vscode';
import { ComputeClient } from '../compute/client';
import { decodePlan, expectedSeconds } from '../compute/bench/decodeCases';
import { installCommands, installNeeds, installTensorflow, type TensorflowSource } from '../compute/installTensorflow';
import { computeThreads, defaultMemoryCeiling } from '../compute/machine';
import type { CacheRule } from '../attention/onnx/program';
import type { Reading } from '../reading/read';
import { devicesMarkdown, layerMarkdown, type LayerReport } from '../present/computeText';
import { conversionMarkdown, conversionPicture } from '../present/conversionText';
import { siblingsOf } from '../present/siblings';
import { svgFile } from '../present/svg';
import { decodeCsv, decodeMarkdown } from '../present/decodeText';
import { kindTitle } from '../present/words';
import type { ComputeMethods, DescribedLayer, RunLayerResult } from '../shared/computeContract';
import type { DecodeResult } from '../shared/decodeContract';
import type { DeviceChoice, DeviceReport } from '../shared/devices';
import type { CaptureParams, ConvertParams, ConvertResult, ModelParams } from '../shared/headsContract';
import type { MethodName, MethodParams, MethodResult, CallOptions } from '../shared/rpc';
import { formatInteger } from '../model/units';
import { DEFAULT_SEED } from '../shared/limits';
import { isRpcError, messageOf, RpcError } from '../shared/rpcError';
import { besideOf } from './beside';
import { askConversion, conversionSample, type MeasureConversionRequest } from './conversionQuestions';
import { Owner } from './lifecycle';
import type { LazyModels } from './lazyModels';
import { configName } from './names';
import type { HeadsCompute } from './panel/headSources';
import type { TradeoffCompute } from './panel/tradeoffRuns';
import type { ResultPages } from './resultPages';
import { computeSettings, scenarioSetting, taughtFamilies, unitsSetting } from './settings';
import { ask, askText, complain, type Log, pickFrom, tell, warn, withProgress } from './sinks';
import { writeWhole } from './writing';

export interface ComputeHostOptions {
  /** dist/compute.js */
  readonly script: string;
  /** Folder of the extension's own, for the TensorFlow engine. */
  readonly storage: string;
  /** The folder of the sample models. */
  readonly samples: Uri;
  readonly log: Log;
  readonly pages: ResultPages;
  /** Whose weights may lie on the Hub. */
  readonly models: LazyModels;
}

/** Arguments of the commands, for tests and key bindings; people are asked. */
export interface RunLayerRequest {
  readonly layer?: number;
  readonly tokens?: number;
  readonly steps?: number;
  /** What the layer keeps between steps; default: what the scenario's engine keeps, where that is transformers. */
  readonly rule?: CacheRule;
}

/** Calls for which what lacks of the weights may be fetched, after a question. */
const READS_WEIGHTS: ReadonlySet<string> = new Set([
  'heads/model',
  'heads/tokens',
  'heads/capture',
  'heads/convert',
  'lens/read',
  'lens/heads',
  'lens/diversity',
  'lens/repeated',
  'lens/next',
  'effects/change',
  'effects/map',
  'effects/attribute',
  'effects/patch',
  'effects/compose',
  'weights/summary',
]);

/** Those of them that read all weights of a model. */
const READS_ALL: ReadonlySet<string> = new Set([
  'lens/read',
  'lens/heads',
  'lens/diversity',
  'lens/next',
  'effects/change',
  'effects/map',
  'effects/attribute',
  'effects/patch',
  'effects/compose',
]);

const DEFAULT_TOKENS = 64;
const DEFAULT_STEPS = 8;

export interface MeasureDecodeRequest {
  /** More lengths and runs. */
  readonly thorough?: boolean;
}

/** Made by the entry bundle; see `services.ts`. */
export function createComputeHost(options: ComputeHostOptions): ComputeHost {
  return new ComputeHost(options);
}

export class ComputeHost extends Owner {
  private client: ComputeClient | null = null;

  constructor(private readonly options: ComputeHostOptions) {
    super();
    this.own({ dispose: () => this.client?.dispose() });
    this.own(
      workspace.onDidChangeConfiguration((event) => {
        if (!event.affectsConfiguration('headlight.compute')) return;
        this.client?.dispose();
        this.client = null;
      }),
    );
  }

  /** Heads of real weights, for the panel: it shows progress and failures itself. */
  readonly heads: HeadsCompute = {
    device: (options) => this.choose(options),
    call: (method, params, options) => this.call(method, params, options),
  };

  /** Sweeps over methods, the same. */
  readonly tradeoff: TradeoffCompute = {
    device: (options) => this.choose(options),
    call: (method, params, options) => this.call(method, params, options),
  };

  /** Process id of the compute process while it runs, for tests. */
  get pid(): number | undefined {
    return this.client?.pid;
  }

  async showDevices(): Promise<readonly DeviceReport[] | null> {
    return this.inProgress(l10n.t('Looking for compute devices'), async (options) => {
      const reports = await this.compute().devices({ ...options, refresh: true });
      const choice = await this.choose(options).catch((error: unknown) => messageOf(error));
      await this.options.pages.show({
        kind: l10n.t('Compute devices'),
        name: l10n.t('this machine'),
        subject: '',
        markdown: devicesMarkdown(reports, choice),
      });
      return reports;
    });
  }

  /** Runs a layer of the config with seeded weights and weighs its cache against the formula. */
  async runLayer(reading: Reading, request: RunLayerRequest = {}): Promise<LayerReport | null> {
    const layer = request.layer ?? (await pickLayer(reading));
    if (layer === null) return null;
    const [tokens, steps] = [request.tokens ?? DEFAULT_TOKENS, request.steps ?? DEFAULT_STEPS];
    const rule = request.rule ?? (scenarioSetting().engine === 'transformers' ? 'transformers' : 'intrinsic');
    return this.inProgress(l10n.t('Running layer {0}', layer), async (options) => {
      const described = await this.call(
        'compute/describeLayer',
        { text: reading.document.text, families: taughtFamilies(), layer },
        options,
      );
      const device = await this.choose(options);
      const half = await this.float16Error(device, options);
      const run = await this.call(
        'compute/runLayer',
        {
          layer: described.layer,
          engine: device.engine,
          seed: DEFAULT_SEED,
          batch: 1,
          tokens,
          steps,
          captures: [],
          form: null,
          rule,
          ...(half === null ? {} : { precision: 'float16' as const }),
        },
        { ...options, supersedeKey: 'runLayer' },
      );
      const report = { ...reportOf(reading, layer, described, device, run, tokens, steps), float16Error: half };
      await this.options.pages.show({
        kind: l10n.t('Layer {0}', layer),
        name: reading.spec.modelType,
        subject: String(layer),
        markdown: layerMarkdown(reading.spec.modelType, report),
      });
      return report;
    });
  }

  /** Writes a layer of the config as an ONNX file, where the user says (or at `target`). */
  async saveOnnx(
    reading: Reading,
    request: { readonly layer?: number; readonly target?: Uri } = {},
  ): Promise<Uri | null> {
    const layer = request.layer ?? (await pickLayer(reading));
    if (layer === null) return null;
    const name = `${reading.spec.modelType.replace(/[^\w.-]/g, '_').slice(0, 60)}-layer-${layer}.onnx`;
    const target =
      request.target ??
      (await window.showSaveDialog({
        filters: { ONNX: ['onnx'] },
        defaultUri: besideWorkspace(name),
        title: l10n.t('Save Attention Layer as ONNX'),
      }));
    if (!target) return null;
    return this.inProgress(l10n.t('Writing layer {0}', layer), async (options) => {
      const { layer: spec, note } = await this.call(
        'compute/describeLayer',
        { text: reading.document.text, families: taughtFamilies(), layer },
        options,
      );
      const mode = spec.attention.kind === 'latent' ? 'decode' : 'prefill';
      const { bytes, inlineWeights } = await this.call(
        'compute/layerOnnx',
        { layer: spec, mode, form: null, seed: DEFAULT_SEED, name },
        options,
      );
      await writeWhole(target, bytes);
      const written = inlineWeights
        ? l10n.t('Layer {0} was written with seeded weights.', layer)
        : l10n.t('Layer {0} was written with weights as inputs.', layer);
      void tell(note ? `${written} ${note}.` : written);
      return target;
    });
  }

  /** What a layer loses as GQA, MQA and MLA: of the weights beside the config, else of a sample's or of random ones, as the user says. */
  async measureConversion(
    reading: Reading,
    uri: Uri,
    request: MeasureConversionRequest = {},
  ): Promise<ConvertResult | null> {
    const { samples, pages } = this.options;
    const beside = await besideOf(uri, this.options.models);
    const config = configName(uri);
    const asked = await askConversion({ reading, name: config, weights: beside?.weights === true, samples }, request);
    if (asked === null) return null;
    const { weights, layer, text } = asked;
    const sample = conversionSample(samples);
    const name = weights === 'sample' ? sample.name : config;
    return this.inProgress(l10n.t('Measuring what layer {0} of {1} loses', layer, name), async (options) => {
      const seeded = { text: reading.document.text, families: taughtFamilies(), seed: DEFAULT_SEED };
      const path = weights === 'sample' ? sample.folder.fsPath : (beside?.folder ?? '');
      const { engine } = await this.choose(options);
      const result = await this.call(
        'heads/convert',
        { path, ...(weights === 'random' ? { seeded } : {}), engine, text, layer, conversions: null },
        { ...options, supersedeKey: 'convert' },
      );
      const siblings = siblingsOf(await textAt(Uri.joinPath(samples, 'results.json')));
      const subject = { model: name, insteadOf: weights === 'sample' ? config : null, siblings };
      const picture = conversionPicture(siblings, result);
      await pages.show({
        kind: l10n.t('What conversions of layer {0} lose', layer),
        name,
        subject: uri.toString(),
        markdown: conversionMarkdown(subject, result, picture),
        plain: conversionMarkdown(subject, result, null),
        ...(picture === null ? {} : { picture: svgFile(picture) }),
      });
      return result;
    });
  }

  /** How fast a decode step is here: as MHA, GQA, MQA and MLA at the config's widths, and with a cache and without. */
  async measureDecode(reading: Reading, uri: Uri, request: MeasureDecodeRequest = {}): Promise<DecodeResult | null> {
    const name = configName(uri);
    const thorough = typeof request.thorough === 'boolean' ? request.thorough : await askThorough(reading, name);
    if (thorough === null) return null;
    return this.inProgress(l10n.t('Measuring decode at the widths of {0}', name), async (options) => {
      const { engine } = await this.choose(options);
      const result = await this.call(
        'bench/decode',
        { text: reading.document.text, families: taughtFamilies(), engine, thorough },
        { ...options, supersedeKey: 'decode' },
      );
      await this.options.pages.show({
        kind: l10n.t('Decode on this machine'),
        name,
        subject: uri.toString(),
        markdown: decodeMarkdown(name, result),
        csv: decodeCsv(result),
      });
      return result;
    });
  }

  /** Installs the TensorFlow engine into the extension's storage, after showing the commands that will run. */
  async installTensorflow(): Promise<boolean> {
    if (!workspace.isTrusted) {
      warn(l10n.t('Installing an engine runs npm and a compiler: trust this workspace first.'));
      return false;
    }
    const source = await pickTensorflow();
    if (!source) return false;
    const commands = installCommands(source);
    const install = l10n.t('Install');
    const detail = [
      l10n.t("It is installed into Headlight's own storage. These commands run:"),
      '',
      ...commands,
      '',
      installNeeds(source),
    ];
    const answer = await ask(l10n.t('Install the TensorFlow engine?'), detail, install);
    if (answer !== install) return false;
    const done = await this.inProgress(l10n.t('Installing the TensorFlow engine'), async ({ signal, onProgress }) => {
      const folder = await installTensorflow({
        source,
        folder: this.tensorflowFolder(),
        ...(signal ? { signal } : {}),
        ...(onProgress ? { onProgress } : {}),
        onLine: (line) => this.options.log.info(line),
      });
      this.options.log.info(`TensorFlow engine installed in ${folder}`);
      this.client?.dispose();
      this.client = null;
      return true;
    });
    return done ?? false;
  }

  private tensorflowFolder(): string {
    return Uri.joinPath(Uri.file(this.options.storage), 'tensorflow').fsPath;
  }

  private compute(): ComputeClient {
    const { script, log, models } = this.options;
    const { memoryCeilingBytes, tensorflowPath } = computeSettings();
    this.client ??= new ComputeClient({
      script,
      ...(memoryCeilingBytes === null ? {} : { memoryCeiling: memoryCeilingBytes }),
      tensorflowPath: tensorflowPath ?? this.tensorflowFolder(),
      proofs: Uri.joinPath(Uri.file(this.options.storage), 'devices.json').fsPath,
      fetchPart: async (params) => {
        const { hub } = await models.get();
        if (!hub)
          throw new RpcError(
            'unavailable',
            l10n.t(
              'This part of the weights is not on this machine. Download the model, or open it by its name on the Hub.',
            ),
          );
        return hub.fetchPart(params);
      },
      units: unitsSetting,
      onLog: (line) => log.info(line),
      onCrash: (message) =>
        warn(l10n.t("Headlight's compute process ended: {0} It starts again when it is needed.", message)),
    });
    return this.client;
  }

  private async choose(options: CallOptions): Promise<DeviceChoice> {
    const { engine, allowSoftwareGpu } = computeSettings();
    return this.compute().device(engine, allowSoftwareGpu, options);
  }

  /** That of the proof, where the user allows float16 and the GPU has it; else null: float32 it is. */
  private async float16Error({ engine }: DeviceChoice, options: CallOptions): Promise<number | null> {
    if (!computeSettings().allowFloat16) return null;
    const report = (await this.compute().devices(options)).find((each) => each.engine === engine);
    return report && report.kind !== 'cpu' ? (report.proof?.float16Error ?? null) : null;
  }

  /** Any method of the compute process, for other parts of the editor; starts the process when it is not there. */
  call<K extends MethodName<ComputeMethods>>(
    method: K,
    params: MethodParams<ComputeMethods, K>,
    options: CallOptions,
  ): Promise<MethodResult<ComputeMethods, K>> {
    const run = (how: CallOptions): Promise<MethodResult<ComputeMethods, K>> =>
      this.compute().call(method, params, how);
    const hub = READS_WEIGHTS.has(method) ? this.options.models.loaded?.hub : null;
    const inParts = hub && 'path' in params ? hub.inParts(params.path) : null;
    if (!hub || inParts === null) return run(options);
    // A question may stand as long as it likes.
    const { deadlineMs: _, ...patient } = options;
    // The others read headers, and no further.
    const lacking =
      method === 'heads/capture' || method === 'heads/convert' || READS_ALL.has(method)
        ? (how: CallOptions): Promise<number> => this.lacking(method, params, how)
        : null;
    return hub.during(inParts, options, { lacking, run: () => run(patient) });
  }

  /** Bytes of weights that a call would have fetched, at most. */
  private async lacking(method: string, params: object, options: CallOptions): Promise<number> {
    const compute = this.compute();
    if (READS_ALL.has(method)) {
      const { path } = params as ModelParams;
      return (await compute.call('lens/lacking', { path }, options)).bytes;
    }
    const { bytes } = await (method === 'heads/capture'
      ? compute.call('heads/lacking', params as CaptureParams, options)
      : compute.call('heads/lackingForConversion', params as ConvertParams, options));
    return bytes;
  }

  /** Progress with a way to cancel; a failure becomes one message, a cancellation none. */
  private async inProgress<T>(title: string, work: (options: CallOptions) => Promise<T>): Promise<T | null> {
    return withProgress(l10n.t('Headlight: {0}', title), async (report, token) => {
      try {
        let shown = 0;
        return await work({
          signal: signalOf(token),
          onProgress: ({ message, fraction = shown }) => {
            // A bar that went back would say less than one that waits.
            const increment = 100 * Math.max(0, fraction - shown);
            shown = Math.max(shown, fraction);
            report(increment, message);
          },
        });
      } catch (error) {
        if (isRpcError(error) && (error.code === 'cancelled' || error.code === 'superseded')) return null;
        const message = error instanceof Error ? error.message : l10n.t('unknown failure');
        this.options.log.error(`${title}: ${message}`);
        complain(`${title}: ${message}`);
        return null;
      }
    });
  }
}

function signalOf(token: CancellationToken): AbortSignal {
  const controller = new AbortController();
  token.onCancellationRequested(() => controller.abort());
  return controller.signal;
}

function besideWorkspace(name: string): Uri {
  const folder = workspace.workspaceFolders?.[0]?.uri;
  return folder ? Uri.joinPath(folder, name) : Uri.file(name);
}

async function pickLayer(reading: Reading): Promise<number | null> {
  const items = reading.spec.layers.map((layer) => ({
    label: l10n.t('Layer {0}', layer.index),
    description: kindTitle(layer.attention.kind),
    layer: layer.index,
  }));
  if (items.length === 1) return 0;
  const picked = await pickFrom(l10n.t('Which layer'), items);
  return picked?.layer ?? null;
}

/** Empty where there is none. */
async function textAt(uri: Uri): Promise<string> {
  return workspace.fs.readFile(uri).then(
    (bytes) => new TextDecoder().decode(bytes),
    () => '',
  );
}

/** Quick or thorough, each with what it takes; null where nobody wants to wait, or nothing can be measured. */
async function askThorough(reading: Reading, name: string): Promise<boolean | null> {
  const { engine, memoryCeilingBytes } = computeSettings();
  const on = engine === 'auto' ? 'onnxruntime-cpu' : engine;
  const items = [false, true].flatMap((thorough) => {
    const plan = decodePlan(reading.spec, {
      thorough,
      engine: on,
      ceiling: memoryCeilingBytes ?? defaultMemoryCeiling(),
    });
    if (!plan) return [];
    const designs = [...new Set(plan.designs.map(({ label }) => label))].join(', ');
    const [first, last] = [plan.steps[0]?.tokens ?? 0, plan.steps.at(-1)?.tokens ?? 0].map(formatInteger);
    return {
      label: thorough ? l10n.t('Thorough') : l10n.t('Quick'),
      description: aboutSeconds(expectedSeconds(plan, on, computeThreads())),
      detail: l10n.t(
        'Times a step of {0} with {1} cached tokens, and generation with and without the cache at {2} to {3} tokens',
        designs,
        formatInteger(plan.tokens),
        first ?? '',
        last ?? '',
      ),
      thorough,
    };
  });
  if (items.length === 0) {
    complain(l10n.t('No layer of {0} has heads whose decode could be measured.', name));
    return null;
  }
  const picked = await pickFrom(l10n.t('Measure Decode on This Machine · {0}', name), items);
  return picked?.thorough ?? null;
}

/** Rounded so that nobody takes it for exact. */
function aboutSeconds(seconds: number): string {
  return seconds > 90
    ? l10n.t('about {0} minutes', Math.ceil(seconds / 60))
    : l10n.t('about {0} seconds', Math.ceil(seconds / 10) * 10);
}

async function pickTensorflow(): Promise<TensorflowSource | null> {
  const picked = await pickFrom(l10n.t('Install TensorFlow Engine'), [
    {
      label: l10n.t("Built against my Python's TensorFlow"),
      description: l10n.t('uses its CUDA; needs a C++ compiler'),
      route: 'python' as const,
    },
    {
      label: l10n.t('As published, for GPU'),
      description: l10n.t('needs CUDA 11.2; downloads libtensorflow'),
      route: 'gpu' as const,
    },
    { label: l10n.t('As published, for CPU'), description: l10n.t('downloads libtensorflow'), route: 'cpu' as const },
  ]);
  if (!picked) return null;
  if (picked.route !== 'python') return { kind: 'published', gpu: picked.route === 'gpu' };
  const python = await askText({ title: l10n.t('Path of a Python that has TensorFlow'), value: 'python3' });
  return python ? { kind: 'python', python } : null;
}

function reportOf(
  reading: Reading,
  layer: number,
  { note }: DescribedLayer,
  device: DeviceChoice,
  run: RunLayerResult,
  tokens: number,
  steps: number,
): Omit<LayerReport, 'float16Error'> {
  return {
    layer,
    kind: reading.spec.layers[layer]?.attention.kind ?? 'none',
    note,
    device,
    run,
    tokens,
    steps,
    formulaBytes: run.planned.bytes,
  };
}
