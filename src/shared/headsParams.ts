/** Validation of what the compute process is asked about real heads. */

import { METHODS } from '../insight/conversion/target';
import { CONFIG_SOURCE } from './configSource';
import { ENGINE_IDS } from './devices';
import {
  HEAD_CAPTURES,
  type CaptureParams,
  type ConvertParams,
  type HeadsMethods,
  type ModelParams,
  type SeededSource,
  type TileParams,
  type TokensParams,
} from './headsContract';
import type { MethodParams } from './rpc';
import {
  array,
  boolean,
  type Check,
  integer,
  invalid,
  nullable,
  object,
  oneOf,
  optional,
  params,
  text,
} from './validate';

const MOST = 2 ** 24;
const MOST_TOKENS = 131_072;
const path = text(4096);
const whole = integer(0, MOST);

const pair: Check<readonly [number, number]> = (value, place) => {
  const [first, second, ...rest] = array(whole, 2)(value, place);
  if (first === undefined || second === undefined || rest.length > 0) throw invalid(place, 'two whole numbers');
  return [first, second];
};

export const MOST_SEED = 2 ** 31 - 1;
const seeded = optional<SeededSource>(object({ ...CONFIG_SOURCE, seed: integer(0, MOST_SEED) }));
const model: Check<ModelParams> = object({ path, seeded });
const tokens: Check<TokensParams> = object({ path, seeded, text: text(1_000_000) });
const capture: Check<CaptureParams> = object({
  path,
  seeded,
  engine: oneOf(...ENGINE_IDS),
  ids: array(integer(0, 2 ** 31 - 1), MOST_TOKENS),
  layer: whole,
  captures: array(oneOf(...HEAD_CAPTURES), HEAD_CAPTURES.length),
  measures: boolean,
  logits: boolean,
});
const tile: Check<TileParams> = object({
  capture: whole,
  what: oneOf(...HEAD_CAPTURES),
  heads: optional(array(whole, 65536)),
  rows: optional(pair),
  columns: optional(pair),
  size: optional(pair),
  reduction: optional(oneOf('mean', 'max')),
});

const convert: Check<ConvertParams> = object({
  path,
  seeded,
  engine: oneOf(...ENGINE_IDS),
  text: text(1_000_000),
  layer: whole,
  conversions: nullable(array(object({ to: text(40), method: oneOf(...METHODS) }), 64)),
});

type Validators = { readonly [K in keyof HeadsMethods]: (value: unknown) => MethodParams<HeadsMethods, K> };

export const HEADS_PARAMS: Validators = {
  'heads/model': params(model),
  'heads/tokens': params(tokens),
  'heads/capture': params(capture),
  'heads/tile': params(tile),
  'heads/convert': params(convert),
  'heads/close': params(model),
};
