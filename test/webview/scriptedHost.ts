// The extension host's part of the panel without an editor: one config from a real file, edits in memory, real compute.
import { otherUnits } from '../../src/model/units';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { applyEdits } from 'jsonc-parser';
import { ComputeClient } from '../../src/compute/client';
import { textEdits } from '../../src/config/textEdits';
import { type HeadsCompute, HeadSources } from '../../src/editor/panel/headSources';
import { siblingsAmong, type TradeoffCompute, TradeoffRuns } from '../../src/editor/panel/tradeoffRuns';
import { isWeightFile } from '../../src/editor/weightNames';
import type { Scenario } from '../../src/model/scenario';
import {
  type Candidate,
  PANEL,
  type PanelBeside,
  type PanelConfig,
  type PanelEvents,
  type PanelMethods,
  type PanelSettings,
  type ScenarioChange,
} from '../../src/shared/panelContract';
import type { PanelView } from '../../src/shared/panelViews';
import { type Handlers, type NoMethods, RpcPeer, type Transport } from '../../src/shared/rpc';
import { RpcError } from '../../src/shared/rpcError';
import { handlersOf } from '../../src/shared/schema';
import { settingOf } from '../../webview/views/whatIf/viewModel';
import { sourcedDevice, sourcedDevices } from '../../src/serving/hardware';

export interface HostScene {
  /** The checkout. */
  readonly root: string;
  /** The config that is followed; null: none is open. */
  readonly config: string | null;
  readonly scenario: Scenario;
  readonly gpu: string;
  readonly view: PanelView | null;
  /** Folder of results of trade-offs; absent: none are kept. */
  readonly results?: string;
  /** Path of the config that the followed one is drawn beside; absent where it is alone. */
  readonly beside?: string;
}

export type HostPeer = RpcPeer<NoMethods, PanelMethods, NoMethods, PanelEvents>;

/** Folders of a config each, and files `NAME.json`; from the checkout. */
const LIBRARIES = [
  'media/sample-configs',
  'media/presets',
  'media/samples',
  join('test', 'fixtures', 'reference', 'configs'),
  join(process.env['HEADLIGHT_REFERENCE'] ?? '../shared/reference', 'configs'),
];

/** A path, or the name of a sample, preset or reference config. */
export function findConfig(root: string, name: string): string {
  const places = [
    name,
    ...LIBRARIES.flatMap((library) => [
      resolve(root, library, name, 'config.json'),
      resolve(root, library, `${name}.json`),
    ]),
  ];
  const found = places.find((place) => place.endsWith('.json') && existsSync(place));
  if (!found) throw new Error(`There is no config called ${name}`);
  return found;
}

export class ScriptedHost {
  /** What the page was told or asked to do, for a look after it. */
  readonly log: string[] = [];
  private config: PanelConfig | null;
  private settings: PanelSettings;
  private readonly sources: HeadSources;
  private readonly tradeoff: TradeoffRuns;
  private client: ComputeClient | undefined;
  private peer: HostPeer | undefined;

  constructor(private readonly scene: HostScene) {
    this.config = scene.config === null ? null : readConfig(scene.config, true);
    this.settings = {
      scenario: scene.scenario,
      engineOptions: { [scene.scenario.engine]: scene.scenario.options ?? {} },
      gpu: scene.gpu,
      device: sourcedDevice(scene.gpu),
      families: {},
      units: 'GiB',
      native: true,
    };
    const { root } = scene;
    const samples = ['gqa', 'mha', 'mqa', 'mla'].map((name) => ({
      name,
      label: `Sample model: ${name.toUpperCase()}`,
      path: join(root, 'media', 'samples', name),
    }));
    const beside = async (): Promise<{ folder: string; weights: boolean } | null> => {
      if (scene.config === null) return null;
      const folder = dirname(scene.config);
      return { folder, weights: readdirSync(folder).some(isWeightFile) };
    };
    const config = (): { text: string; folder: string | null } | null =>
      this.config && { text: this.config.text, folder: null };
    this.sources = new HeadSources({ config, beside, samples }, async () => this.heads());
    this.tradeoff = new TradeoffRuns({
      sources: this.sources,
      config: () => this.config,
      siblingsOf: (path) => siblingsAmong(samples, path),
      compute: async () => this.sweeps(),
      results: scene.results ?? null,
    });
    this.tradeoff.listen(
      (shown) => this.peer?.send('tradeoff', shown),
      (running) => this.peer?.send('tradeoffRunning', running),
    );
  }

  get text(): string | undefined {
    return this.config?.text;
  }

  connect(transport: Transport): HostPeer {
    return (this.peer = new RpcPeer<NoMethods, PanelMethods, NoMethods, PanelEvents>(transport, this.handlers()));
  }

  /** As if someone had typed. */
  type(text: string): void {
    if (!this.config) return;
    this.config = { ...this.config, text, version: this.config.version + 1, changedAt: Date.now() };
    this.peer?.send('config', this.config);
  }

  /** As if someone had moved the cursor. */
  moveCursor(line: number): void {
    if (this.config) this.peer?.send('cursor', { id: this.config.id, line });
  }

  dispose(): void {
    this.client?.dispose();
  }

  private process(): ComputeClient {
    const script = join(this.scene.root, 'dist', 'compute.js');
    if (!existsSync(script))
      throw new RpcError('unavailable', 'dist/compute.js is not built: node esbuild.js --only=compute');
    return (this.client ??= new ComputeClient({ script, lowPriority: false }));
  }

  private heads(): HeadsCompute {
    const client = this.process();
    return {
      device: (options) => client.device('auto', false, options),
      call: (method, params, options) => client.call(method, params, options),
    };
  }

  private sweeps(): TradeoffCompute {
    const client = this.process();
    return {
      device: (options) => client.device('auto', false, options),
      call: (method, params, options) => client.call(method, params, options),
    };
  }

  private candidates(): (Candidate & { readonly path: string })[] {
    const presets = folder(join(this.scene.root, 'media', 'presets')).filter((name) => name.endsWith('.json'));
    const samples = folder(join(this.scene.root, 'media', 'sample-configs')).filter((name) => !name.includes('.'));
    return [
      ...samples.map((name) => ({
        id: `workspace:${name}`,
        name,
        detail: `${name}/config.json`,
        origin: 'workspace' as const,
        path: join(this.scene.root, 'media', 'sample-configs', name, 'config.json'),
      })),
      ...presets.map((file) => ({
        id: `preset:${basename(file, '.json')}`,
        name: basename(file, '.json'),
        detail: 'preset',
        origin: 'preset' as const,
        path: join(this.scene.root, 'media', 'presets', file),
      })),
    ];
  }

  private beside(): PanelBeside | null {
    const { beside } = this.scene;
    if (beside === undefined || !this.config) return null;
    const { name, text } = readConfig(beside, false);
    return { of: this.config.id, name, text };
  }

  private handlers(): Handlers<PanelMethods> {
    const { sources } = this;
    const told =
      <P, R>(name: keyof PanelMethods, answer: R): ((params: P) => R) =>
      (params) => {
        this.log.push(`${name} ${JSON.stringify(params)}`);
        return answer;
      };
    return handlersOf(PANEL, {
      'panel/ready': () => ({
        config: this.config,
        cursor: null,
        beside: this.beside(),
        settings: this.settings,
        view: this.scene.view,
      }),
      'panel/reveal': told('panel/reveal', null),
      'panel/setScenario': (change) => this.setScenario(change),
      'panel/switchUnits': () => {
        this.settings = { ...this.settings, units: otherUnits(this.settings.units) };
        this.peer?.send('settings', this.settings);
        return null;
      },
      'panel/devices': sourcedDevices,
      'panel/apply': ({ id, version, edits }) => {
        if (!this.config || id !== this.config.id) throw new RpcError('invalidInput', 'That config is not open.');
        if (version !== this.config.version) throw new RpcError('conflict', 'The file has changed since.');
        this.type(applyEdits(this.config.text, [...textEdits(this.config.text, edits)]));
        return { version: this.config.version };
      },
      'panel/candidates': () => this.candidates().map(({ id, name, detail, origin }) => ({ id, name, detail, origin })),
      'panel/candidate': ({ id }) => {
        const found = this.candidates().find((candidate) => candidate.id === id);
        if (!found) throw new RpcError('invalidInput', 'That config is gone.');
        return { ...readConfig(found.path, false), id, name: found.name };
      },
      'panel/pickConfig': told('panel/pickConfig', false),
      'panel/chooseBeside': told('panel/chooseBeside', null),
      'panel/drawAlone': () => {
        this.peer?.send('beside', null);
        return null;
      },
      'panel/copy': told('panel/copy', null),
      'panel/save': told('panel/save', true),
      'panel/measureConversion': told('panel/measureConversion', null),
      'panel/measureDecode': told('panel/measureDecode', null),
      ...sources.answers,
      'tradeoff/look': async (ask) => {
        if (ask !== null) await this.tradeoff.look(ask);
        return this.tradeoff.shown;
      },
      'tradeoff/methods': ({ typed }) => this.tradeoff.typed(typed),
      'tradeoff/start': (ask) => {
        this.log.push(`tradeoff/start ${JSON.stringify(ask)}`);
        void this.tradeoff.start(ask);
        return null;
      },
      'tradeoff/stop': () => {
        this.tradeoff.stop();
        return null;
      },
      'tradeoff/budget': ({ sweep, share, methods }) => {
        void this.tradeoff.budget(sweep, share, methods);
        return null;
      },
      'tradeoff/export': told('tradeoff/export', 'converted'),
      'tradeoff/chooseText': told('tradeoff/chooseText', null),
      'tradeoff/page': told('tradeoff/page', null),
      'panel/chooseHeadSource': told('panel/chooseHeadSource', null),
      'panel/log': told('panel/log', null),
    });
  }

  private setScenario(change: ScenarioChange): null {
    this.log.push(`panel/setScenario ${JSON.stringify(change)}`);
    const { scenario, gpu } = settingOf(this.settings, change);
    const { engine, options = {} } = scenario;
    const engineOptions = { ...this.settings.engineOptions, [engine]: options };
    this.settings = { ...this.settings, gpu, device: sourcedDevice(gpu), scenario, engineOptions };
    this.peer?.send('settings', this.settings);
    return null;
  }
}

function folder(path: string): string[] {
  return existsSync(path) ? readdirSync(path) : [];
}

function readConfig(path: string, editable: boolean): PanelConfig {
  const name = basename(path) === 'config.json' ? basename(dirname(path)) : basename(path);
  return { id: path, name, text: readFileSync(path, 'utf8'), version: 1, editable };
}
