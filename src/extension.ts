/** Entry of the extension: composition only. */

import { commands, type ExtensionContext, type Hover, languages, type Position, type TextDocument, type Uri, window } from 'vscode';
import type { RunLayerRequest } from './editor/computeHost';
import { activeReading } from './editor/activeReading';
import { ConfigHoverProvider } from './editor/hover';
import { COMMANDS } from './editor/ids';
import { LazyCompute } from './editor/lazyCompute';
import { Readings } from './editor/readings';
import { changeScenario } from './editor/scenarioCommand';
import { StatusItem } from './editor/status';

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

export function activate(context: ExtensionContext): HeadlightApi {
  const started = performance.now();
  const cpu = process.cpuUsage();
  const log = window.createOutputChannel('Headlight', { log: true });
  const readings = new Readings();
  const compute = new LazyCompute(context, log);
  const hovers = new ConfigHoverProvider(readings);
  context.subscriptions.push(
    log,
    readings,
    compute,
    new StatusItem(readings),
    // Any scheme and any name: what counts is the content.
    languages.registerHoverProvider([{ language: 'json' }, { language: 'jsonc' }], hovers),
    commands.registerCommand(COMMANDS.changeScenario, changeScenario),
    commands.registerCommand(COMMANDS.showLog, () => log.show()),
    commands.registerCommand(COMMANDS.showComputeDevices, () => compute.get().showDevices()),
    commands.registerCommand(COMMANDS.runAttentionLayer, async (uri?: Uri, request?: RunLayerRequest) => {
      const reading = await activeReading(readings, uri);
      return reading && compute.get().runLayer(reading, request);
    }),
    commands.registerCommand(COMMANDS.saveOnnx, async (uri?: Uri, request?: { readonly layer?: number; readonly target?: Uri }) => {
      const reading = await activeReading(readings, uri);
      return reading && compute.get().saveOnnx(reading, request);
    }),
    commands.registerCommand(COMMANDS.installTensorflow, () => compute.get().installTensorflow()),
  );
  const activationMs = performance.now() - started;
  const { user, system } = process.cpuUsage(cpu);
  log.info(`activated in ${activationMs.toFixed(1)} ms`);
  return { activationMs, activationCpuMs: Math.min(activationMs, (user + system) / 1000), hover: (document, position) => hovers.hoverAt(document, position), computePid: () => compute.pid };
}
