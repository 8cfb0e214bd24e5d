/** Puts the parts together, the same in every kind of extension host. Activation only registers. */

import {
  commands,
  type CustomReadonlyEditorProvider,
  type Disposable,
  type ExtensionContext,
  type Hover,
  l10n,
  languages,
  type Position,
  type TextDocument,
  Uri,
  window,
} from 'vscode';
import { PANEL_VIEWS, type PanelView } from '../shared/panelViews';
import { activeConfig, activeReading } from './activeReading';
import type { WorkCounts } from './advice/insights';
import { AdviceLoader } from './adviceLoader';
import type { LoadBundle, LoadingPlatform } from './bundles';
import type { ComputeHost, MeasureDecodeRequest, RunLayerRequest } from './computeHost';
import type { MeasureConversionRequest } from './conversionQuestions';
import { ConfigContext } from './configContext';
import { ConfigHoverProvider } from './hover';
import { HoveredLines } from './hoveredLines';
import { COMMANDS, CONTEXTS, VIEWS } from './ids';
import { LazyCompute } from './lazyCompute';
import { LazyModels } from './lazyModels';
import { registerExplorer, registerPalette } from './lazyParts';
import { registerMcpServers } from './mcpServers';
import type { PanelHost } from './panel/panelHost';
import { Readings } from './readings';
import { REFERENCE_SELECTOR, ReferenceHovers } from './referenceHover';
import { ResultPages } from './resultPages';
import type { Services } from './services';
import { registerUnits } from './sizeUnits';
import { WeightConfigs } from './weightConfigs';
import type { WeightEditors } from './weights/weightEditor';
import { createLog, registerCommand, type ShownStatus, tell } from './sinks';

/** What `activate` hands to others (and to the tests). */
export interface HeadlightApi {
  /** Milliseconds that activation took: of the clock, and of the processor (at most the former). */
  readonly activationMs: number;
  readonly activationCpuMs: number;
  /** The hover at a position, without the editor's round trip. */
  hover(document: TextDocument, position: Position): Hover | null;
  /** Process id of the compute process while it runs. */
  computePid(): number | undefined;
  /** The language status item as it is shown; null while the active file is no model config. */
  familyStatus(): ShownStatus | null;
  /** What was done so far: versions of JSON documents that were looked at, looks into stores of models, and the work on model configs once there is some. */
  work(): { readonly looks: number; readonly storeLooks?: number } & Readonly<Partial<WorkCounts>>;
}

export function compose(context: ExtensionContext, platform: LoadingPlatform): HeadlightApi {
  const { load } = platform;
  const started = performance.now();
  const cpu = platform.cpuMs();
  const log = createLog('Headlight');
  const units = registerUnits();
  const readings = new Readings();
  const pages = new ResultPages(context);
  const models = new LazyModels(async () => (await load('models')).createModels(services));
  const compute = platform.native ? new LazyCompute(() => createCompute(services, load)) : null;
  const weightConfigs = new WeightConfigs(async (file) => {
    if (!compute) return '';
    const { config } = await (await compute.get()).call(
      'weights/summary',
      { path: file.fsPath },
      { deadlineMs: 60_000 },
    );
    return config?.text ?? '';
  });
  const services: Services = { context, log, readings, platform, pages, weightConfigs, compute, models };
  const lines = new HoveredLines();
  const advice = new AdviceLoader(services, lines, async () => (await load('advice')).createAdvice(services));
  const hovers = new ConfigHoverProvider(readings, () => advice.keyTexts(), lines);
  context.subscriptions.push(
    log,
    ...units,
    readings,
    pages,
    models,
    languages.registerHoverProvider(REFERENCE_SELECTOR, new ReferenceHovers(models)),
    weightConfigs,
    ...(compute ? [compute] : []),
    advice,
    // A selector that says less stands below others: first the schema's sentence of what a key is, then this. Any language; it asks itself.
    languages.registerHoverProvider({ language: '*' }, hovers),
    lines.register(),
    registerCommand(COMMANDS.showLog, () => log.show()),
    new ConfigContext(readings),
    ...registerPanel(services, load),
    ...registerWeightEditor(services, load),
    ...registerCompute(services),
    ...registerPalette(services, load),
    ...registerExplorer(services, load),
    ...(platform.native ? registerMcpServers(context, log) : []),
    registerCommand(COMMANDS.openFromHub, async (argument?: unknown) => (await models.get()).openFromHub(argument)),
    registerCommand(COMMANDS.setHubToken, async () => (await models.get()).setToken()),
  );
  if (!compute) void commands.executeCommand('setContext', CONTEXTS.web, true);
  const activationMs = performance.now() - started;
  log.info(`activated in ${activationMs.toFixed(1)} ms`);
  return {
    activationMs,
    activationCpuMs: Math.min(activationMs, platform.cpuMs() - cpu),
    hover: (document, position) => hovers.hoverAt(document, position),
    computePid: () => compute?.pid,
    familyStatus: () => advice.loaded?.familyStatus ?? null,
    work: () => ({
      looks: readings.looks,
      ...(models.loaded ? { storeLooks: models.loaded.looks } : {}),
      ...advice.loaded?.counts,
    }),
  };
}

async function createCompute({ context, log, pages, models }: Services, load: LoadBundle): Promise<ComputeHost> {
  return (await load('computeHost')).createComputeHost({
    script: context.asAbsolutePath('dist/compute.js'),
    storage: context.globalStorageUri.fsPath,
    samples: Uri.joinPath(context.extensionUri, 'media', 'samples'),
    log,
    pages,
    models,
  });
}

/** The panel: a view of the side bar, and the same beside the editor. */
function registerPanel(services: Services, load: LoadBundle): Disposable[] {
  let loading: Promise<PanelHost> | undefined;
  const panel = (): Promise<PanelHost> =>
    (loading ??= load('panel').then(async (bundle) => own(services, await bundle.createPanelHost(services))));
  return [
    window.registerWebviewViewProvider(VIEWS.panel, {
      resolveWebviewView: async (view) => (await panel()).attachView(view),
    }),
    window.registerWebviewPanelSerializer(VIEWS.editorPanel, {
      deserializeWebviewPanel: async (restored) => (await panel()).attachPanel(restored),
    }),
    registerCommand(COMMANDS.openPanel, async (uri?: Uri, view?: unknown) =>
      (await panel()).open(uri, panelView(view)),
    ),
    registerCommand(COMMANDS.openPanelBeside, async (uri?: Uri, view?: unknown, other?: unknown) =>
      (await panel()).openBeside(uri, panelView(view), other),
    ),
    registerCommand(COMMANDS.tradeoff, async (uri?: Uri) => (await panel()).openTradeoff(uri)),
    registerCommand(COMMANDS.tradeoffPage, async (uri?: Uri, request?: unknown) =>
      (await panel()).pageOfTradeoff(uri, request),
    ),
  ];
}

/** For safetensors and GGUF files. Nothing of it is loaded until such a file is opened. */
function registerWeightEditor(services: Services, load: LoadBundle): Disposable[] {
  let loading: Promise<WeightEditors> | undefined;
  const editors = (): Promise<WeightEditors> =>
    (loading ??= load('weightEditor').then(async (bundle) =>
      own(services, await bundle.createWeightEditors(services)),
    ));
  const provider: CustomReadonlyEditorProvider = {
    openCustomDocument: (uri) => ({ uri, dispose: () => undefined }),
    resolveCustomEditor: async ({ uri }, panel) => (await editors()).resolve(uri, panel),
  };
  return [VIEWS.weightEditor, VIEWS.weightIndexEditor].map((type) =>
    window.registerCustomEditorProvider(type, provider, { supportsMultipleEditorsPerDocument: true }),
  );
}

/** Menus pass other things as second argument. */
function panelView(value: unknown): PanelView | undefined {
  return PANEL_VIEWS.find((view) => view === value);
}

function registerCompute({ readings, compute }: Services): Disposable[] {
  if (!compute) {
    // In the browser: the commands are in the palette, so they say why.
    const refuse = (): void =>
      void tell(l10n.t('Nothing can be computed in the browser. Open the folder in desktop VS Code to run layers.'));
    return [
      COMMANDS.showComputeDevices,
      COMMANDS.runAttentionLayer,
      COMMANDS.saveOnnx,
      COMMANDS.measureConversion,
      COMMANDS.measureDecode,
      COMMANDS.installTensorflow,
    ].map((command) => registerCommand(command, refuse));
  }
  return [
    registerCommand(COMMANDS.showComputeDevices, async () => (await compute.get()).showDevices()),
    registerCommand(COMMANDS.runAttentionLayer, async (uri?: Uri, request?: RunLayerRequest) => {
      const reading = await activeReading(readings, uri);
      return reading && (await compute.get()).runLayer(reading, request);
    }),
    registerCommand(
      COMMANDS.saveOnnx,
      async (uri?: Uri, request?: { readonly layer?: number; readonly target?: Uri }) => {
        const reading = await activeReading(readings, uri);
        return reading && (await compute.get()).saveOnnx(reading, request);
      },
    ),
    registerCommand(COMMANDS.measureConversion, async (uri?: Uri, request?: MeasureConversionRequest) => {
      const found = await activeConfig(readings, uri);
      return found && (await compute.get()).measureConversion(found.reading, found.source.uri, request);
    }),
    registerCommand(COMMANDS.measureDecode, async (uri?: Uri, request?: MeasureDecodeRequest) => {
      const found = await activeConfig(readings, uri);
      return found && (await compute.get()).measureDecode(found.reading, found.source.uri, request);
    }),
    registerCommand(COMMANDS.installTensorflow, async () => (await compute.get()).installTensorflow()),
  ];
}

/** What loads late still ends with the extension. */
function own<T extends Disposable>({ context }: Services, disposable: T): T {
  context.subscriptions.push(disposable);
  return disposable;
}
