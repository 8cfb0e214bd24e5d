/** Parsing arguments and reading the files that they name. */

import { type FileHandle, open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { withDraftLayers } from '../cache/draftLayers';
import { ConfigDocument, MAX_CONFIG_CHARACTERS } from '../config/document';
import { type Reading, readModelConfig } from '../config/read';
import { parseTaughtFamilies, type TaughtFamilies } from '../config/taught';
import { isKvDtype, KV_DTYPES } from '../model/dtype';
import { ENGINES, isEngineRule, type Scenario } from '../model/scenario';

/** Wrong usage: exit code 2. */
export class UsageError extends Error {}
/** The input is understood to be wrong, or is not a model config: exit code 1. */
export class InputError extends Error {}

export interface ParsedArguments {
  readonly paths: readonly string[];
  readonly values: Readonly<Record<string, string | boolean | undefined>>;
}

export type OptionTable = Readonly<Record<string, { readonly type: 'string' | 'boolean' }>>;

export function parseArguments(args: readonly string[], options: OptionTable): ParsedArguments {
  try {
    const { positionals, values } = parseArgs({ args: [...args], options, allowPositionals: true, strict: true });
    return { paths: positionals, values: values as ParsedArguments['values'] };
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

export const SCENARIO_OPTIONS: OptionTable = {
  batch: { type: 'string' },
  tokens: { type: 'string' },
  engine: { type: 'string' },
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
  const engine = values['engine'] ?? 'intrinsic';
  if (typeof engine !== 'string' || !isEngineRule(engine)) throw new UsageError(`--engine must be one of ${ENGINES.join(', ')}`);
  const kvDtype = values['kv-dtype'] ?? 'auto';
  if (typeof kvDtype !== 'string' || !isKvDtype(kvDtype)) throw new UsageError(`--kv-dtype must be one of ${KV_DTYPES.join(', ')}`);
  return {
    workload: { batch: count(values, 'batch'), tokens: count(values, 'tokens') },
    engine,
    kvDtype,
    sharding: { tp: count(values, 'tp'), pp: count(values, 'pp'), dcp: count(values, 'dcp'), dpAttention: values['dp-attention'] === true },
  };
}

function count(values: ParsedArguments['values'], name: string): number {
  const text = values[name];
  if (text === undefined) return 1;
  const value = typeof text === 'string' && /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(value) || value < 1) throw new UsageError(`--${name} must be a whole number of at least 1`);
  return value;
}

/** The reading of a config at a path, with what `--families FILE` teaches and `--mtp` counts. Prints what was wrong to stderr. */
export async function readConfig(path: string, values: ParsedArguments['values'], err: (text: string) => void): Promise<Reading> {
  const { text, file } = await readConfigText(path);
  const families = await taughtFamilies(values['families'], err);
  const reading = readModelConfig(text, { families });
  if (!reading) throw new InputError(`${file}: not a model config`);
  for (const error of reading.syntaxErrors) err(`${file}:${error.range.line}: ${error.message}`);
  for (const problem of reading.problems) err(`${file}:${problem.range?.line ?? 1}: ${problem.severity}: ${problem.message}`);
  if (reading.spec.layers.length === 0) throw new InputError(`${file}: no layer could be read`);
  return values['mtp'] === true ? { ...reading, spec: withDraftLayers(reading.spec) } : reading;
}

async function taughtFamilies(file: string | boolean | undefined, err: (text: string) => void): Promise<TaughtFamilies> {
  if (typeof file !== 'string') return {};
  const { text } = await readConfigText(file);
  const document = ConfigDocument.parse(text);
  const { families, rejected } = parseTaughtFamilies(document.root && document.valueOf(document.root));
  for (const reason of rejected) err(`${file}: ${reason}`);
  return families;
}

/** The text of a config at a path, or in the folder at a path. Reads no more than a config can be long. */
export async function readConfigText(path: string): Promise<{ readonly text: string; readonly file: string }> {
  const file = await configFileAt(path);
  let handle: FileHandle | undefined;
  try {
    handle = await open(file, 'r');
    const { size } = await handle.stat();
    if (size > MAX_CONFIG_CHARACTERS * 4) throw new InputError(`${file}: ${size} bytes are too many for a config`);
    return { text: (await handle.readFile('utf8')).replace(/^\uFEFF/, ''), file };
  } catch (error) {
    if (error instanceof InputError) throw error;
    throw new InputError(`${file}: ${reason(error)}`);
  } finally {
    await handle?.close();
  }
}

const CONFIG_FILES = ['config.json', 'params.json'];

async function configFileAt(path: string): Promise<string> {
  const info = await stat(path).catch((error: unknown) => {
    throw new InputError(`${path}: ${reason(error)}`);
  });
  if (!info.isDirectory()) return path;
  for (const name of CONFIG_FILES) {
    const file = join(path, name);
    if (await stat(file).then((found) => found.isFile(), () => false)) return file;
  }
  throw new InputError(`${path}: the folder holds no ${CONFIG_FILES.join(' or ')}`);
}

/** Why a file could not be read, in words. */
export function reason(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  switch (code) {
    case 'ENOENT':
      return 'no such file';
    case 'EACCES':
      return 'no permission to read it';
    case 'EISDIR':
      return 'it is a folder';
    default:
      return code === '' ? 'it cannot be read' : `it cannot be read (${code})`;
  }
}
