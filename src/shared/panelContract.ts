/**
 * What the side panel's page and the extension host say to each other. The page reads config texts and computes every number
 * itself (the pure folders run in it too), so an edit or a slider needs no round trip; the host owns files, settings and compute.
 */

import type { JsonValue } from '../config/document';
import type { Scenario } from '../model/scenario';
import type { DeviceChoice } from './devices';
import type { CaptureParams, CaptureResult, HeadsModelInfo, TileParams, TokensResult } from './headsContract';
import type { Tensor } from '../attention/graph';

export const PANEL_VIEWS = ['overview', 'compare', 'whatIf', 'heads', 'mla'] as const;
export type PanelView = (typeof PANEL_VIEWS)[number];

/** A config's text, as it stands in an editor or on disk. */
export interface PanelConfig {
  /** Names it in calls; made by the host, opaque to the page. */
  readonly id: string;
  /** For people: the folder's name where the file is called config.json. */
  readonly name: string;
  /** At most `MAX_CONFIG_CHARACTERS`. */
  readonly text: string;
  /** Of `hf_quant_config.json` beside it, which says how its cache is kept; absent where there is none, or not yet. */
  readonly quantText?: string;
  /** Of the document; edits name the version that they were made for. */
  readonly version: number;
  /** False for files that are not writable here (presets, git revisions): nothing can be applied. */
  readonly editable: boolean;
  /** When the editor told of the change, in milliseconds since the epoch: for measuring. Absent where no edit led here. */
  readonly changedAt?: number;
}

export interface PanelSettings {
  readonly scenario: Scenario;
  /** Id of a device of `src/serving/hardware.json`. */
  readonly gpu: string;
  /** The setting `headlight.families`, as it stands; `parseTaughtFamilies` reads it. */
  readonly families: JsonValue;
  /** False in the browser: no weights, no compute process. */
  readonly native: boolean;
}

export interface PanelInit {
  /** The config that the panel follows; null when none was open yet. */
  readonly config: PanelConfig | null;
  readonly settings: PanelSettings;
  /** Where a command wants the page to be; null: where it was. */
  readonly view: PanelView | null;
}

/** A config that the followed one can be compared with. */
export interface Candidate {
  readonly id: string;
  readonly name: string;
  /** Path in the workspace, or what a preset is. */
  readonly detail: string;
  readonly origin: 'editor' | 'workspace' | 'preset';
}

/** One value of the config: null text removes nothing, `undefined` removes the key. */
export interface ConfigEdit {
  /** From the root of the document. */
  readonly path: readonly string[];
  readonly value: JsonValue | undefined;
}

export interface ApplyParams {
  readonly id: string;
  /** Refused (`conflict`) when the document has moved on. */
  readonly version: number;
  readonly edits: readonly ConfigEdit[];
}

export interface RevealParams {
  readonly id: string;
  /** Half-open character range in the text. */
  readonly offset: number;
  readonly length: number;
}

/** A value of the scenario that becomes a setting. */
export interface ScenarioChange {
  readonly batch?: number;
  readonly tokens?: number;
  readonly kvDtype?: Scenario['kvDtype'];
  readonly engine?: Scenario['engine'];
  readonly gpu?: string;
  readonly tp?: number;
}

/** Something to save or copy; names are proposals. */
export interface SaveParams {
  readonly name: string;
  readonly content: string | Uint8Array;
}

/** Where heads can be taken from. */
export interface HeadSource {
  /** Names it in calls; that of seeded weights with the seed behind it: `seeded:42`. */
  readonly id: string;
  readonly label: string;
  /** Real weights beside the followed config (or chosen), a bundled sample, or random weights for the config's shapes. */
  readonly origin: 'beside' | 'chosen' | 'sample' | 'seeded';
  /** Why it cannot be used (no weights there, the family's forward pass is not known), else null. */
  readonly problem: string | null;
}

/** Answered by the host. `source` takes the place of a path: the page never names files. */
export interface PanelMethods {
  'panel/ready'(params: null): PanelInit;
  'panel/reveal'(params: RevealParams): null;
  'panel/setScenario'(params: ScenarioChange): null;
  /** One undoable edit; resolves with the new version. */
  'panel/apply'(params: ApplyParams): { readonly version: number };
  'panel/candidates'(params: null): readonly Candidate[];
  'panel/candidate'(params: { readonly id: string }): PanelConfig;
  /** Asks for a candidate and follows it until another config becomes active; false when the user changed their mind. */
  'panel/pickConfig'(params: null): boolean;
  'panel/copy'(params: { readonly text: string }): null;
  /** Asks where; false when the user changed their mind. */
  'panel/save'(params: SaveParams): boolean;
  /** Opens an untitled Markdown document. */
  'panel/showMarkdown'(params: { readonly text: string }): null;
  /** Asks on which layer and text, and opens what was found; the page waits for nothing. */
  'panel/measureConversion'(params: { readonly id: string }): null;
  'panel/headSources'(params: null): readonly HeadSource[];
  /** Asks for a model folder or weight file; null when the user changed their mind. */
  'panel/chooseHeadSource'(params: null): HeadSource | null;
  'panel/device'(params: null): DeviceChoice;
  'panel/headsModel'(params: { readonly source: string }): HeadsModelInfo;
  'panel/tokens'(params: { readonly source: string; readonly text: string }): TokensResult;
  'panel/capture'(params: { readonly source: string } & Omit<CaptureParams, 'path' | 'engine'>): CaptureResult;
  'panel/tile'(params: TileParams): Tensor;
  /** A line for the log, from a failure that the page could only show. */
  'panel/log'(params: { readonly text: string }): null;
}

/** Sent by the host. */
export interface PanelEvents {
  /** The followed config, at every change of its text, and when another one is followed. */
  config: PanelConfig | null;
  settings: PanelSettings;
  /** A command wants the page to show a view. */
  view: PanelView;
}
