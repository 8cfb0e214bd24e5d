/** Parsing arguments and reading the files that they name. */

import { parseArgs } from 'node:util';
import { withDraftLayers } from '../cache/draftLayers';
import { ConfigDocument } from '../config/document';
import { type Reading, readModelConfig } from '../reading/read';
import { parseTaughtFamilies, type TaughtFamilies } from '../reading/taught';
import { isKvDtype, KV_DTYPES } from '../model/dtype';
import type { OptionValue, Scenario } from '../model/scenario';
import { parseEngine } from '../cache/engines/choose';
import { parseEngineOption } from '../cache/engines/parseOptions';
import { allocationRule } from '../cache/engines/register';
import { InputError, UsageError } from './errors';
import { besideOptions, modelText } from './modelFiles';

export interface ParsedArguments {
  readonly paths: readonly string[];
  /** An option that may be repeated is one text with a line for each time. */
  readonly values: Readonly<Record<string, string | boolean | undefined>>;
}

export type OptionTable = Readonly<
  Record<string, { readonly type: 'string' | 'boolean'; readonly multiple?: boolean }>
>;

export function parseArguments(args: readonly string[], options: OptionTable): ParsedArguments {
  try {
    const { positionals, values } = parseArgs({ args: [...args], options, allowPositionals: true, strict: true });
    return {
      paths: positionals,
      values: Object.fromEntries(Object.entries(values).map(([name, value]) => [name, oneText(value)])),
    };
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function oneText(value: string | boolean | (string | boolean)[] | undefined): string | boolean | undefined {
  return Array.isArray(value) ? value.join('\n') : value;
}

export const SCENARIO_OPTIONS: OptionTable = {
  batch: { type: 'string' },
  tokens: { type: 'string' },
  engine: { type: 'string' },
  opt: { type: 'string', multiple: true },
  'kv-dtype': { type: 'string' },
  tp: { type: 'string' },
  pp: { type: 'string' },
  dcp: { type: 'string' },
  'dp-attention': { type: 'boolean' },
  mtp: { type: 'boolean' },
  families: { type: 'string' },
  json: { type: 'boolean' },
};

export function scenarioOf(values: ParsedArguments['values']): Scenario {
  const chosen = engineOf(values['engine'], values['opt']);
  const kvDtype = values['kv-dtype'] ?? 'auto';
  if (typeof kvDtype !== 'string' || !isKvDtype(kvDtype))
    throw new UsageError(`--kv-dtype must be one of ${KV_DTYPES.join(', ')}`);
  return {
    workload: { batch: count(values, 'batch'), tokens: count(values, 'tokens') },
    ...chosen,
    kvDtype,
    sharding: {
      tp: count(values, 'tp'),
      pp: count(values, 'pp'),
      dcp: count(values, 'dcp'),
      dpAttention: values['dp-attention'] === true,
    },
  };
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
function count(values: ParsedArguments['values'], name: string): number {
  const text = values[name];
  if (text === undefined) return 1;
  const value = typeof text === 'string' && /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(value) || value < 1) throw new UsageError(`--${name} must be a whole number of at least 1`);
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
  err: (text: string) => void,
): Promise<ReadConfig> {
  const { text, file } = await modelText(path);
  const families = await taughtFamilies(values['families'], err);
  const reading = readModelConfig(text, { families, ...(await besideOptions(file)) });
  if (!reading) throw new InputError(`${file}: not a model config`);
  for (const error of reading.syntaxErrors) err(`${file}:${error.range.line}: ${error.message}`);
  for (const problem of reading.problems)
    err(`${file}:${problem.range?.line ?? 1}: ${problem.severity}: ${problem.message}`);
  if (reading.spec.layers.length === 0) throw new InputError(`${file}: no layer could be read`);
  return { reading: values['mtp'] === true ? { ...reading, spec: withDraftLayers(reading.spec) } : reading, file };
}

async function taughtFamilies(
  file: string | boolean | undefined,
  err: (text: string) => void,
): Promise<TaughtFamilies> {
  if (typeof file !== 'string') return {};
  const { text } = await modelText(file);
  const document = ConfigDocument.parse(text);
  const { families, rejected } = parseTaughtFamilies(document.root && document.valueOf(document.root));
  for (const reason of rejected) err(`${file}: ${reason}`);
  return families;
}
