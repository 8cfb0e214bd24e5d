/** `tradeoff`: what a model's predictions lose with a smaller cache, by many methods, measured on a text. */

import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import type { HeadModel } from '../compute/heads/headModel';
import type { Watch } from '../compute/heads/watch';
import { engineLinear, FLOAT64, type Linear, usualLinear } from '../compute/tradeoff/linear';
import { probesFor } from '../compute/tradeoff/probesFor';
import { ResultStore } from '../compute/tradeoff/resultStore';
import { type Budget, type SweepAsk, Sweeper } from '../compute/tradeoff/sweep';
import { WholePass } from '../compute/tradeoff/wholePass';
import type { Engine } from '../compute/engines/engine';
import { ANCHORS } from '../insight/tradeoff/anchors';
import { MethodError, parseMethods } from '../insight/tradeoff/method';
import { offeredMethods } from '../insight/tradeoff/offered';
import type { Probe } from '../insight/tradeoff/probes';
import { isRefused, type Sweep, type SweptMethod } from '../insight/tradeoff/result';
import { parseTypedCount } from '../model/typedCount';
import { CONVERSION_PROMPT } from '../present/conversionText';
import { siblingsOf } from '../present/siblings';
import { svgFile } from '../present/svg';
import { json, line, lines } from '../present/terminal';
import { anchorRows, applicationIn, applicationRows, siblingRows } from '../present/tradeoffBeside';
import { tradeoffCurve } from '../present/tradeoffCurve';
import { probeRows } from '../present/tradeoffProbes';
import { type TradeoffScenario, tradeoffRows } from '../present/tradeoffText';
import { MOST_SWEPT_TOKENS, USUAL_PROBE_TOKENS, USUAL_SWEPT_TOKENS } from '../shared/limits';
import { decimalOf, type OptionTable, type ParsedArguments, parseArguments } from './arguments';
import { InputError, reason, UsageError } from './errors';
import { TOKEN_OPTIONS, tokensOf, withModel } from './modelInput';
import type { CliOutput } from './output';
import { writeWhole } from './writing';

const OPTIONS: OptionTable = {
  ...TOKEN_OPTIONS,
  text: { type: 'string' },
  'text-tokens': { type: 'string' },
  methods: { type: 'string' },
  alone: { type: 'boolean' },
  budget: { type: 'string' },
  tokens: { type: 'string' },
  batch: { type: 'string' },
  shard: { type: 'string' },
  merge: { type: 'boolean' },
  export: { type: 'string' },
  results: { type: 'string' },
  precision: { type: 'string' },
  'probe-tokens': { type: 'string' },
  siblings: { type: 'string' },
  published: { type: 'boolean' },
  out: { type: 'string' },
  json: { type: 'boolean' },
};

type Values = ParsedArguments['values'];

export async function tradeoff(args: readonly string[], output: CliOutput): Promise<number> {
  const { paths, values } = parseArguments(args, OPTIONS);
  const { out } = values;
  if (typeof out === 'string' && !out.endsWith('.svg')) throw new UsageError('--out takes a file that ends in .svg');
  const scenario = scenarioIn(values);
  if (values['merge'] === true) {
    if (paths.length === 0) throw new UsageError('tradeoff --merge takes the JSON files of the parts');
    return show({ sweep: merged(await Promise.all(paths.map(readPart))), budget: null }, scenario, values, output);
  }
  const [path] = paths;
  if (path === undefined || paths.length !== 1) throw new UsageError('tradeoff takes one model folder or GGUF file');
  const text = await textOf(values);
  const found = await withModel(path, (model, engine) => swept(path, model, engine, text, values, output));
  return show(found, scenario, values, output);
}

interface Found {
  readonly sweep: Sweep;
  readonly budget: Budget | null;
}

interface Text {
  readonly name: string;
  /** Null: the ids that are given. */
  readonly text: string | null;
}

async function textOf(values: Values): Promise<Text> {
  const { text, prompt, ids } = values;
  const given = [text, prompt, ids].filter((one) => one !== undefined).length;
  if (given > 1) throw new UsageError('give one text: --text FILE, --prompt TEXT or --ids 1,2,3');
  if (typeof ids === 'string') {
    if (!/^\s*\d+(?:\s*,\s*\d+)*\s*$/.test(ids))
      throw new UsageError('--ids takes whole numbers separated by commas: --ids 1,2,3');
    return { name: 'the given tokens', text: null };
  }
  if (typeof prompt === 'string') return { name: 'the given text', text: prompt };
  if (typeof text !== 'string') return { name: 'the bundled text', text: CONVERSION_PROMPT };
  const read = await readFile(text, 'utf8').catch((error: unknown) => {
    throw new InputError(`${text}: ${reason(error)}`);
  });
  return { name: basename(text), text: read };
}

async function swept(
  path: string,
  model: HeadModel,
  engine: Engine,
  { name, text }: Text,
  values: Values,
  output: CliOutput,
): Promise<Found> {
  const all = text === null ? await tokensOf(model, values) : await model.encode(text);
  const most = countOf(values, 'text-tokens', USUAL_SWEPT_TOKENS, MOST_SWEPT_TOKENS);
  const ids = all.slice(0, most);
  const linear = linearFor(model, engine, values);
  const pass = new WholePass(model.model, linear);
  try {
    const methods = sharded(methodsIn(values, pass, ids.length), values);
    const probes = await probesIn(values, model, ids);
    const ask: SweepAsk = {
      // A file or a folder by its own name.
      name: basename(resolve(path)),
      ids,
      text: { name, ofTokens: all.length },
      methods: methods.filter((method) => values['budget'] === undefined || !method.startsWith('share:')),
      alone: values['alone'] === true,
      probes,
      found: teller(methods.length, output),
    };
    const sweeper = await Sweeper.of(model.model, pass, new ResultStore(resultsIn(values)), ask, watchOf(output));
    const folder = values['export'];
    if (typeof folder === 'string') {
      await sweeper.exportTo(folder);
      output.err(line(`${folder}: the converted model, with a card that says what it lost`));
    }
    const share = decimalOf(values, 'budget', 1);
    const budget = share === undefined ? null : await sweeper.budget(share);
    const sweep = await sweeper.sweep();
    const siblings = await siblingsOn(path, model, sweeper, ids, linear, values);
    return { sweep: siblings.length === 0 ? sweep : { ...sweep, siblings }, budget };
  } finally {
    await linear.dispose();
  }
}

/** `--probe-tokens N`; 0: none. */
async function probesIn(values: Values, model: HeadModel, ids: readonly number[]): Promise<readonly Probe[]> {
  if (values['probe-tokens'] === '0' || values['alone'] === true) return [];
  const tokens = countOf(values, 'probe-tokens', Math.min(USUAL_PROBE_TOKENS, ids.length), MOST_SWEPT_TOKENS);
  return probesFor(model.model, ids, tokens);
}

/** `--siblings A,B`, or those beside a sample model; `none`: none. */
async function siblingsOn(
  path: string,
  model: HeadModel,
  sweeper: Sweeper,
  ids: readonly number[],
  linear: Linear,
  values: Values,
): Promise<readonly SweptMethod[]> {
  const { siblings } = values;
  const named =
    typeof siblings === 'string'
      ? siblings.split(',').map((folder) => ({ label: basename(resolve(folder)), folder }))
      : await siblingsBeside(path);
  if (siblings === 'none') return [];
  const found: SweptMethod[] = [];
  for (const { label, folder } of named)
    found.push(
      await withModel(folder, async (other) => {
        if (!(await sameTokens(model, other, ids)))
          return { method: `trained ${label}`, refused: 'it has other tokens than this model' };
        return sweeper.sibling(label, other.model, new WholePass(other.model, linear));
      }),
    );
  return found;
}

/** Sample models lie beside each other, with what their training wrote. */
async function siblingsBeside(path: string): Promise<readonly { readonly label: string; readonly folder: string }[]> {
  const folder = resolve(path);
  const own = basename(folder);
  const text = await readFile(join(folder, '..', 'results.json'), 'utf8').catch(() => '');
  const all = siblingsOf(text);
  if (!all.some(({ name }) => name === own)) return [];
  return all
    .filter(({ name }) => name !== own)
    .map(({ name, design }) => ({ label: design, folder: join(folder, '..', name) }));
}

async function sameTokens(model: HeadModel, other: HeadModel, ids: readonly number[]): Promise<boolean> {
  const [own, theirs] = await Promise.all([model.model.tokenizer(), other.model.tokenizer()]);
  if (own === null || theirs === null) return model.model.plan.vocabularySize === other.model.plan.vocabularySize;
  const text = own.decode(ids);
  return own.encode(text).join() === theirs.encode(text).join();
}

function linearFor(model: HeadModel, engine: Engine, { precision }: Values): Linear {
  if (precision !== undefined && precision !== 'float64' && precision !== 'float32')
    throw new UsageError('--precision takes float64 or float32');
  if (precision === undefined) return usualLinear(model.model.store, engine);
  return precision === 'float64' ? FLOAT64 : engineLinear(engine);
}

function methodsIn({ methods }: Values, pass: WholePass, tokens: number): readonly string[] {
  if (typeof methods !== 'string') return offeredMethods(pass.layers(), tokens);
  try {
    return parseMethods(methods);
  } catch (error) {
    throw error instanceof MethodError ? new UsageError(`--methods: ${error.message}`) : error;
  }
}

/** `--shard 2/4`: every fourth method, from the second on. */
function sharded(methods: readonly string[], { shard }: Values): readonly string[] {
  if (typeof shard !== 'string') return methods;
  const found = /^(\d{1,6})\/(\d{1,6})$/.exec(shard);
  const [part, of] = [Number(found?.[1]), Number(found?.[2])];
  if (!(part >= 1 && part <= of)) throw new UsageError('--shard takes i/n, i from 1 to n: --shard 2/4');
  return methods.filter((_, index) => index % of === part - 1);
}

/** Where results are kept between runs. */
function resultsIn({ results }: Values): string | null {
  if (typeof results === 'string') return results === 'none' ? null : results;
  const cache =
    process.env['HEADLIGHT_CACHE'] ?? join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'headlight');
  return join(cache, 'tradeoff');
}

function countOf(values: Values, name: string, usual: number, most: number): number {
  const text = values[name];
  if (text === undefined) return usual;
  const value = typeof text === 'string' ? parseTypedCount(text) : null;
  if (value === null || value < 1 || value > most)
    throw new UsageError(`--${name} takes a whole number from 1 to ${most}`);
  return value;
}

function scenarioIn(values: Values): TradeoffScenario | null {
  if (values['tokens'] === undefined && values['batch'] === undefined) return null;
  return { tokens: countOf(values, 'tokens', 1, 2 ** 20), batch: countOf(values, 'batch', 1, 2 ** 30) };
}

/** Says what was found, and how long the rest will take. */
function teller(count: number, output: CliOutput): NonNullable<SweepAsk['found']> {
  let [done, computed, spent] = [0, 0, 0];
  return (result: SweptMethod, kept: boolean) => {
    done++;
    if (isRefused(result)) return output.err(line(`${result.method}: not possible`));
    if (!kept) {
      computed++;
      spent += result.ms;
    }
    // The first is the unchanged model.
    const left = Math.max(0, count + 1 - done);
    const rest =
      left === 0 || computed === 0 ? '' : `; ${left} left, about ${Math.ceil((left * spent) / computed / 1000)} s`;
    const how = kept ? 'found before' : `${(result.ms / 1000).toFixed(1)} s`;
    return output.err(line(`${result.method}: mean KL ${result.damage.klMean.toPrecision(3)} (${how})${rest}`));
  };
}

/** Between results, at most so often. */
const TOLD_MS = 5000;

function watchOf(output: CliOutput): Watch {
  let told = performance.now();
  return {
    signal: new AbortController().signal,
    progress: ({ message }) => {
      if (message === undefined || performance.now() - told < TOLD_MS) return;
      told = performance.now();
      output.err(line(message));
    },
  };
}

async function show(
  { sweep, budget }: Found,
  scenario: TradeoffScenario | null,
  values: Values,
  output: CliOutput,
): Promise<number> {
  const { out } = values;
  const anchors = values['published'] === true ? ANCHORS : [];
  if (typeof out === 'string') {
    const picture = tradeoffCurve(sweep, ANCHORS);
    if (picture === null) throw new InputError('nothing was measured that could be drawn');
    await writeWhole(out, [svgFile(picture)]);
    output.err(line(`${out}: ${sweep.methods.length} methods`));
  }
  if (values['json'] === true) {
    const methods = sweep.methods.map((one) => (isRefused(one) ? one : { ...one, apply: applicationIn(one) }));
    const published = anchors.length === 0 ? {} : { published: anchors };
    output.out(json({ ...sweep, methods, ...published, ...(budget !== null && { budget }) }));
  } else if (typeof out !== 'string')
    output.out(
      lines([
        ...tradeoffRows(sweep, scenario),
        ...probeRows(sweep),
        ...applicationRows(sweep),
        ...siblingRows(sweep),
        ...(anchors.length === 0 ? [] : anchorRows(anchors)),
        ...(budget === null ? [] : budgetRows(budget)),
      ]),
    );
  return 0;
}

function budgetRows({ share, chosen, expectedKl, result }: Budget): readonly string[] {
  const measured = isRefused(result)
    ? `not possible: ${result.refused}`
    : `measured ${result.damage.klMean.toPrecision(3)}`;
  return [
    '',
    `${(100 * share).toFixed(0)} % of the cache, shared out for the least damage: mean KL ${measured}; layers converted one at a time add up to ${expectedKl.toPrecision(3)}`,
    ...chosen.map(({ layer, method, klMean }) => `layer ${layer}: ${method} (alone ${klMean.toPrecision(3)})`),
  ];
}

async function readPart(file: string): Promise<Sweep> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw new InputError(`${file}: ${reason(error)}`);
  });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new InputError(`${file}: not the JSON of a tradeoff`);
  }
  const {
    modelKey,
    text: ofText,
    methods,
    unchanged,
    measured,
  } = (typeof value === 'object' && value !== null ? value : {}) as Partial<Sweep>;
  if (
    typeof modelKey !== 'string' ||
    typeof ofText?.key !== 'string' ||
    !Array.isArray(methods) ||
    !unchanged ||
    !measured
  )
    throw new InputError(`${file}: not the JSON of a tradeoff`);
  return value as Sweep;
}

/** @throws InputError where parts are of different models, texts or precisions. */
function merged(parts: readonly Sweep[]): Sweep {
  const [first, ...others] = parts;
  if (first === undefined) throw new UsageError('tradeoff --merge takes the JSON files of the parts');
  for (const part of others) {
    const other =
      part.modelKey !== first.modelKey
        ? 'models'
        : part.text.key !== first.text.key
          ? 'texts'
          : part.precision !== first.precision
            ? 'precisions'
            : null;
    if (other !== null)
      throw new InputError(`the parts are of different ${other}: only parts of one sweep can be joined`);
  }
  const methods = new Map(parts.flatMap((part) => part.methods.map((one) => [one.method, one] as const)));
  return { ...first, methods: [...methods.values()] };
}
