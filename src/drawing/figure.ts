/** A model as a figure: tokens, embedding, the stack of its layers, head; and each kind of layer opened. */

import { formatInteger, formatRanges, formatSize } from '../model/units';
import { formatCount } from '../present/quantities';
import { designText, kindTitle, numberText, sentence, tokensText } from '../present/words';
import type { Anatomy, LayerKind } from '../serving/anatomy/anatomy';
import { sumOf } from '../families/counted/weights';
import { modelBeyondText } from '../present/sizeText';
import { countOf, multipliedEnds } from '../serving/anatomy/ends';
import type { Repeat, Run } from '../serving/anatomy/fold';
import { type Box, COLUMNS, type LayerDrawing } from './box';
import { layerDrawing } from './layerDrawing';
import { mixerTitle } from './boxWords';
import { Canvas, placeBox, placeCard, placeLayer, placeText } from './layout';
import { legendShapes } from './legend';
import type { Ink, Scene } from './scene';
import type { BoxMark } from './stepMarks';

export interface FigureOptions {
  /** In pixels. */
  readonly width: number;
  /** The model's name. */
  readonly name: string;
  /** Where it is from: the file. */
  readonly source: string;
  /** Kinds of layers that are opened, by their places; all where absent. */
  readonly open?: ReadonlySet<number>;
  /** Prefill or a decode step, in place of parameters. */
  readonly step?: StepFigure;
}

/** A step as the figure shows it. */
export interface StepFigure {
  /** By the ids of the parts. */
  readonly boxes: ReadonlyMap<string, BoxMark>;
  /** Of `count` layers of a kind, `times` times. */
  readonly run: (kind: number, count: number, times: number) => BoxMark | null;
  /** Above the layers; returns the bottom. */
  readonly place: (canvas: Canvas, x: number, y: number, width: number) => number;
  /** What the marks mean. */
  readonly legend: string;
}

/** Beside the figure; narrow ones have less. */
function marginOf(width: number): number {
  return width < 480 ? 8 : 16;
}

const GAP = 20;
const ARROW = 18;
/** Width from which on the stack has a column of its own. */
const WIDE = 640;
const STACK = 250;
const NARROWEST_CARD = 320;
const WIDEST_CARD = 640;

/** "A", "B", …: what the stack calls its kinds. */
export function kindLetter(place: number): string {
  const letter = String.fromCharCode(65 + (place % 26));
  return place < 26 ? letter : `${letter}${Math.floor(place / 26)}`;
}

export function kindInk({ attention }: LayerKind): Ink {
  return `kind-${attention.kind}`;
}

/** "full attention", "Mamba-2 mixer", with what tells it from others: "sliding window, dense", "compressed, one entry for every 4 tokens". */
export function kindName(kind: LayerKind, kinds: readonly LayerKind[]): string {
  const title = mixerName(kind);
  const alike = kinds.filter((other) => mixerName(other) === title);
  const detail = (of: (each: LayerKind) => string): string[] =>
    alike.some((other) => of(other) !== of(kind)) && of(kind) !== '' ? [of(kind)] : [];
  const bounded = kind.attention.kind === 'sliding' || kind.attention.kind === 'chunked';
  return [
    title,
    ...(bounded ? [extent(kind)] : detail(extent)),
    ...detail(positionsName),
    ...detail((each) => (each.attention.kind === 'none' ? '' : hasExperts(each) ? 'experts' : 'dense')),
    ...detail((each) => (chosenByTable(each) ? 'experts by a table' : '')),
  ].join(', ');
}

function mixerName({ attention, state, description }: LayerKind): string {
  if (attention.kind === 'recurrent' || attention.kind === 'conv') return mixerTitle(attention, state);
  if (attention.kind === 'none' && description?.layer) return 'encoder layer';
  if (attention.kind === 'none' && description?.feedForward)
    return description.feedForward.kind === 'moe' ? 'experts alone' : 'feed-forward alone';
  return state ? `${kindTitle(attention.kind)} and ${mixerTitle(attention, state)}` : kindTitle(attention.kind);
}

function extent({ attention }: LayerKind): string {
  switch (attention.kind) {
    case 'sliding':
      return `${formatInteger(attention.window)} tokens`;
    case 'chunked':
      return `${formatInteger(attention.chunk)} tokens`;
    case 'compressed':
      return `one entry for every ${formatInteger(attention.ratio)} tokens`;
    case 'shared':
      return `cache of layer ${attention.sharedWith}`;
    case 'full':
    case 'cross':
      return `${formatInteger(attention.kvHeads)} KV heads`;
    default:
      return '';
  }
}

function positionsName({ description }: LayerKind): string {
  if (!description?.layer || description.positionsElsewhere) return '';
  const { rotary, alibi } = description.layer;
  return rotary ? 'RoPE' : alibi ? 'ALiBi' : 'NoPE';
}

/** "0–31", "0, 2, …, 22". */
function indexesText(indexes: readonly number[]): string {
  const [first = 0, second = 0] = indexes;
  const step = second - first;
  const even = step > 1 && indexes.length > 6 && indexes.every((index, place) => index === first + place * step);
  return even ? `${first}, ${second}, …, ${indexes.at(-1)}` : formatRanges(indexes);
}

function hasExperts({ description, parameters }: LayerKind): boolean {
  return description ? description.feedForward?.kind === 'moe' : (parameters?.experts.length ?? 0) > 0;
}

function chosenByTable({ description }: LayerKind): boolean {
  const feedForward = description?.feedForward;
  return feedForward?.kind === 'moe' && feedForward.router.byTable === true;
}

export function figureOf(anatomy: Anatomy, options: FigureOptions): Scene {
  const canvas = new Canvas();
  const { width, name } = options;
  const margin = marginOf(width);
  const inner = width - 2 * margin;
  let top = placeText(canvas, name, 20, true, 'text', margin, margin, inner);
  top = placeText(canvas, designText(anatomy.spec), 12, false, 'text', margin, top + 2, inner);
  for (const text of [...factsText(anatomy), totalsText(anatomy)])
    top = placeText(canvas, text, 12, false, 'muted', margin, top + 2, inner);
  top += GAP;
  const wide = width >= WIDE;
  if (options.step) top = options.step.place(canvas, margin, top, inner) + GAP;
  const stackBottom = placeStack(canvas, anatomy, margin, top, wide ? STACK : inner, options.step);
  const left = wide ? margin + STACK + GAP : margin;
  const room = width - margin - left;
  const opened = anatomy.kinds.filter((_, place) => !options.open || options.open.has(place)).length;
  const count = Math.max(1, Math.min(opened, Math.floor((room + GAP) / (NARROWEST_CARD + GAP))));
  const card = Math.min((room - (count - 1) * GAP) / count, WIDEST_CARD);
  const bottoms = Array.from({ length: count }, () => (wide ? top : stackBottom + GAP));
  for (const [place, kind] of anatomy.kinds.entries()) {
    if (options.open && !options.open.has(place)) continue;
    const column = bottoms.indexOf(Math.min(...bottoms));
    const x = Math.round((left + column * (card + GAP)) * 10) / 10;
    const bottom = placeCard(
      canvas,
      { title: `${kindLetter(place)} · ${kindName(kind, anatomy.kinds)}`, lines: kindLines(kind), ink: kindInk(kind) },
      x,
      bottoms[column] ?? top,
      Math.round(card * 10) / 10,
      (at, y, across) => {
        const prefix = `layer.${kindLetter(place)}`;
        return placeLayer(canvas, inStep(kindDrawing(anatomy, kind), prefix, options.step), prefix, at, y, across);
      },
    );
    bottoms[column] = bottom + GAP;
  }
  const below = Math.max(stackBottom + GAP, ...bottoms);
  const legend = legendShapes(anatomy.kinds, margin, below, inner);
  canvas.ground.push(...legend.shapes);
  const bottom = placeText(canvas, captionText(anatomy, options), 11, false, 'muted', margin, legend.bottom, inner);
  return {
    width,
    height: Math.ceil(bottom + margin),
    title: `${name}: ${designText(anatomy.spec)}`,
    ground: canvas.ground,
    parts: canvas.parts,
  };
}

/** Which layers are of a kind, and what each of them has and keeps. */
export function kindLines(kind: LayerKind): string[] {
  const { indexes, parameters, cacheBytesPerToken, cacheBytes, stateBytes } = kind;
  const count = indexes.length;
  const each = parameters && Object.values(parameters.parts).reduce((sum, part) => sum + part, 0);
  const keeps = [
    ...(cacheBytesPerToken > 0 ? [`${formatSize(cacheBytesPerToken)} of cache per token`] : []),
    ...(cacheBytesPerToken === 0 && cacheBytes > 0 ? [`${formatSize(cacheBytes)} of cache of the source`] : []),
    ...(stateBytes > 0 ? [`${formatSize(stateBytes)} of state`] : []),
  ];
  return [
    count === 1 ? `layer ${indexes[0]}` : `${formatInteger(count)} layers: ${indexesText(indexes)}`,
    [
      ...(each === null ? [] : [`${formatCount(each)} parameters`]),
      ...(keeps.length > 0 ? keeps : ['nothing cached']),
    ].join(' · ') + (count === 1 ? '' : ', each'),
  ];
}

/** "46.7 B parameters, 12.9 B active per token". */
export function parametersText({ count }: Anatomy): string {
  if (!count) return 'parameters not known';
  return `${formatCount(count.total)} parameters${count.activePerToken === count.total ? '' : `, ${formatCount(count.activePerToken)} active per token`}`;
}

/** What the layers do not say: how long a context was trained, and what the model has beside them. */
export function factsText({ spec, count, ends }: Anatomy): string[] {
  const facts = [
    ...(spec.contextLength ? [`context of ${formatInteger(spec.contextLength.value)} tokens`] : []),
    ...(ends.hiddenSize === null ? [] : [`hidden size ${formatInteger(ends.hiddenSize)}`]),
    ...(ends.vocabulary === null ? [] : [`vocabulary of ${formatInteger(ends.vocabulary)}`]),
    ...(count && count.notCounted.length > 0 ? [`beside it, not drawn: ${count.notCounted.join(', ')}`] : []),
  ];
  return facts.length > 0 ? [facts.join(' · ')] : [];
}

export function totalsText(anatomy: Anatomy): string {
  const { spec, kinds, tokens, kvDtype } = anatomy;
  const sum = (of: (kind: LayerKind) => number): number =>
    kinds.reduce((total, kind) => total + of(kind) * kind.indexes.length, 0);
  const known = spec.unknownLayers === 0 && kinds.length > 0;
  const bytes = sum(({ cacheBytes, stateBytes }) => cacheBytes + stateBytes);
  const cache = known
    ? [
        `cache in ${kvDtype}: ${formatSize(sum(({ cacheBytesPerToken }) => cacheBytesPerToken))} per token${modelBeyondText(spec, kvDtype, tokens)}; ${formatSize(bytes)} for one sequence of ${tokensText(tokens)}`,
      ]
    : ['cache not known'];
  return [parametersText(anatomy), ...cache].join(' · ');
}

/** Others leave out one of them or both. */
export function activeText(anatomies: readonly Anatomy[]): string {
  const sparse = anatomies.some(({ count }) => count && count.activePerToken !== count.total);
  return sparse ? ' Active parameters are with the embedding and the output head.' : '';
}

function captionText(anatomy: Anatomy, { source, step }: FigureOptions): string {
  const { tokens } = anatomy;
  const operations =
    step?.legend ??
    `In a box: parameters · operations of one layer, then the share of the whole model that all layers of this kind have together. Operations are those of one decode step at a context of ${tokensText(tokens)}.`;
  return `${source}. ${operations}${step ? '' : activeText([anatomy])} Theoretical minimum, without an engine's pages. Drawn by Headlight.`;
}

/** What a box has of the whole, where `layers` layers have it. */
type ShareOf = (layers: number) => (box: Box) => Box;

/** Of all parameters, and of the operations of a decode step. */
function sharesOf({ count, kinds }: Anatomy): ShareOf {
  const attention = kinds.reduce((sum, { attentionFlops, indexes }) => sum + attentionFlops * indexes.length, 0);
  const flops = count && 2 * (count.activePerToken - count.lookup - count.encoder) + attention;
  const part = (number: number | null, layers: number, whole: number | null): number | null =>
    number === null || whole === null || whole === 0 ? null : (number * layers) / whole;
  return (layers) => (box) => ({
    ...box,
    shares: {
      parameters: part(box.parameters, layers, count && count.total),
      flops: part(box.flops, layers, flops),
    },
  });
}

/** The block of a kind, each box with what it has of the whole model. */
export function kindDrawing(anatomy: Anatomy, kind: LayerKind): LayerDrawing {
  return withShares(layerDrawing(kind), sharesOf(anatomy)(kind.indexes.length));
}

function withShares(drawing: LayerDrawing, share: (box: Box) => Box): LayerDrawing {
  return {
    ...drawing,
    branches: drawing.branches.map((branch) => ({
      ...branch,
      rows: branch.rows.map((row) => row.map(share)),
      onStream: branch.onStream && share(branch.onStream),
    })),
    unplaced: drawing.unplaced.map(share),
  };
}

/** Tokens, embedding, the layers folded, norm, head; returns the bottom. */
export function placeStack(
  canvas: Canvas,
  anatomy: Anatomy,
  x: number,
  top: number,
  width: number,
  step?: StepFigure,
): number {
  const { kinds, stack } = anatomy;
  let y = top;
  const arrow = (): void => {
    const at = x + width / 2;
    canvas.ground.push({
      shape: 'path',
      points: [
        [at, y],
        [at, y + ARROW],
      ],
      arrow: true,
    });
    y += ARROW;
  };
  const share = sharesOf(anatomy)(1);
  for (const box of embeddingBoxes(anatomy).map(share)) {
    y = placeBox(canvas, marked(box, 'model', step), 'model', x, y, width);
    // An encoder gives nothing to the tokens: layers read it.
    if (box.id === 'encoder') y += ARROW;
    else arrow();
  }
  for (const repeat of stack) {
    y = placeRepeat(canvas, repeat, kinds, step, x, y, width);
    arrow();
  }
  const ending = outputBoxes(anatomy).map(share);
  for (const [index, box] of ending.entries()) {
    if (index > 0) arrow();
    y = placeBox(canvas, marked(box, 'model', step), 'model', x, y, width);
  }
  return y;
}

function placeRepeat(
  canvas: Canvas,
  { times, runs }: Repeat,
  kinds: readonly LayerKind[],
  step: StepFigure | undefined,
  x: number,
  y: number,
  width: number,
): number {
  const boxes = (left: number, top: number, across: number): number => {
    let at = top;
    for (const [index, run] of runs.entries()) {
      if (index > 0) {
        canvas.ground.push({
          shape: 'path',
          points: [
            [left + across / 2, at],
            [left + across / 2, at + ARROW],
          ],
          arrow: true,
        });
        at += ARROW;
      }
      at = placeBox(canvas, runBox(run, times, kinds, step), `stack.${canvas.parts.length}`, left, at, across);
      canvas.ground.push(kindBar(canvas, run, kinds));
    }
    return at;
  };
  if (times === 1) return boxes(x, y, width);
  return placeCard(
    canvas,
    { title: `× ${formatInteger(times)}`, lines: ['this sequence, repeated'], ink: 'line' },
    x,
    y,
    width,
    boxes,
  );
}

/** The hue of a kind at the left edge of its box. */
function kindBar(
  canvas: Canvas,
  { kind }: Run,
  kinds: readonly LayerKind[],
): { readonly shape: 'rect' } & Omit<Extract<Scene['ground'][number], { shape: 'rect' }>, 'shape'> {
  const last = canvas.parts.at(-1);
  const of = kinds[kind];
  return {
    shape: 'rect',
    x: (last?.x ?? 0) - 3,
    y: last?.y ?? 0,
    width: 3,
    height: last?.height ?? 0,
    fill: of ? kindInk(of) : 'line',
    stroke: null,
    radius: 1,
  };
}

function runBox({ kind, count }: Run, times: number, kinds: readonly LayerKind[], step: StepFigure | undefined): Box {
  const mark = step?.run(kind, count, times);
  const of = kinds[kind];
  const each = of?.parameters ? Object.values(of.parameters.parts).reduce((sum, part) => sum + part, 0) : null;
  return {
    id: kindLetter(kind),
    look: of?.attention.kind === 'unknown' ? 'unknown' : 'step',
    title: `${formatInteger(count)} × ${kindLetter(kind)}`,
    lines: of ? [sentence(kindName(of, kinds))] : [],
    parameters: each === null ? null : each * count,
    flops: null,
    from: 0,
    to: COLUMNS,
    keys: [of?.sources['layers']?.key ?? []].flat(),
    ...(mark ? { step: mark } : {}),
  };
}

function end(
  id: string,
  title: string,
  lines: readonly string[],
  parameters: number | null,
  flops: number | null,
  keys: readonly string[] = [],
): Box {
  return { id, look: 'step', title, lines, parameters, flops, from: 0, to: COLUMNS, keys };
}

/** Operations of the two ends. */
function endFlops(anatomy: Anatomy): { readonly embedding: number | null; readonly head: number | null } {
  const { embedding, head } = multipliedEnds(anatomy);
  return { embedding: embedding && 2 * countOf(embedding), head: head && 2 * countOf(head) };
}

/** All boxes beside the layers. */
export function endBoxes(anatomy: Anatomy): readonly Box[] {
  return [...embeddingBoxes(anatomy), ...outputBoxes(anatomy)];
}

/** With what it does in a step, where one is drawn. */
function marked(box: Box, prefix: string, step: StepFigure | undefined): Box {
  const mark = step?.boxes.get(`${prefix}.${box.id}`);
  return mark ? { ...box, step: mark } : box;
}

/** A layer's boxes with what they do in a step, where one is drawn. */
export function inStep(drawing: LayerDrawing, prefix: string, step: StepFigure | undefined): LayerDrawing {
  const all = (boxes: readonly Box[]): Box[] => boxes.map((box) => marked(box, prefix, step));
  return {
    ...drawing,
    branches: drawing.branches.map((branch) => ({
      ...branch,
      rows: branch.rows.map(all),
      onStream: branch.onStream && marked(branch.onStream, prefix, step),
    })),
    unplaced: all(drawing.unplaced),
  };
}

/** What is before the layers. */
export function embeddingBoxes(anatomy: Anatomy): Box[] {
  const { ends } = anatomy;
  const { vocabulary, hiddenSize, parameters, blocks } = ends;
  const size =
    vocabulary !== null && hiddenSize !== null
      ? [
          `vocabulary of ${formatInteger(vocabulary)}`,
          `→ hidden size ${formatInteger(blocks?.embedding?.width ?? hiddenSize)}`,
        ]
      : [];
  const positions = blocks?.embedding?.positions;
  const multiplier = blocks?.embedding?.multiplier;
  const learned =
    positions?.kind === 'learned' ? `+ ${formatInteger(positions.rows)} learned positions` : '+ sinusoidal positions';
  return [
    ...(ends.encoder
      ? [
          end(
            'encoder',
            'Encoder',
            ['runs for the prompt alone', 'cross attention reads what it gives'],
            sumOf([...Object.entries(ends.encoder.parts)]),
            0,
          ),
        ]
      : []),
    end('tokens', 'Tokens', [], 0, 0),
    end(
      'embedding',
      'Embedding',
      [
        ...size,
        ...(multiplier === undefined || multiplier === 1 ? [] : [multiplierText(multiplier, hiddenSize)]),
        ...(positions ? [learned] : []),
        ...(blocks?.embedding?.norm ? ['then a norm'] : []),
        ...(ends.tied ? ['shared with the output head'] : []),
      ],
      parameters?.parts.embedding ?? null,
      endFlops(anatomy).embedding,
      ends.keys.of('vocabulary'),
    ),
  ];
}

/** "× √4,608 = 67.8823" where it is that root. */
function multiplierText(multiplier: number, hiddenSize: number | null): string {
  const root = hiddenSize !== null && Math.abs(multiplier ** 2 - hiddenSize) < 1e-6 * hiddenSize;
  return root ? `× √${formatInteger(hiddenSize)} = ${numberText(multiplier)}` : `× ${numberText(multiplier)}`;
}

/** What stands between layers and head beside the norm. @param streams It is all of the mix of several streams. */
function restText(whole: boolean, streams: boolean): readonly [title: string, lines: readonly string[]] {
  if (streams) return ['Mix of the streams', ['into one, for the final norm']];
  return [whole ? 'All layers' : 'Other parts', ['not known layer by layer']];
}

/** What is after the layers, and what no layer has of its own. */
export function outputBoxes(anatomy: Anatomy): Box[] {
  const { ends, kinds, count } = anatomy;
  const { blocks, parameters, vocabulary, hiddenSize, tied } = ends;
  const parts = parameters?.parts;
  const norms = parts?.norms ?? 0;
  const rest = parts ? parts.other + parts.attention + parts.mlp + parts.experts + parts.router : 0;
  const idle = (parameters?.idle ?? 0) + (ends.encoder ? 0 : (count?.encoder ?? 0));
  const whole = kinds.every((kind) => kind.parameters === null);
  const size =
    vocabulary !== null && hiddenSize !== null
      ? [`${formatInteger(hiddenSize)} → vocabulary of ${formatInteger(vocabulary)}`]
      : [];
  const factor = blocks?.output.multiplier;
  const softcap = blocks?.output.softcap;
  const both = blocks?.embedding?.norm ? 'Final norm, and that of the embedding' : 'Final norm';
  const streams = rest > 0 && parameters?.weights.get('streams') === rest;
  const others = rest > 0 ? [end('rest', ...restText(whole, streams), rest, 2 * (rest - idle))] : [];
  return [
    ...(streams ? others : []),
    ...(norms > 0 || blocks?.output.norm
      ? [{ ...end('norm', whole ? 'All norms' : both, [], norms, 2 * norms), look: 'norm' as const }]
      : []),
    ...(streams ? [] : others),
    end(
      'head',
      'Output head',
      [
        ...size,
        ...(tied ? ['the embedding again'] : []),
        ...(factor === undefined || factor === 1 ? [] : [`logits × ${numberText(factor)}`]),
        ...(softcap == null ? [] : [`logits capped at ${softcap}`]),
      ],
      parts?.outputHead ?? null,
      endFlops(anatomy).head,
    ),
  ];
}
