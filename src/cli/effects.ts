/** `heads --ablate`, `--attribute`, `--patch`, `--compose`: what parts of a model do, measured by changing them. */

import { attribute, type Attribution } from '../compute/effects/attribution';
import { matrixStagesFor, type Precision, stagesFor } from '../compute/effects/chooseStages';
import { compose } from '../compute/effects/compositionRun';
import { type Changed, Effects, metricOf, placesFrom, readPrompt } from '../compute/effects/effects';
import { EffectStore } from '../compute/effects/effectStore';
import { UNWATCHED, type Watch } from '../compute/heads/watch';
import type { Engine } from '../compute/engines/engine';
import type { HeadModel } from '../compute/heads/headModel';
import {
  MAP_KINDS,
  PATCH_KINDS,
  REPLACEMENTS,
  type Effect,
  type Recovery,
  type Replacement,
} from '../shared/effectsContract';
import { KEPT_BOUNDS } from '../shared/keptBounds';
import { readModelConfig } from '../reading/read';
import { removedText } from '../present/keptText';
import { line, lines, json, type TerminalText } from '../present/terminal';
import type { OptionTable, ParsedArguments } from './arguments';
import { dumpJson, numbersOf } from './dumpJson';
import { InputError, UsageError } from './errors';
import { modelText } from './modelFiles';
import { MEASURE_OPTIONS, precisionIn, resultsIn } from './measureOptions';
import { checkTokenOptions, isIds, seedOf, tokensOf, wholeNumber, withModel } from './modelInput';
import type { CliOutput } from './output';

type Values = ParsedArguments['values'];

export const EFFECT_OPTIONS: OptionTable = {
  ablate: { type: 'string' },
  by: { type: 'string' },
  other: { type: 'string' },
  attribute: { type: 'string' },
  against: { type: 'string' },
  at: { type: 'string' },
  'by-source': { type: 'boolean' },
  patch: { type: 'string' },
  compose: { type: 'string' },
  follow: { type: 'string' },
  kinds: { type: 'string' },
  ...MEASURE_OPTIONS,
};

const ASKS = ['ablate', 'attribute', 'patch', 'compose'] as const;
type Ask = (typeof ASKS)[number];

/** Which options belong to which question, besides the prompt. */
const BELONGING: Readonly<Record<Ask, readonly string[]>> = {
  ablate: ['by', 'other', 'follow', 'kinds', 'precision', 'results', 'dump', 'layer'],
  attribute: ['against', 'at', 'by-source', 'precision'],
  patch: ['follow', 'against', 'kinds', 'precision', 'layer'],
  compose: [],
};

export function asksForEffects(values: Values): boolean {
  const found = ASKS.filter((name) => values[name] !== undefined);
  const stray = Object.keys(EFFECT_OPTIONS).find((name) => values[name] !== undefined);
  if (found.length === 0 && stray !== undefined)
    throw new UsageError(`--${stray} belongs to ${ASKS.map((name) => `--${name}`).join(', ')}`);
  return found.length > 0;
}

/** The question of a command line. @throws UsageError */
function askOf(values: Values): Ask {
  const [ask, second] = ASKS.filter((name) => values[name] !== undefined);
  if (ask === undefined || second !== undefined)
    throw new UsageError(`give one of ${ASKS.map((name) => `--${name}`).join(', ')}`);
  const allowed = new Set([...(ask === 'compose' ? [] : ['prompt', 'ids']), 'json', 'units', ask, ...BELONGING[ask]]);
  const stray = Object.keys(values).find((name) => values[name] !== undefined && !allowed.has(name));
  if (stray !== undefined) throw new UsageError(`--${stray} does not go with --${ask}`);
  return ask;
}

export async function effects(path: string, values: Values, output: CliOutput): Promise<number> {
  if (seedOf(values) !== null)
    throw new UsageError('weights of a seed predict nothing: effects need a model with its own weights');
  const ask = askOf(values);
  if (ask !== 'compose') checkTokenOptions(values);
  const work = async (model: HeadModel, engine: Engine): Promise<TerminalText> => {
    const job = { model, engine, values, output, ids: ask === 'compose' ? [] : await tokensOf(model, values) };
    switch (ask) {
      case 'ablate':
        return values['ablate'] === 'all' ? mapped(job) : ablated(job);
      case 'attribute':
        return attributed(job);
      case 'patch':
        return patched(job);
      case 'compose':
        return composed(job);
    }
  };
  output.out(await withModel(path, work).catch((error: unknown) => withHeadless(path, error)));
  return 0;
}

/** Of a model that is not run: which of its layers have no heads at all. */
async function withHeadless(path: string, error: unknown): Promise<never> {
  if (!(error instanceof InputError)) throw error;
  const found = await modelText(path).catch(() => null);
  const layers = found === null ? [] : (readModelConfig(found.text)?.spec.layers ?? []);
  const headless = layers.filter(({ attention: { kind } }) => kind === 'recurrent' || kind === 'conv');
  if (headless.length === 0) throw error;
  const which = headless.length === layers.length ? 'all' : headless.map(({ index }) => index).join(', ');
  throw new InputError(
    `${error.message} Layers without heads that could be taken out, which keep a state (linear attention, Mamba, convolution): ${which}.`,
  );
}

interface Job {
  readonly model: HeadModel;
  readonly engine: Engine;
  readonly values: Values;
  readonly output: CliOutput;
  readonly ids: readonly number[];
}

async function ablated({ model, engine, values, ids }: Job): Promise<TerminalText> {
  const labels = listOf(values, 'ablate');
  const dump = values['dump'];
  if (dump !== undefined && dump !== 'logits') throw new UsageError('with --ablate, --dump takes logits');
  const { by, other } = await replacementOf(model, values);
  const tokens = await followed(model, values);
  const stages = stagesFor(model, engine, precisionIn(values));
  try {
    const prompt = await readPrompt(stages, ids, UNWATCHED);
    const measured = new Effects(stages, prompt, other === null ? null : await readPrompt(stages, other, UNWATCHED));
    const places = placesFrom(labels);
    const found = await measured.change(places, by, tokens, UNWATCHED);
    const start = { tokens: ids, text: await model.pieces(ids), precision: stages.precision, ablated: labels, by };
    const report = { ...start, ...(await changeReport(model, found, tokens)) };
    if (values['json'] !== true) return changeText(model, start.text, labels, by, report, stages.precision);
    if (dump === undefined) return json(report);
    const logits = Float32Array.from(found.after.all);
    const tensor = { type: 'float32' as const, shape: [logits.length], data: logits };
    return line([...dumpJson(report, new Map([['logits', tensor]]))].join(''));
  } finally {
    await stages.dispose();
  }
}

interface PredictionReport {
  readonly top: readonly {
    readonly token: number;
    readonly piece: string;
    readonly logit: number | null;
    readonly probability: number | null;
  }[];
  readonly logits: readonly (number | null)[];
}

interface ChangeReport {
  readonly before: PredictionReport;
  readonly after: PredictionReport;
  readonly followed: readonly number[];
  readonly kl: readonly (number | null)[];
  readonly klMean: number | null;
  readonly lossBefore: number | null;
  readonly lossAfter: number | null;
}

async function changeReport(
  model: HeadModel,
  { before, after, kl, lossBefore, lossAfter }: Changed,
  tokens: readonly number[],
): Promise<ChangeReport> {
  const side = async ({ top, logits }: Changed['before']): Promise<PredictionReport> => {
    const pieces = await model.pieces(top.map(({ id }) => id));
    return {
      top: top.map(({ id: token, logit, probability }, i) => ({
        token,
        piece: pieces[i] ?? `#${token}`,
        logit: numbersOf(logit),
        probability: numbersOf(probability),
      })),
      logits: logits.map(numbersOf),
    };
  };
  return {
    before: await side(before),
    after: await side(after),
    followed: tokens,
    kl: Array.from(kl, numbersOf),
    klMean: meanOf(kl),
    lossBefore: meanOf(lossBefore),
    lossAfter: meanOf(lossAfter),
  };
}

function changeText(
  model: HeadModel,
  text: readonly string[],
  labels: readonly string[],
  by: Replacement,
  { before, after, followed, klMean, kl, lossBefore, lossAfter }: ChangeReport,
  precision: Precision,
): TerminalText {
  const shown = (value: number | null): string => (value === null ? 'nothing follows' : value.toPrecision(4));
  return lines([
    `${model.path}, ${text.length} tokens, ${precision}: ${labels.join(', ')} ${WORDS[by]}`,
    `KL of the prediction: mean over the prompt ${shown(klMean)} nats, behind the last token ${shown(kl.at(-1) ?? null)}`,
    `loss over the prompt: ${shown(lossBefore)} before, ${shown(lossAfter)} after`,
    ...followed.map(
      (token, i) =>
        `logit of #${token}: ${shown(before.logits[i] ?? null)} before, ${shown(after.logits[i] ?? null)} after`,
    ),
    ...columns('before', before.top).map((cell, i) => `${cell.padEnd(36)}${columns('after', after.top)[i] ?? ''}`),
  ]);
}

const WORDS: Readonly<Record<Replacement, string>> = {
  zero: 'set to zero',
  mean: 'set to their mean over the prompt',
  other: 'taken from the other prompt',
};

function columns(title: string, top: PredictionReport['top']): readonly string[] {
  return [
    title,
    ...top.map(
      ({ piece, probability }) => `${((probability ?? 0) * 100).toFixed(2).padStart(6)} % ${JSON.stringify(piece)}`,
    ),
  ];
}

async function mapped(job: Job): Promise<TerminalText> {
  const { model, engine, values, output, ids } = job;
  if (values['dump'] !== undefined)
    throw new UsageError('--ablate all measures each place by itself: it has no logits to dump');
  const { by, other } = await replacementOf(model, values);
  const tokens = await followed(model, values);
  const kinds = kindsOf(values, MAP_KINDS, ['head']);
  const stages = stagesFor(model, engine, precisionIn(values));
  try {
    const layer = values['layer'] === undefined ? null : wholeNumber(values, 'layer', 0);
    if (layer !== null && layer >= stages.layers.length)
      throw new InputError(`there is no layer ${layer}: the model has layers 0 to ${stages.layers.length - 1}`);
    const store = await EffectStore.of(
      model.model,
      { ids, other, by, tokens, precision: stages.precision },
      resultsIn(values, 'effects'),
    );
    const prompt = await readPrompt(stages, ids, UNWATCHED);
    const measured = new Effects(stages, prompt, other === null ? null : await readPrompt(stages, other, UNWATCHED));
    const found = new Map((await store.read()).map((effect) => [effect.place, effect]));
    if (found.size > 0) output.err(line(`${found.size} effects are known from a run before`));
    const start = performance.now();
    for (;;) {
      const next: { effects: readonly Effect[]; left: number } = await measured.map(
        kinds,
        by,
        tokens,
        [...found.keys()],
        UNWATCHED,
        layer,
      );
      for (const effect of next.effects) found.set(effect.place, effect);
      if (next.effects.length > 0) {
        // Kept at once: a run that is stopped goes on from here.
        await store.write([...found.values()]);
        const removed = removedText(store.takeRemoved(), KEPT_BOUNDS);
        if (removed !== null) output.err(line(removed));
        const seconds = ((performance.now() - start) / 1000).toFixed(1);
        const names = next.effects.map(({ place }) => place);
        output.err(
          line(
            `${seconds} s: ${names[0] ?? ''}${names.length > 1 ? ` to ${names.at(-1) ?? ''}` : ''}, ${next.left} left`,
          ),
        );
      }
      if (next.left === 0) break;
    }
    const all = [...found.values()]
      .filter(
        (effect) => (kinds as readonly string[]).includes(effect.kind) && (layer === null || effect.layer === layer),
      )
      .toSorted((a, b) => b.klMean - a.klMean);
    const text = await model.pieces(ids);
    if (values['json'] === true)
      return json({
        tokens: ids,
        text,
        precision: stages.precision,
        by,
        followed: tokens,
        loss: numbersOf(prompt.loss),
        logits: tokens.map((token) => numbersOf(prompt.logits[token] ?? null)),
        effects: all.map(effectReport),
      });
    return mapText(model, text.length, stages.precision, by, all);
  } finally {
    await stages.dispose();
  }
}

function effectReport({ klMean, klLast, lossChange, logitChanges, ...place }: Effect): object {
  return {
    ...place,
    klMean: numbersOf(klMean),
    klLast: numbersOf(klLast),
    lossChange: numbersOf(lossChange),
    logitChanges: logitChanges.map(numbersOf),
  };
}

/** Rows printed under the map. */
const MOST_LISTED = 20;

function mapText(
  model: HeadModel,
  tokens: number,
  precision: Precision,
  by: Replacement,
  all: readonly Effect[],
): TerminalText {
  const heads = all.filter(({ kind }) => kind === 'head');
  const count = Math.max(0, ...heads.map(({ index }) => index + 1));
  const layers = [...new Set(heads.map(({ layer }) => layer))].sort((a, b) => a - b);
  const cell = (layer: number, head: number): string =>
    heads.find((effect) => effect.layer === layer && effect.index === head)?.klMean.toExponential(1) ?? '';
  const heading = ['layer', ...Array.from({ length: count }, (_, head) => `head ${head}`)];
  return lines([
    `${model.path}, ${tokens} tokens, ${precision}: mean KL of the prediction in nats, each part by itself ${WORDS[by]}`,
    ...(count === 0
      ? []
      : [
          heading.map((text) => text.padStart(9)).join(''),
          ...layers.map((layer) =>
            [String(layer), ...Array.from({ length: count }, (_, head) => cell(layer, head))]
              .map((text) => text.padStart(9))
              .join(''),
          ),
        ]),
    'most first:',
    ...all
      .slice(0, MOST_LISTED)
      .map(
        ({ place, klMean, lossChange }) =>
          `${place.padEnd(14)} KL ${klMean.toExponential(3)}   loss ${lossChange === null ? 'nothing follows' : `${lossChange < 0 ? '−' : '+'}${Math.abs(lossChange).toFixed(4)}`}`,
      ),
  ]);
}

async function attributed({ model, engine, values, ids }: Job): Promise<TerminalText> {
  const stages = matrixStagesFor(model, engine, precisionIn(values));
  try {
    const token = await tokenOf(model, values, 'attribute');
    const against = values['against'] === undefined ? null : await tokenOf(model, values, 'against');
    const position = values['at'] === undefined ? ids.length - 1 : wholeNumber(values, 'at', 0);
    const bySource = values['by-source'] === true;
    const found = await attribute(stages, { ids, position, token, against, bySource }, UNWATCHED);
    const text = await model.pieces(ids);
    if (values['json'] === true)
      return json({
        tokens: ids,
        text,
        precision: stages.precision,
        position,
        token,
        against,
        logit: numbersOf(found.logit),
        sum: numbersOf(found.sum),
        contributions: found.contributions.map(({ value, sources, ...rest }) => ({
          ...rest,
          value: numbersOf(value),
          ...(sources !== null && { sources: sources.map(numbersOf) }),
        })),
        notes: found.notes,
      });
    return attributionText(model, text, found, bySource);
  } finally {
    await stages.dispose();
  }
}

function attributionText(
  model: HeadModel,
  text: readonly string[],
  found: Attribution,
  bySource: boolean,
): TerminalText {
  const name = ({ writer, layer, index }: Attribution['contributions'][number]): string =>
    writer === 'head'
      ? `head ${layer}.${index}`
      : writer === 'embedding'
        ? 'embedding'
        : writer === 'output'
          ? 'biases of the output'
          : writer === 'mlp'
            ? `MLP ${layer}`
            : `biases of layer ${layer}`;
  const rows = found.contributions.toSorted((a, b) => Math.abs(b.value) - Math.abs(a.value));
  return lines([
    `${model.path}, ${text.length} tokens: logit ${found.logit.toFixed(4)}, the parts sum to ${found.sum.toFixed(4)}`,
    ...rows.slice(0, 2 * MOST_LISTED).map((row) => {
      const { value, sources } = row;
      const most =
        sources === null || !bySource
          ? []
          : [...sources.entries()].toSorted((a, b) => Math.abs(b[1]) - Math.abs(a[1])).slice(0, 3);
      const from = most.map(([token, part]) => `${JSON.stringify(text[token] ?? '')} ${signed(part)}`).join(', ');
      return `${signed(value).padStart(10)}  ${name(row)}${from === '' ? '' : `  from ${from}`}`;
    }),
    ...found.notes,
  ]);
}

function signed(value: number): string {
  return `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(4)}`;
}

async function patched({ model, engine, values, output, ids }: Job): Promise<TerminalText> {
  const corrupted = await promptOf(model, values, 'patch');
  const kinds = kindsOf(values, PATCH_KINDS, ['head', 'attention', 'mlp', 'residual']);
  const stages = stagesFor(model, engine, precisionIn(values));
  try {
    if (corrupted.length !== ids.length)
      throw new InputError(
        `the clean prompt has ${ids.length} tokens and the corrupted one ${corrupted.length}: patches need as many in both`,
      );
    const [best, worst] = [await readPrompt(stages, ids, UNWATCHED), await readPrompt(stages, corrupted, UNWATCHED)];
    const token = values['follow'] === undefined ? topOf(best.logits) : await tokenOf(model, values, 'follow');
    const given = values['against'] === undefined ? null : await tokenOf(model, values, 'against');
    // Without a token of its own, the corrupted prompt's likeliest: what the clean one's competes with.
    const rival = values['follow'] === undefined && given === null ? topOf(worst.logits) : given;
    const metric = { token, against: rival === token ? null : rival };
    const measured = new Effects(stages, worst, best);
    const found = new Map<string, Recovery>();
    const layer = values['layer'] === undefined ? null : wholeNumber(values, 'layer', 0);
    for (;;) {
      const next = await measured.patch(kinds, metric, [...found.keys()], UNWATCHED, layer);
      for (const recovery of next.recoveries) found.set(recovery.place, recovery);
      if (next.left === 0) break;
      if (process.stderr.isTTY) output.err(line(`${next.left} left`));
    }
    const report = {
      clean: { tokens: ids, text: await model.pieces(ids), value: numbersOf(metricOf(best.logits, metric)) },
      corrupted: {
        tokens: corrupted,
        text: await model.pieces(corrupted),
        value: numbersOf(metricOf(worst.logits, metric)),
      },
      ...metric,
      precision: stages.precision,
      differing: [...ids.keys()].filter((position) => ids[position] !== corrupted[position]),
      recoveries: [...found.values()].map(({ value, recovered, ...rest }) => ({
        ...rest,
        value: numbersOf(value),
        recovered: numbersOf(recovered),
      })),
    };
    if (values['json'] === true) return json(report);
    const [name, against] = await model.pieces([token, ...(metric.against === null ? [] : [metric.against])]);
    const sorted = report.recoveries.toSorted((a, b) => Math.abs(b.recovered ?? 0) - Math.abs(a.recovered ?? 0));
    return lines([
      `${model.path}: logit of ${JSON.stringify(name)}${against === undefined ? '' : ` less that of ${JSON.stringify(against)}`}: ${String(report.clean.value)} clean, ${String(report.corrupted.value)} corrupted`,
      `tokens differ at ${report.differing.length === 0 ? 'no position' : report.differing.map((at) => `${at} (${JSON.stringify(report.clean.text[at] ?? '')}, ${JSON.stringify(report.corrupted.text[at] ?? '')})`).join(', ')}`,
      'recovered by one activation of the clean prompt, most first:',
      ...sorted
        .slice(0, 2 * MOST_LISTED)
        .map(
          ({ place, recovered }) =>
            `${place.padEnd(16)} ${recovered === null ? 'not known: the prompts do not differ in it' : `${(100 * recovered).toFixed(1)} %`}`,
        ),
    ]);
  } finally {
    await stages.dispose();
  }
}

async function composed({ model, values, output }: Job): Promise<TerminalText> {
  const [place] = placesFrom([String(values['compose'])]);
  if (place?.kind !== 'head') throw new UsageError('--compose takes a head: --compose 3.5');
  const watch: Watch = { ...UNWATCHED, progress: ({ message }) => process.stderr.isTTY && output.err(line(message)) };
  const { compositions, notes } = await compose(model.model, place.layer, place.index, watch);
  if (values['json'] === true)
    return json({
      layer: place.layer,
      head: place.index,
      compositions: compositions.map(({ q, k, v, ...head }) => ({
        ...head,
        q: numbersOf(q),
        k: numbersOf(k),
        v: numbersOf(v),
      })),
      notes,
    });
  const rows = compositions
    .toSorted((a, b) => Math.max(b.q, b.k, b.v) - Math.max(a.q, a.k, a.v))
    .slice(0, 2 * MOST_LISTED);
  return lines([
    `${model.path}: what head ${place.layer}.${place.index} can read of earlier heads, by its queries, keys and values`,
    ['head', 'Q', 'K', 'V'].map((text) => text.padStart(8)).join(''),
    ...rows.map(({ layer, head, q, k, v }) =>
      [`${layer}.${head}`, ...[q, k, v].map((value) => value.toFixed(4))].map((text) => text.padStart(8)).join(''),
    ),
    ...(rows.length === 0 ? ['no layer is before this one'] : []),
    ...notes,
  ]);
}

function listOf(values: Values, name: string): readonly string[] {
  return String(values[name])
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

function kindsOf<K extends string>(values: Values, all: readonly K[], usual: readonly K[]): readonly K[] {
  if (values['kinds'] === undefined) return usual;
  return listOf(values, 'kinds').map((text) => {
    const found = all.find((kind) => kind === text);
    if (found === undefined) throw new UsageError(`--kinds takes one or more of ${all.join(',')}`);
    return found;
  });
}

async function replacementOf(
  model: HeadModel,
  values: Values,
): Promise<{ readonly by: Replacement; readonly other: readonly number[] | null }> {
  const by = REPLACEMENTS.find((one) => one === (values['by'] ?? (values['other'] === undefined ? 'zero' : 'other')));
  if (by === undefined) throw new UsageError(`--by takes ${REPLACEMENTS.join(', ')}`);
  if ((by === 'other') !== (values['other'] !== undefined))
    throw new UsageError('--by other takes what stands there from another prompt: --other TEXT (or ids, with --ids)');
  return { by, other: by === 'other' ? await promptOf(model, values, 'other') : null };
}

/** A second prompt: text beside `--prompt`, ids beside `--ids`. */
async function promptOf(model: HeadModel, values: Values, name: 'other' | 'patch'): Promise<readonly number[]> {
  const text = String(values[name]);
  if (values['ids'] === undefined) return tokensOf(model, { prompt: text });
  if (!isIds(text)) throw new UsageError(`--${name} takes ids beside --ids: --${name} 1,2,3`);
  return tokensOf(model, { ids: text });
}

/** Ids of `--follow`, one token. */
async function followed(model: HeadModel, values: Values): Promise<readonly number[]> {
  return values['follow'] === undefined ? [] : [await tokenOf(model, values, 'follow')];
}

/** A token by its text or as `#ID`. */
async function tokenOf(model: HeadModel, values: Values, name: string): Promise<number> {
  const text = String(values[name]);
  const id = /^#(\d{1,9})$/.exec(text);
  if (id !== null) return Number(id[1]);
  const tokenizer = await model.tokenizer();
  if (tokenizer === null)
    throw new InputError(`--${name}: there is no usable tokenizer beside the weights: name the token as #ID`);
  const found = tokenizer.encode(text, false);
  const [first] = found;
  if (first !== undefined && found.length === 1) return first;
  const pieces = tokenizer.pieces(found).map((piece) => JSON.stringify(piece));
  throw new InputError(
    `--${name}: ${JSON.stringify(text)} is ${found.length} tokens (${pieces.slice(0, 20).join(', ')}): name one, or an id as #ID`,
  );
}

function topOf(logits: Float64Array): number {
  let best = 0;
  for (let i = 1; i < logits.length; i++) if ((logits[i] as number) > (logits[best] as number)) best = i;
  return best;
}

function meanOf(values: Float64Array): number | null {
  return values.length === 0 ? null : numbersOf(values.reduce((sum, value) => sum + value, 0) / values.length);
}
