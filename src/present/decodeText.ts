/** How fast decode is on this machine, as a page: what was measured, what a roofline expects of it, and how it was done. */

import { formatInteger, formatSize } from '../model/units';
import type { DecodeResult, MeasuredDecode, MeasuredDesign, MeasuredStep } from '../shared/decodeContract';
import { csv } from './csv';
import { documentOf, heading, list, type Markdown, md, sentenceText, table } from './markdown';
import { formatFlops, formatSeconds } from './quantities';

/** Shorter steps are mostly the call into the engine. */
const SHORT_MS = 0.2;
/** The lectures' "more than 6 times faster". */
const CLAIM = 6;

/** @param model Its name; may come from a file. */
export function decodeMarkdown(model: string, result: DecodeResult): Markdown {
  const { designs, tokens, steps, machine, engine, device, library } = result;
  return documentOf([
    heading(1, md`Decode on this machine, at the widths of ${model}`),
    ...leads(result).map((lead) => md`**${lead}**`),
    ...unsteady(result).map(sentenceText),
    md`${machine}. ${library} on ${device} (${engine}), float32.`,
    heading(2, md`One new token against ${formatInteger(tokens)} cached ones`),
    sentenceText(
      `One sequence, one layer: ${formatInteger(result.queryHeads)} query heads, ${widths(result)}. What is measured is the attention between the projections: scores, softmax and the sum over the cache.`,
    ),
    table(
      ['Design', 'Cache', 'Measured', 'vs. MHA', 'Roofline', 'vs. MHA'],
      designs.map((design) => designCells(design, designs)),
      ['left', 'right', 'right', 'right', 'right', 'right'],
    ),
    ...problems(designs.map((design) => [designName(design), design])),
    sentenceText(rooflineSentence(result)),
    heading(2, 'The same step on a GPU, by roofline'),
    table(
      ['Device', 'What', 'Sequences', 'MHA', 'MLA', 'MHA ÷ MLA'],
      result.predictions.map(({ device: gpu, precision, scope, batch, mhaMs, mlaMs, ratio }) => [
        `${gpu}, ${precision}`,
        scope === 'core' ? 'attention alone' : 'with its projections',
        formatInteger(batch),
        formatSeconds(mhaMs / 1e3),
        formatSeconds(mlaMs / 1e3),
        times(ratio),
      ]),
      ['left', 'left', 'right', 'right', 'right', 'right'],
    ),
    sentenceText(claimSentence(result)),
    heading(2, 'One new token with the cache and without'),
    sentenceText(
      `The whole layer as ${result.stepLabel}, with its projections${scaledText(result)}. With the cache one token is computed; without it, all tokens before it are computed again.`,
    ),
    table(
      ['Tokens', 'With the cache', 'Without', 'Without ÷ with', 'Roofline, with', 'Roofline, without'],
      steps.map(stepCells),
      ['right', 'right', 'right', 'right', 'right', 'right'],
    ),
    ...problems(
      steps.flatMap(({ tokens: length, cached, again }) => [
        [`With the cache, ${formatInteger(length)} tokens`, cached] as const,
        [`Without, ${formatInteger(length)} tokens`, again] as const,
      ]),
    ),
    ...growthSentences(steps).map(sentenceText),
    heading(2, 'How it was measured'),
    list(method(result).map(sentenceText)),
  ]);
}

export function decodeCsv({ designs, tokens, steps, engine, scale }: DecodeResult): string {
  const cells = ({ timing }: MeasuredDecode): (number | null)[] =>
    timing
      ? [timing.medianMs, timing.rooflineMs, timing.runs, timing.flops, timing.bytesRead]
      : [null, null, null, null, null];
  return csv([
    ['what', 'tokens', 'engine', 'divided by', 'median ms', 'roofline ms', 'runs', 'operations', 'bytes read'],
    ...designs.map((design) => [designName(design), tokens, engine, 1, ...cells(design)]),
    ...steps.flatMap(({ tokens: length, cached, again }) => [
      ['with the cache', length, engine, scale, ...cells(cached)],
      ['without the cache', length, engine, scale, ...cells(again)],
    ]),
  ]);
}

/** What the page is about, in two sentences. */
function leads({ designs, tokens, steps }: DecodeResult): string[] {
  const mha = designs[0]?.timing;
  const mla = designs.find(({ form }) => form === 'folded')?.timing;
  const last = steps.findLast(({ cached, again }) => cached.timing && again.timing);
  return [
    ...(mha && mla
      ? [
          `With ${formatInteger(tokens)} cached tokens, one step takes ${ms(mha.medianMs)} with MHA and ${ms(mla.medianMs)} with MLA: MLA ${comparedText(mha.medianMs / mla.medianMs)} here.`,
        ]
      : []),
    ...(last?.cached.timing && last.again.timing
      ? [
          `At ${formatInteger(last.tokens)} tokens a new token with the cache ${comparedText(last.again.timing.medianMs / last.cached.timing.medianMs)} as without it.`,
        ]
      : []),
  ];
}

/** Runs of one step that differ so much were disturbed: their medians may be, too. */
const UNSTEADY = 1.5;

function unsteady({ designs, steps }: DecodeResult): string[] {
  const all = [...designs, ...steps.flatMap(({ cached, again }) => [cached, again])].flatMap(
    ({ timing }) => timing ?? [],
  );
  const worst = all.filter(({ spread }) => spread > UNSTEADY);
  return worst.length === 0
    ? []
    : [
        `Not steady: this machine was busy with something else, and the times of one step differed by a factor of ${factor(Math.max(...worst.map(({ spread }) => spread)))} (${worst.length} of ${all.length} rows). Measure again when it is quiet before you rely on the ratios.`,
      ];
}

/** "is 3.3 times as fast", "takes 1.8 times as long"; "is about as fast" where there is nothing in it. */
function comparedText(ratio: number): string {
  if (ratio > 1.05) return `is ${factor(ratio)} times as fast`;
  return ratio < 0.95 ? `takes ${factor(1 / ratio)} times as long` : 'is about as fast';
}

function designName({ label, form, own }: MeasuredDesign): string {
  const how = form === 'absorbed' ? ', W_UK and W_UV in the step' : form === 'expanded' ? ', K and V recomputed' : '';
  return `${label}${how}${own ? ' (this model)' : ''}`;
}

function designCells(design: MeasuredDesign, [mha]: readonly MeasuredDesign[]): string[] {
  const { timing, cacheBytes } = design;
  const against = (of: 'medianMs' | 'rooflineMs'): string =>
    timing && mha?.timing ? times(mha.timing[of] / timing[of]) : '';
  return [
    designName(design),
    formatSize(cacheBytes),
    timing ? ms(timing.medianMs) : 'not measured',
    against('medianMs'),
    timing ? ms(timing.rooflineMs) : '',
    against('rooflineMs'),
  ];
}

function stepCells({ tokens, cached, again }: MeasuredStep): string[] {
  const [kept, whole] = [cached.timing, again.timing];
  return [
    formatInteger(tokens),
    kept ? ms(kept.medianMs) : 'not measured',
    whole ? ms(whole.medianMs) : 'not measured',
    kept && whole ? times(whole.medianMs / kept.medianMs) : '',
    kept ? ms(kept.rooflineMs) : '',
    whole ? ms(whole.rooflineMs) : '',
  ];
}

function problems(all: readonly (readonly [string, MeasuredDecode])[]): Markdown[] {
  const found = all.filter(([, { problem }]) => problem !== null);
  return found.length === 0
    ? []
    : [list(found.map(([what, { problem }]) => sentenceText(`${what}: not measured, because ${problem ?? ''}`)))];
}

function rooflineSentence({ rates }: DecodeResult): string {
  if (!rates) return 'Nothing could be measured.';
  const read = `${(rates.bytesPerS / 1e9).toPrecision(3)} GB/s`;
  return `Roofline: the time that the bytes and operations of a step would take at the best rates that any row of this page reached, ${read} and ${formatFlops(rates.flopsPerS)}/s. It is an expectation, not a measurement: the row that reached a rate stands at it. MLA reads less than MHA and computes more: it gains where reading takes the time.`;
}

function claimSentence({ predictions }: DecodeResult): string {
  const reached = predictions.find(({ scope, ratio }) => scope === 'layer' && ratio >= CLAIM);
  const where = reached
    ? `the whole layer is that fast with ${reached.batch === 1 ? 'a single sequence' : `${formatInteger(reached.batch)} or more sequences at once`}`
    : 'the whole layer is not that fast with any number of sequences that was tried';
  return `Not measured here. The “more than 6 times faster” that is often quoted is for a GPU at DeepSeek’s size. By roofline, ${where}: the weights are read once for all sequences, but the cache of each sequence is read separately.`;
}

function scaledText({ scale, hiddenSize }: DecodeResult): string {
  return scale === 1
    ? ''
    : `, scaled down to finish in reasonable time: heads and hidden width (${formatInteger(hiddenSize)}) divided by ${scale}. Look at the ratios rather than the times`;
}

/** From the shortest to the longest context: how either way grows. */
function growthSentences(steps: readonly MeasuredStep[]): string[] {
  const found = steps.flatMap(({ tokens, cached, again }) =>
    cached.timing && again.timing ? [{ tokens, cached: cached.timing, again: again.timing }] : [],
  );
  const [first, last] = [found[0], found.at(-1)];
  if (!first || !last || first === last) return [];
  const grown = (of: 'medianMs' | 'flops', way: 'cached' | 'again'): string =>
    `× ${factor(last[way][of] / first[way][of])}`;
  return [
    `From ${formatInteger(first.tokens)} to ${formatInteger(last.tokens)} tokens (× ${factor(last.tokens / first.tokens)}) the time grows ${grown('medianMs', 'cached')} with the cache and ${grown('medianMs', 'again')} without; the operations ${grown('flops', 'cached')} and ${grown('flops', 'again')}.`,
    'With the cache, the attention of a new token grows with the number of tokens, and the projections stay as they are. Without it, every token is projected again, and scores grow with the square of that number.',
  ];
}

function method({ layer, designs, steps, remarks, ms: took }: DecodeResult): string[] {
  const timings = [...designs, ...steps.flatMap(({ cached, again }) => [cached, again])].flatMap(
    ({ timing }) => timing ?? [],
  );
  const runs = timings.map((timing) => timing.runs);
  const [fewest, most] = [Math.min(...runs), Math.max(...runs)];
  const times = fewest === most ? `${most}` : `${fewest} to ${most}`;
  return [
    `The shapes are those of layer ${layer}; the values in weights and cache are random (seeded), which does not affect the times. Norms, biases and windows are not included.`,
    ...(timings.length > 0
      ? [`Each time is the median of ${times} runs after warm-up; ${(took / 1e3).toFixed(0)} s in total.`]
      : []),
    'MLA is measured absorbed: W_UK and W_UV are folded into the projections; in rows marked “in the step”, they are multiplied during each step instead.',
    'The compute process runs at low priority: other programs make it slower, and the next run may differ.',
    ...(designs.some(({ timing }) => timing && timing.medianMs < SHORT_MS)
      ? ['Steps below 0.2 ms are mostly the call into the engine: they say little about the design.']
      : []),
    ...(remarks.length > 0 ? [`How the engine computes: ${remarks.join('; ')}.`] : []),
  ];
}

function widths({ keyDim, valueDim }: DecodeResult): string {
  return keyDim === valueDim
    ? `keys and values of ${formatInteger(keyDim)}`
    : `keys of ${formatInteger(keyDim)} and values of ${formatInteger(valueDim)}`;
}

function ms(value: number): string {
  return formatSeconds(value / 1e3);
}

function times(ratio: number): string {
  return `${factor(ratio)} ×`;
}

/** Three digits at most. */
function factor(ratio: number): string {
  return ratio >= 100 ? formatInteger(ratio) : String(Number(ratio.toPrecision(3)));
}
