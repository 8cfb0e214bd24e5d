/**
 * What the side panel's page and the extension host say to each other. The page reads config texts and computes every number
 * itself (the pure folders run in it too), so an edit or a slider needs no round trip; the host owns files, settings and compute.
 */

import * as v from 'valibot';
import type { JsonValue } from '../config/document';
import { KV_DTYPES } from '../model/dtype';
import { type EngineOptions, type EngineRule, ENGINES, type OptionValue, type Scenario } from '../model/scenario';
import { AS_FILED, WEIGHT_FORMATS } from '../model/weightFormat';
import type { DeviceChoice } from './devices';
import { CAPTURE, captureResult, HEADS, headsModelInfo, TOKENS, tokensResult } from './headsContract';
import { EFFECTS } from './effectsContract';
import { LENS, LENS_ASKS } from './lensContract';
import type { PanelView } from './panelViews';
import {
  bytes,
  finite,
  list,
  type MethodsOf,
  nothing,
  plain,
  record,
  type Schema,
  text,
  trusted,
  whole,
} from './schema';
import type { Units } from '../model/units';
import { MOST_SWEPT_TOKENS } from './limits';
import { MOST_OWN_METHODS, type TradeoffRunning, type TradeoffShown, type TypedMethods } from './tradeoffState';
import type { SourcedDevice } from '../serving/device';

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
  /** Options that the settings have for each engine, the scenario's and others. */
  readonly engineOptions: Readonly<Partial<Record<EngineRule, EngineOptions>>>;
  /** Id of a device of `src/serving/hardware.json`. */
  readonly gpu: string;
  /** That device; null where the table has none of that id. */
  readonly device: SourcedDevice | null;
  /** The setting `headlight.families`, as it stands; `parseTaughtFamilies` reads it. */
  readonly families: JsonValue;
  /** What sizes are counted in. */
  readonly units: Units;
  /** False in the browser: no weights, no compute process. */
  readonly native: boolean;
}

/** Where the cursor stands in an editor of the followed config. */
export interface PanelCursor {
  /** Of the config. */
  readonly id: string;
  /** From 1. */
  readonly line: number;
}

/** A config that the followed one is drawn beside: what differs from it to the followed one. */
export interface PanelBeside {
  /** Id of the followed config that this is for: another one that is followed stands alone. */
  readonly of: string;
  readonly name: string;
  /** At most `MAX_CONFIG_CHARACTERS`. */
  readonly text: string;
  /** Of `hf_quant_config.json` beside it. */
  readonly quantText?: string;
}

export interface PanelInit {
  /** The config that the panel follows; null when none was open yet. */
  readonly config: PanelConfig | null;
  /** Null where no editor shows it. */
  readonly cursor: PanelCursor | null;
  /** Null where it is drawn alone. */
  readonly beside: PanelBeside | null;
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

const MOST = 2 ** 31 - 1;
/** Characters or bytes of what is saved or copied. */
const MOST_CONTENT = 64 * 2 ** 20;
/** Edits of one click, and elements of one list in them. */
const MOST_EDITS = 64;
const MOST_ELEMENTS = 4096;
const MOST_DEPTH = 4;
/** Of one value, lists in lists counted. */
const MOST_VALUES = 16_384;

/** Of a config: made by the host, opaque to the page. */
const id = text(4096);
const named = v.strictObject({ id });
const content = v.strictObject({ text: text(MOST_CONTENT) });

function json(depth: number): Schema<JsonValue> {
  const scalars = [v.null(), v.boolean(), finite, text(10_000)] as const;
  const lists = depth > 0 ? [list(json(depth - 1), MOST_ELEMENTS)] : [];
  return v.union([...scalars, ...lists], 'a JSON value: null, true, false, a number, a string, or a list of them');
}

/** Asked before all else: lists that hold one list many times are long where they are looked through. */
const notTooMany: Schema<unknown> = v.custom<unknown>((value) => {
  let left = MOST_VALUES;
  const fits = (each: unknown, depth: number): boolean =>
    --left >= 0 && (!Array.isArray(each) || (depth < MOST_DEPTH && each.every((item) => fits(item, depth + 1))));
  return fits(value, 0);
}, `a value of at most ${MOST_VALUES} parts, in lists at most ${MOST_DEPTH} deep`);

/** One value of the config: null stays, `undefined` removes the key. */
const configEdit = v.strictObject({
  /** From the root of the document. */
  path: v.pipe(list(text(1000), 32), v.minLength(1, 'the path of a key')),
  value: v.optional(v.pipe(notTooMany, json(MOST_DEPTH))),
});
export type ConfigEdit = Readonly<v.InferOutput<typeof configEdit>>;

const MOST_OPTIONS = 64;
/** Which options and values an engine has its rule says: the host asks it. */
const optionValue: Schema<OptionValue> = v.union(
  [finite, v.boolean(), text(200), list(finite, MOST_ELEMENTS)],
  'a number, true or false, a string, or a list of numbers',
);

/** Values of the scenario that become settings. */
const scenarioChange = v.strictObject({
  batch: v.exactOptional(whole(1, Number.MAX_SAFE_INTEGER)),
  tokens: v.exactOptional(whole(1, Number.MAX_SAFE_INTEGER)),
  kvDtype: v.exactOptional(v.picklist(KV_DTYPES)),
  weights: v.exactOptional(v.picklist([AS_FILED, ...WEIGHT_FORMATS])),
  engine: v.exactOptional(v.picklist(ENGINES)),
  /** Of that engine (of the settings', where it does not change): its release, and its options, these and no other. */
  release: v.exactOptional(text(100)),
  options: v.exactOptional(record(optionValue, MOST_OPTIONS)),
  gpu: v.exactOptional(text(100)),
  tp: v.exactOptional(whole(1, 1024)),
});
export type ScenarioChange = Readonly<v.InferOutput<typeof scenarioChange>>;

/** Something to save; the name is a proposal. */
const save = v.strictObject({
  name: text(200),
  content: v.union(
    [v.pipe(bytes, v.maxLength(MOST_CONTENT)), text(MOST_CONTENT)],
    `a string or bytes, at most ${MOST_CONTENT}`,
  ),
});
export type SaveParams = Readonly<v.InferOutput<typeof save>>;

/** Takes the place of a path: the page never names files. */
const source = v.strictObject({ source: text(200) });

/** In the place of these stands the source. */
const OF_MODEL = ['path', 'seeded', 'engine'] as const;

function ofSource<E extends v.ObjectEntries, R>(entries: E, result: R) {
  return { params: v.strictObject({ ...source.entries, ...entries }), result };
}
/** A model, a text, and methods. Which files they are the host knows. */
const sweep = v.strictObject({
  ...source.entries,
  text: v.nullable(v.union([v.strictObject({ typed: text(1_000_000) }), v.strictObject({ file: text(10) })])),
  tokens: whole(4, MOST_SWEPT_TOKENS),
  probes: v.boolean(),
  others: list(text(100), MOST_OWN_METHODS),
});

/** Answered by the host. The page trusts its answers: they come from the extension that it belongs to. */
export const PANEL = {
  'panel/ready': { params: nothing, result: trusted<PanelInit>() },
  /** A half-open character range in the text. */
  'panel/reveal': {
    params: v.strictObject({ id, offset: whole(0, MOST), length: whole(0, MOST) }),
    result: trusted<null>(),
  },
  'panel/setScenario': { params: v.pipe(plain, scenarioChange), result: trusted<null>() },
  /** GiB becomes GB, or GB GiB, in the settings: every surface follows. */
  'panel/switchUnits': { params: nothing, result: trusted<null>() },
  /** Every device of the table: the page does without the table itself. */
  'panel/devices': { params: nothing, result: trusted<readonly SourcedDevice[]>() },
  /** One undoable edit, refused (`conflict`) when the document has moved on; resolves with the new version. */
  'panel/apply': {
    params: v.strictObject({ id, version: whole(0, MOST), edits: list(configEdit, MOST_EDITS) }),
    result: trusted<{ readonly version: number }>(),
  },
  'panel/candidates': { params: nothing, result: trusted<readonly Candidate[]>() },
  'panel/candidate': { params: named, result: trusted<PanelConfig>() },
  /** Asks for a candidate and follows it until another config becomes active; false when the user changed their mind. */
  'panel/pickConfig': { params: nothing, result: trusted<boolean>() },
  /** Asks for another config, beside which the followed one is drawn; the page waits for nothing. */
  'panel/chooseBeside': { params: nothing, result: trusted<null>() },
  /** The followed config is drawn alone again. */
  'panel/drawAlone': { params: nothing, result: trusted<null>() },
  'panel/copy': { params: content, result: trusted<null>() },
  /** Asks where; false when the user changed their mind. */
  'panel/save': { params: save, result: trusted<boolean>() },
  /** Asks on which layer and text, and opens what was found; the page waits for nothing. */
  'panel/measureConversion': { params: named, result: trusted<null>() },
  /** Asks how long it may take, measures decode at the config's widths, and opens what was found. */
  'panel/measureDecode': { params: named, result: trusted<null>() },
  'panel/headSources': { params: nothing, result: trusted<readonly HeadSource[]>() },
  /** Asks for a model folder or weight file; null when the user changed their mind. */
  'panel/chooseHeadSource': { params: nothing, result: trusted<HeadSource | null>() },
  'panel/device': { params: nothing, result: trusted<DeviceChoice>() },
  /** As the compute process is asked, of a source; the host chooses the engine. */
  'heads/model': { params: source, result: headsModelInfo },
  'heads/tokens': { params: v.strictObject({ ...source.entries, ...TOKENS }), result: tokensResult },
  'heads/capture': { params: v.strictObject({ ...source.entries, ...CAPTURE }), result: captureResult },
  'heads/tile': HEADS['heads/tile'],
  'lens/read': ofSource(LENS_ASKS.read, LENS['lens/read'].result),
  'lens/heads': ofSource(LENS_ASKS.heads, LENS['lens/heads'].result),
  'lens/diversity': ofSource(LENS_ASKS.diversity, LENS['lens/diversity'].result),
  'lens/repeated': ofSource(LENS_ASKS.repeated, LENS['lens/repeated'].result),
  'lens/next': ofSource(LENS_ASKS.next, LENS['lens/next'].result),
  'effects/change': ofSource(
    v.omit(EFFECTS['effects/change'].params, OF_MODEL).entries,
    EFFECTS['effects/change'].result,
  ),
  'effects/map': ofSource(v.omit(EFFECTS['effects/map'].params, OF_MODEL).entries, EFFECTS['effects/map'].result),
  'effects/attribute': ofSource(
    v.omit(EFFECTS['effects/attribute'].params, OF_MODEL).entries,
    EFFECTS['effects/attribute'].result,
  ),
  'effects/patch': ofSource(v.omit(EFFECTS['effects/patch'].params, OF_MODEL).entries, EFFECTS['effects/patch'].result),
  'effects/compose': ofSource(
    v.omit(EFFECTS['effects/compose'].params, OF_MODEL).entries,
    EFFECTS['effects/compose'].result,
  ),
  /** What is shown now, and found before of a model and text; computes nothing. Null: whatever is shown. */
  'tradeoff/look': { params: v.nullable(sweep), result: trusted<TradeoffShown>() },
  /** Methods that someone typed: what they are called in results, or why that names none. */
  'tradeoff/methods': { params: v.strictObject({ typed: text(4000) }), result: trusted<TypedMethods>() },
  /** Measures what is not measured yet; the page waits for nothing and hears of results as they come. */
  'tradeoff/start': { params: sweep, result: trusted<null>() },
  /** Ends what runs; what was found stays. */
  'tradeoff/stop': { params: nothing, result: trusted<null>() },
  /** A method for each layer; the page waits for nothing. */
  'tradeoff/budget': {
    params: v.strictObject({
      sweep,
      share: v.pipe(finite, v.minValue(0.01), v.maxValue(1)),
      methods: list(text(100), 64),
    }),
    result: trusted<null>(),
  },
  /** Asks for a folder and writes the converted model into one of its own there: its name, or null when the user changed their mind. */
  'tradeoff/export': { params: v.strictObject({ sweep, method: text(100) }), result: trusted<string | null>() },
  /** Asks for a text file; null when the user changed their mind. */
  'tradeoff/chooseText': { params: nothing, result: trusted<{ readonly id: string; readonly name: string } | null>() },
  /** What was found as a page of text. */
  'tradeoff/page': { params: nothing, result: trusted<null>() },
  /** A line for the log, from a failure that the page could only show. */
  'panel/log': { params: v.strictObject({ text: text(10_000) }), result: trusted<null>() },
};
export type PanelMethods = MethodsOf<typeof PANEL>;

/** Sent by the host. */
export interface PanelEvents {
  /** The followed config, at every change of its text, and when another one is followed. */
  config: PanelConfig | null;
  /** At every line that the cursor reaches, and none when another config is followed. */
  cursor: PanelCursor | null;
  beside: PanelBeside | null;
  settings: PanelSettings;
  /** At every result of a trade-off; its progress comes by itself. */
  tradeoff: TradeoffShown;
  tradeoffRunning: TradeoffRunning | null;
  /** A command wants the page to show a view. */
  view: PanelView;
}
