/** `heads`: what the heads of one layer do with a prompt, with a model's own weights or with seeded ones. */

import { DUMPS, type DumpName, isDumpName } from '../compute/heads/dump';
import { HeadsRun } from '../compute/heads/headsRun';
import type { HeadSubject, LayerPass } from '../compute/heads/layerPass';
import { type Panels, picture } from '../compute/heads/picture';
import { encodePng } from '../compute/heads/png';
import { UNWATCHED } from '../compute/heads/watch';
import type { Engine } from '../compute/engines/engine';
import { defaultMemoryCeiling } from '../compute/machine';
import type { Tensor } from '../attention/onnx/graph';
import { formatInteger } from '../model/units';
import { visibleJson } from '../model/visibleText';
import { line, lines, type TerminalText } from '../present/terminal';
import type { HeadMeasures, LayerMeasures } from '../shared/headsContract';
import { parseArguments } from './arguments';
import { asksForEffects, EFFECT_OPTIONS, effects } from './effects';
import { InputError, UsageError } from './errors';
import { dumpJson, numbersOf } from './dumpJson';
import { checkTokenOptions, seedOf, TOKEN_OPTIONS, tokensOf, wholeNumber, withHeads } from './modelInput';
import type { CliOutput } from './output';
import { writeWhole } from './writing';

/** Numbers that a dump may hold: more is no text that anything reads. */
const MOST_DUMPED = 16 * 1024 ** 2;

/** Pixels of a head's panel at most, before it is enlarged. */
const MOST_PANEL = 512;

interface Ask {
  readonly layer: number;
  readonly dumps: readonly DumpName[];
  /** A file to write, `.json` or `.png`. */
  readonly out: string | null;
  readonly json: boolean;
  /** Measures need Q besides: of a model that is fetched as it is read, its weights are the most of a layer's attention. */
  readonly measures: boolean;
}

export async function heads(args: readonly string[], output: CliOutput): Promise<number> {
  const { paths, values } = parseArguments(args, {
    ...TOKEN_OPTIONS,
    layer: { type: 'string' },
    seed: { type: 'string' },
    dump: { type: 'string' },
    out: { type: 'string' },
    json: { type: 'boolean' },
    'no-measures': { type: 'boolean' },
    ...EFFECT_OPTIONS,
  });
  const [path] = paths;
  if (path === undefined || paths.length !== 1)
    throw new UsageError('heads takes one model folder, config.json or GGUF file');
  if (asksForEffects(values)) return effects(path, values, output);
  checkTokenOptions(values);
  const ask: Ask = {
    layer: wholeNumber(values, 'layer', 0),
    dumps: dumpNames(values['dump']),
    out: outFile(values['out']),
    json: values['json'] === true,
    measures: values['no-measures'] !== true,
  };
  return withHeads(path, seedOf(values), async (model, engine) => {
    const report = await look(model, engine, await tokensOf(model, values), ask, output);
    output.out(ask.json ? report.json : report.text);
    return 0;
  });
}

function dumpNames(value: string | boolean | undefined): readonly DumpName[] {
  if (typeof value !== 'string') return [];
  return [...new Set(value.split(','))].map((name) => {
    if (!isDumpName(name)) throw new UsageError(`--dump takes one or more of ${DUMPS.join(',')}`);
    return name;
  });
}

function outFile(value: string | boolean | undefined): string | null {
  if (typeof value !== 'string') return null;
  if (!/\.(?:json|png)$/i.test(value)) throw new UsageError('--out takes a file that ends in .json or .png');
  return value;
}

async function look(
  model: HeadSubject,
  engine: Engine,
  ids: readonly number[],
  ask: Ask,
  output: CliOutput,
): Promise<{ readonly json: TerminalText; readonly text: TerminalText }> {
  const asPicture = ask.out !== null && /\.png$/i.test(ask.out);
  const dumps: readonly DumpName[] = ask.out !== null && ask.dumps.length === 0 ? ['weights'] : ask.dumps;
  const seeded = model.seeded(ask.layer) !== null;
  // Nothing on a disk bounds what a config may ask for.
  const forward = model.pass(engine, seeded ? { memoryCeiling: defaultMemoryCeiling() } : {});
  try {
    if (!asPicture) checkSize(forward, ids.length, ask.layer, dumps);
    const wanted = { ids, layer: ask.layer, dumps, measures: ask.measures };
    const lacking = await HeadsRun.lacking(forward, wanted);
    if (lacking > 0) output.err(line(`fetching at most ${formatInteger(lacking)} B of the weights`));
    const run = await HeadsRun.start(forward, wanted, UNWATCHED);
    const measures = ask.measures ? await run.measures() : null;
    const { device } = engine.describe();
    const start = {
      tokens: ids,
      text: await model.pieces(ids),
      layer: ask.layer,
      device,
      precision: 'float32',
      ...(seeded && { seeded: seededReport(model, ask.layer) }),
    };
    const captures = new Map<string, Tensor>();
    if (!asPicture) for (const name of dumps) captures.set(name, await run.dump(name));
    if (ask.out !== null)
      await writeWhole(ask.out, asPicture ? await pngPieces(run, dumps) : dumpJson(start, captures));
    const report = { ...start, ...(measures && reportOf(measures)) };
    const printed = ask.out === null && captures.size > 0 ? dumpJson(report, captures) : [visibleJson(report)];
    return { json: line([...printed].join('')), text: reportText(model, start.text, ask.layer, device, measures) };
  } finally {
    await forward.dispose();
  }
}

/** A picture of the dumps, as one piece. */
async function pngPieces(run: HeadsRun, dumps: readonly DumpName[]): Promise<Iterable<Uint8Array>> {
  const panels: Panels[] = [];
  for (const name of dumps)
    panels.push({ tensor: await run.view(name, MOST_PANEL), colouring: name === 'weights' ? 'weights' : 'signed' });
  return [encodePng(picture(panels))];
}

/** NaN (the entropy of a single token) is null in JSON. */
function reportOf(measures: LayerMeasures): object {
  return {
    heads: measures.heads.map((head) =>
      Object.fromEntries(Object.entries(head).map(([key, value]) => [key, numbersOf(value as number)])),
    ),
    identity: measures.identity,
  };
}

/** What seeded weights are and are not. */
function seededReport(model: HeadSubject, layer: number): object {
  const { seed, note } = model.seeded(layer) ?? {};
  return {
    seed,
    weights: 'random',
    input: 'a random vector for each distinct token; earlier layers are skipped',
    note,
  };
}

function checkSize(forward: LayerPass, tokens: number, layer: number, dumps: readonly DumpName[]): void {
  const attention = forward.attention(layer);
  if (attention === undefined) return;
  const { queryHeads } = attention;
  const square = dumps.filter((name) => name === 'weights' || name === 'scores').length;
  const numbers = square * queryHeads * tokens * tokens;
  if (numbers > MOST_DUMPED)
    throw new InputError(
      `weights of ${queryHeads} heads over ${tokens} tokens are ${numbers} numbers; a dump holds at most ${MOST_DUMPED}: use a shorter prompt, or --out F.png`,
    );
}

function reportText(
  model: HeadSubject,
  tokens: readonly string[],
  layer: number,
  device: string,
  measures: LayerMeasures | null,
): TerminalText {
  const columns: readonly (keyof HeadMeasures)[] = ['entropy', 'sink', 'previousToken', 'duplicateToken', 'induction'];
  const cellsOf = (cells: readonly string[]): string =>
    cells.map((cell, i) => (i < 2 ? cell.padStart(5) : cell.padStart(15))).join('');
  const table = (measures?.heads ?? []).map((row) =>
    cellsOf([String(row.head), String(row.group), ...columns.map((name) => row[name].toFixed(4))]),
  );
  const seeded = model.seeded(layer);
  return lines([
    `${model.path}, layer ${layer}, ${tokens.length} tokens, ${device}, float32`,
    ...(seeded === null
      ? []
      : [
          `seeded weights (seed ${seeded.seed}): shapes, groups and masks are the config's, the numbers are random; earlier layers are skipped`,
          ...(seeded.note === null ? [] : [seeded.note]),
        ]),
    ...(measures === null ? [] : [cellsOf(['head', 'group', ...columns]), ...table, ...alike(measures)]),
  ]);
}

/** How alike K and V are inside of groups and between them. */
function alike({ identity: { k, v } }: LayerMeasures): readonly string[] {
  const delta = (value: number | null): string => (value === null ? 'one group only' : String(numbersOf(value)));
  return [
    `max |ΔK| inside groups ${delta(k.inside)}, between groups at least ${delta(k.between)}`,
    `max |ΔV| inside groups ${delta(v.inside)}, between groups at least ${delta(v.between)}`,
  ];
}
