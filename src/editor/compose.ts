/** Puts the parts together, the same in every kind of extension host. Activation only registers. */

import { commands, type Disposable, type ExtensionContext, type Hover, languages, type Position, type TextDocument, type Uri, window } from 'vscode';
import { activeReading } from './activeReading';
import type { RunLayerRequest } from './computeHost';
import { ConfigHoverProvider } from './hover';
import { COMMANDS, VIEWS } from './ids';
import { type PanelHost } from './panel/panelHost';
import { Readings } from './readings';
import { changeScenario } from './scenarioCommand';
import { LazyCompute, type Platform, type Services } from './services';
import { StatusItem } from './status';

/** What `activate` hands to others (and to the tests). */
export interface HeadlightApi {
  /** Milliseconds that activation took: of the clock, and of the processor (at most the former). */
  readonly activationMs: number;
  readonly activationCpuMs: number;
  /** The hover at a position, without the editor's round trip. */
  hover(document: TextDocument, position: Position): Hover | null;
  /** Process id of the compute process while it runs. */
  computePid(): number | undefined;
}

export function compose(context: ExtensionContext, platform: Platform): HeadlightApi {
  const started = performance.now();
  const cpu = platform.cpuMs();
  const log = window.createOutputChannel('Headlight', { log: true });
  const readings = new Readings();
  const compute = platform.native ? new LazyCompute(context, log, platform.load) : null;
  const services: Services = { context, log, readings, platform, compute };
  const hovers = new ConfigHoverProvider(readings);
  context.subscriptions.push(
    log,
    readings,
    ...(compute ? [compute] : []),
    new StatusItem(readings),
    // Any scheme and any name: what counts is the content.
    languages.registerHoverProvider([{ language: 'json' }, { language: 'jsonc' }], hovers),
    commands.registerCommand(COMMANDS.changeScenario, changeScenario),
    commands.registerCommand(COMMANDS.showLog, () => log.show()),
    ...registerPanel(services),
    ...registerCompute(services),
  );
  const activationMs = performance.now() - started;
  log.info(`activated in ${activationMs.toFixed(1)} ms`);
  return {
    activationMs,
    activationCpuMs: Math.min(activationMs, platform.cpuMs() - cpu),
    hover: (document, position) => hovers.hoverAt(document, position),
    computePid: () => compute?.pid,
  };
}

/** The panel: a view of the side bar, and the same beside the editor. */
function registerPanel(services: Services): Disposable[] {
  let loading: Promise<PanelHost> | undefined;
  const panel = (): Promise<PanelHost> => (loading ??= services.platform.load('panel').then((bundle) => own(services, bundle.createPanelHost(services))));
  return [
    window.registerWebviewViewProvider(VIEWS.panel, { resolveWebviewView: async (view) => (await panel()).attachView(view) }),
    window.registerWebviewPanelSerializer(VIEWS.editorPanel, { deserializeWebviewPanel: async (restored) => (await panel()).attachPanel(restored) }),
    commands.registerCommand(COMMANDS.openPanel, async (uri?: Uri) => (await panel()).open(uri)),
    commands.registerCommand(COMMANDS.openPanelBeside, async (uri?: Uri) => (await panel()).openBeside(uri)),
  ];
}

function registerCompute({ readings, compute }: Services): Disposable[] {
  if (!compute) return [];
  return [
    commands.registerCommand(COMMANDS.showComputeDevices, async () => (await compute.get()).showDevices()),
    commands.registerCommand(COMMANDS.runAttentionLayer, async (uri?: Uri, request?: RunLayerRequest) => {
      const reading = await activeReading(readings, uri);
      return reading && (await compute.get()).runLayer(reading, request);
    }),
    commands.registerCommand(COMMANDS.saveOnnx, async (uri?: Uri, request?: { readonly layer?: number; readonly target?: Uri }) => {
      const reading = await activeReading(readings, uri);
      return reading && (await compute.get()).saveOnnx(reading, request);
    }),
    commands.registerCommand(COMMANDS.installTensorflow, async () => (await compute.get()).installTensorflow()),
  ];
}

/** What loads late still ends with the extension. */
function own<T extends Disposable>({ context }: Services, disposable: T): T {
  context.subscriptions.push(disposable);
  return disposable;
}
