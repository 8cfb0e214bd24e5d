/** Parsing arguments and reading the files that they name. */

import { parseTypedCount } from '../model/typedCount';
import { withDraftLayers } from '../cache/draftLayers';
import { ConfigDocument, type SyntaxError } from '../config/document';
import { type Reading, readModelConfig } from '../reading/read';
import { parseTaughtFamilies, type TaughtFamilies } from '../reading/taught';
import { isKvDtype, KV_DTYPES } from '../model/dtype';
import { MOST_RANKS, type OptionValue, type Scenario } from '../model/scenario';
import { isUnits, showUnits, UNITS, type Units } from '../model/units';
import { WEIGHT_FORMATS, weightFormatOf } from '../model/weightFormat';
import { parseEngine } from '../cache/engines/choose';
import { parseEngineOption } from '../cache/engines/parseOptions';
import { allocationRule } from '../cache/engines/register';
import { InputError, UsageError } from './errors';
import { besideOptions, configText, modelText, STANDARD_INPUT } from './modelFiles';
import type { CliOutput } from './output';
import type { OptionTable, ParsedArguments } from './optionTable';
import { parse } from './parser';
import { line } from '../present/terminal';

export type { OptionTable, ParsedArguments };

export function parseArguments(args: readonly string[], options: OptionTable): ParsedArguments {
  const parsed = parse(args, options);
  showUnits(unitsOf(parsed.values));
  return parsed;
}

/** `--units GB`, for people: what programs read is the same with every unit. */
function unitsOf(values: ParsedArguments['values']): Units {
  const { units = 'GiB', json } = values;
  if (!isUnits(units)) throw new UsageError(`--units must be ${UNITS.join(' or ')}`);
  return json === true ? 'GiB' : units;
}

export const SCENARIO_OPTIONS: OptionTable = {
  batch: { type: 'string' },
  tokens: { type: 'string' },
  engine: { type: 'string' },
  opt: { type: 'string', multiple: true },
  'kv-dtype': { type: 'string' },
  weights: { type: 'string' },
  tp: { type: 'string' },
  pp: { type: 'string' },
  dcp: { type: 'string' },
  'dp-attention': { type: 'boolean' },
  mtp: { type: 'boolean' },
  families: { type: 'string' },
  json: { type: 'boolean' },
  units: { type: 'string' },
};

export function scenarioOf(values: ParsedArguments['values']): Scenario {
  const chosen = engineOf(values['engine'], values['opt']);
  const kvDtype = values['kv-dtype'] ?? 'auto';
  if (typeof kvDtype !== 'string' || !isKvDtype(kvDtype))
    throw new UsageError(`--kv-dtype must be one of ${KV_DTYPES.join(', ')}`);
  const workload = { batch: count(values, 'batch'), tokens: count(values, 'tokens') };
  if (!Number.isSafeInteger(workload.batch * workload.tokens))
    throw new UsageError('--batch × --tokens is more than 2^53 tokens, too many for byte counts to be exact');
  const [tp, pp] = [count(values, 'tp', MOST_RANKS), count(values, 'pp', MOST_RANKS)];
  if (tp * pp > MOST_RANKS) throw new UsageError(`--tp × --pp is more than ${MOST_RANKS} devices`);
  return {
    workload,
    ...chosen,
    kvDtype,
    ...weightsOf(values['weights']),
    sharding: {
      tp,
      pp,
      dcp: count(values, 'dcp', MOST_RANKS),
      dpAttention: values['dp-attention'] === true,
    },
  };
}

/** `--weights FORMAT`: absent, they are as the files and the config say. */
function weightsOf(text: string | boolean | undefined): Pick<Scenario, 'weights'> {
  if (typeof text !== 'string') return {};
  const weights = weightFormatOf(text);
  if (!weights) throw new UsageError(`--weights must be one of ${WEIGHT_FORMATS.join(', ')}`);
  return { weights };
}

/** `--engine NAME[@RELEASE|@YYYY-MM]` and each `--opt NAME[=VALUE]`. */
function engineOf(
  text: string | boolean | undefined,
  given: string | boolean | undefined,
): Pick<Scenario, 'engine' | 'release' | 'options'> {
  const chosen = parseEngine(typeof text === 'string' ? text : 'intrinsic');
  if (chosen.engine === null) throw new UsageError(`--engine ${chosen.problem}`);
  const { engine } = chosen;
  const options: Record<string, OptionValue> = {};
  for (const option of typeof given === 'string' ? given.split('\n') : []) {
    const parsed = parseEngineOption(allocationRule(engine), option);
    if (parsed.name === null) throw new UsageError(`--opt ${option}: ${parsed.problem}`);
    options[parsed.name] = parsed.value;
  }
  // A month stays a month: between two releases of a rule, other things than sizes may change.
  const asked = typeof text === 'string' ? /@(.*)$/.exec(text)?.[1] : undefined;
  return { engine, ...(asked === undefined ? {} : { release: asked }), options };
}

/** A whole number of at least 1, which is the default. */
function count(values: ParsedArguments['values'], name: string, most = Number.MAX_SAFE_INTEGER): number {
  const text = values[name];
  if (text === undefined) return 1;
  const digits = typeof text === 'string' && /^\d+$/.test(text) ? Number(text) : Number.NaN;
  // Plain digits are as they always were; what was refused before may be a number as people type it.
  const value = Number.isNaN(digits) && typeof text === 'string' ? (parseTypedCount(text) ?? digits) : digits;
  if (!Number.isSafeInteger(value) || value < 1 || value > most) {
    const range = most === Number.MAX_SAFE_INTEGER ? 'of at least 1' : `from 1 to ${most}`;
    throw new UsageError(`--${name} must be a whole number ${range}`);
  }
  return value;
}

/** A number from 0 to `most`, in decimals; undefined where the option is not given. */
export function decimalOf(values: ParsedArguments['values'], name: string, most: number): number | undefined {
  const text = values[name];
  if (text === undefined) return undefined;
  const value =
    typeof text === 'string' && /^(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= 0 && value <= most)) throw new UsageError(`--${name} must be a number from 0 to ${most}`);
  return value;
}

/** A config that was read, and the file that it came from. */
export interface ReadConfig {
  readonly reading: Reading;
  readonly file: string;
}

/** The reading of a config at a path, with what `--families FILE` teaches and `--mtp` counts. Prints what was wrong to stderr. */
export async function readConfig(
  path: string,
  values: ParsedArguments['values'],
  err: CliOutput['err'],
): Promise<ReadConfig> {
  const { text, file } = await configText(path);
  const families = await taughtFamilies(values['families']);
  const beside = file === STANDARD_INPUT ? {} : await besideOptions(file);
  const reading = readModelConfig(text, { families, ...beside });
  if (!reading) throw notAConfig(file, ConfigDocument.parse(text).errors);
  for (const error of reading.syntaxErrors) err(line(`${file}:${error.range.line}: ${error.message}`));
  for (const problem of reading.problems)
    err(line(`${file}:${problem.range?.line ?? 1}: ${problem.severity}: ${problem.message}`));
  if (reading.spec.layers.length === 0) throw new InputError(`${file}: no layer could be read`);
  return { reading: values['mtp'] === true ? { ...reading, spec: withDraftLayers(reading.spec) } : reading, file };
}

/** Why a text gave no reading: what is wrong in it, or that it is something else. */
function notAConfig(file: string, [error]: readonly SyntaxError[]): InputError {
  return new InputError(error ? `${file}:${error.range.line}: ${error.message}` : `${file}: not a model config`);
}

/** What is wrong in the file is an error: numbers without what it should teach would be others than were asked for. */
async function taughtFamilies(file: string | boolean | undefined): Promise<TaughtFamilies> {
  if (typeof file !== 'string') return {};
  const { text } = await modelText(file);
  const document = ConfigDocument.parse(text);
  if (!document.root || document.errors.length > 0) throw notAConfig(file, document.errors);
  const { families, rejected } = parseTaughtFamilies(document.valueOf(document.root) ?? []);
  if (rejected.length > 0) throw new InputError(`${file}: ${rejected.join('; ')}`);
  return families;
}
