/** Validation of what the panel's page asks. */

import type { JsonValue } from '../config/document';
import { KV_DTYPES } from '../model/dtype';
import { ENGINES } from '../model/scenario';
import { HEAD_CAPTURES } from './headsContract';
import { HEADS_PARAMS } from './headsParams';
import type { ApplyParams, ConfigEdit, PanelMethods, RevealParams, SaveParams, ScenarioChange } from './panelContract';
import type { MethodParams } from './rpc';
import { array, boolean, type Check, integer, invalid, object, oneOf, optional, params, text } from './validate';

const MOST = 2 ** 31 - 1;
const MOST_TOKENS = 131_072;
/** Characters or bytes of what is saved or copied. */
const MOST_CONTENT = 64 * 2 ** 20;
/** Edits of one click, and elements of one list in them. */
const MOST_EDITS = 64;
const MOST_ELEMENTS = 4096;
const MOST_DEPTH = 4;

const id = text(4096);
const offset = integer(0, MOST);
const count = integer(1, Number.MAX_SAFE_INTEGER);
const nothing: Check<null> = (value, path) => {
  if (value !== null && value !== undefined) throw invalid(path, 'null');
  return null;
};

const json =
  (depth: number): Check<JsonValue> =>
  (value, path) => {
    if (value === null || typeof value === 'boolean') return value;
    if (typeof value === 'number' && Number.isFinite(value)) return value;
    if (typeof value === 'string') return text(10_000)(value, path);
    if (depth > 0 && Array.isArray(value)) return array(json(depth - 1), MOST_ELEMENTS)(value, path);
    throw invalid(path, 'a JSON value: null, true, false, a number, a text, or a list of them');
  };

const edit: Check<ConfigEdit> = (value, path) => {
  const { path: keys, value: to } = object({ path: array(text(1000), 32), value: optional(json(MOST_DEPTH)) })(
    value,
    path,
  );
  if (keys.length === 0) throw invalid(`${path}.path`, 'the path of a key');
  return { path: keys, value: to };
};

const apply: Check<ApplyParams> = object({ id, version: integer(0, MOST), edits: array(edit, MOST_EDITS) });
const reveal: Check<RevealParams> = object({ id, offset, length: offset });
const scenario: Check<ScenarioChange> = object({
  batch: optional(count),
  tokens: optional(count),
  kvDtype: optional(oneOf(...KV_DTYPES)),
  engine: optional(oneOf(...ENGINES)),
  gpu: optional(text(100)),
  tp: optional(integer(1, 1024)),
});

const content: Check<string | Uint8Array> = (value, path) => {
  if (value instanceof Uint8Array && value.length <= MOST_CONTENT) return value;
  return text(MOST_CONTENT)(value, path);
};
const save: Check<SaveParams> = object({ name: text(200), content });
const source = text(200);

const capture: Check<MethodParams<PanelMethods, 'panel/capture'>> = object({
  source,
  ids: array(integer(0, MOST), MOST_TOKENS),
  layer: integer(0, 2 ** 24),
  captures: array(oneOf(...HEAD_CAPTURES), HEAD_CAPTURES.length),
  measures: boolean,
  logits: boolean,
});

type Validators = { readonly [K in keyof PanelMethods]: (value: unknown) => MethodParams<PanelMethods, K> };

export const PANEL_PARAMS: Validators = {
  'panel/ready': params(nothing),
  'panel/reveal': params(reveal),
  'panel/setScenario': params(scenario),
  'panel/apply': params(apply),
  'panel/candidates': params(nothing),
  'panel/candidate': params(object({ id })),
  'panel/pickConfig': params(nothing),
  'panel/copy': params(object({ text: text(MOST_CONTENT) })),
  'panel/save': params(save),
  'panel/showMarkdown': params(object({ text: text(MOST_CONTENT) })),
  'panel/measureConversion': params(object({ id })),
  'panel/headSources': params(nothing),
  'panel/chooseHeadSource': params(nothing),
  'panel/device': params(nothing),
  'panel/headsModel': params(object({ source })),
  'panel/tokens': params(object({ source, text: text(1_000_000) })),
  'panel/capture': params(capture),
  'panel/tile': HEADS_PARAMS['heads/tile'],
  'panel/log': params(object({ text: text(10_000) })),
};
