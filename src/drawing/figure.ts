/** A model as a figure: tokens, embedding, the stack of its layers, head; and each kind of layer opened. */

import { formatInteger, formatRanges, formatSize } from '../model/units';
import { formatCount } from '../present/quantities';
import { designText, kindTitle, sentence } from '../present/words';
import type { Anatomy, LayerKind } from '../serving/anatomy/anatomy';
import type { Repeat, Run } from '../serving/anatomy/fold';
import { type Box, COLUMNS, layerDrawing, mixerTitle } from './boxes';
import { Canvas, placeBox, placeCard, placeLayer, placeText } from './layout';
import type { Ink, Scene } from './scene';

export interface FigureOptions {
  /** In pixels. */
  readonly width: number;
  /** The model's name. */
  readonly name: string;
  /** Where it is from: the file. */
  readonly source: string;
  /** Kinds of layers that are opened, by their places; all where absent. */
  readonly open?: ReadonlySet<number>;
}

const MARGIN = 16;
const GAP = 20;
const ARROW = 18;
/** Width from which on the stack has a column of its own. */
const WIDE = 640;
const STACK = 250;
const NARROWEST_CARD = 320;

/** "A", "B", …: what the stack calls its kinds. */
function kindLetter(place: number): string {
  const letter = String.fromCharCode(65 + (place % 26));
  return place < 26 ? letter : `${letter}${Math.floor(place / 26)}`;
}

function kindInk({ attention }: LayerKind): Ink {
  return `kind-${attention.kind}`;
}

/** "full attention", "Mamba-2 mixer", with what tells it from others: "sliding window, dense", "compressed, one entry for 4 tokens". */
function kindName(kind: LayerKind, kinds: readonly LayerKind[]): string {
  const title = mixerName(kind);
  const alike = kinds.filter((other) => mixerName(other) === title);
  const detail = (of: (each: LayerKind) => string): string[] =>
    alike.some((other) => of(other) !== of(kind)) && of(kind) !== '' ? [of(kind)] : [];
  return [title, ...detail(extent), ...detail((each) => (hasExperts(each) ? 'experts' : 'dense'))].join(', ');
}

function mixerName({ attention, state }: LayerKind): string {
  return attention.kind === 'recurrent' || attention.kind === 'conv'
    ? mixerTitle(attention, state)
    : kindTitle(attention.kind);
}

function extent({ attention }: LayerKind): string {
  switch (attention.kind) {
    case 'sliding':
      return `${formatInteger(attention.window)} tokens`;
    case 'chunked':
      return `${formatInteger(attention.chunk)} tokens`;
    case 'compressed':
      return `one entry for ${formatInteger(attention.ratio)} tokens`;
    case 'shared':
      return `cache of layer ${attention.sharedWith}`;
    case 'full':
    case 'cross':
      return `${formatInteger(attention.kvHeads)} KV heads`;
    default:
      return '';
  }
}

/** "0–31", "0, 2, …, 22". */
function indexesText(indexes: readonly number[]): string {
  const [first = 0, second = 0] = indexes;
  const step = second - first;
  const even = step > 1 && indexes.length > 6 && indexes.every((index, place) => index === first + place * step);
  return even ? `${first}, ${second}, …, ${indexes.at(-1)}` : formatRanges(indexes);
}

function hasExperts({ block, parameters }: LayerKind): boolean {
  return block ? block.feedForward.kind === 'moe' : (parameters?.experts.length ?? 0) > 0;
}

export function figureOf(anatomy: Anatomy, options: FigureOptions): Scene {
  const canvas = new Canvas();
  const { width, name } = options;
  const inner = width - 2 * MARGIN;
  let top = placeText(canvas, name, 20, true, 'text', MARGIN, MARGIN, inner);
  top = placeText(canvas, designText(anatomy.spec), 12, false, 'text', MARGIN, top + 2, inner);
  top = placeText(canvas, totalsText(anatomy), 12, false, 'muted', MARGIN, top + 2, inner) + GAP;
  const wide = width >= WIDE;
  const stackBottom = placeStack(canvas, anatomy, MARGIN, top, wide ? STACK : inner);
  const left = wide ? MARGIN + STACK + GAP : MARGIN;
  const room = width - MARGIN - left;
  const count = Math.max(1, Math.floor((room + GAP) / (NARROWEST_CARD + GAP)));
  const card = (room - (count - 1) * GAP) / count;
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
      (at, y, across) => placeLayer(canvas, layerDrawing(kind), `layer.${kindLetter(place)}`, at, y, across),
    );
    bottoms[column] = bottom + GAP;
  }
  const below = Math.max(stackBottom + GAP, ...bottoms);
  const bottom = placeText(canvas, captionText(anatomy, options), 11, false, 'muted', MARGIN, below - 4, inner);
  return {
    width,
    height: Math.ceil(bottom + MARGIN),
    title: `${name}: ${designText(anatomy.spec)}`,
    ground: canvas.ground,
    parts: canvas.parts,
  };
}

function kindLines(kind: LayerKind): string[] {
  const { indexes, parameters, cacheBytesPerToken, stateBytes } = kind;
  const count = indexes.length;
  const each = parameters && Object.values(parameters.parts).reduce((sum, part) => sum + part, 0);
  const keeps = [
    ...(cacheBytesPerToken > 0 ? [`${formatSize(cacheBytesPerToken)} of cache per token`] : []),
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

function totalsText({ count, spec, kinds, tokens, kvDtype }: Anatomy): string {
  const sum = (of: (kind: LayerKind) => number): number =>
    kinds.reduce((total, kind) => total + of(kind) * kind.indexes.length, 0);
  const known = spec.unknownLayers === 0 && kinds.length > 0;
  const bytes = sum(({ cacheBytes, stateBytes }) => cacheBytes + stateBytes);
  const parameters = count
    ? [
        `${formatCount(count.total)} parameters${count.activePerToken === count.total ? '' : `, ${formatCount(count.activePerToken)} active per token`}`,
      ]
    : ['parameters not known'];
  const cache = known
    ? [
        `cache ${formatSize(sum(({ cacheBytesPerToken }) => cacheBytesPerToken))} per token, ${formatSize(bytes)} at 1 × ${formatInteger(tokens)} tokens, ${kvDtype}`,
      ]
    : ['cache not known'];
  return [...parameters, ...cache].join(' · ');
}

function captionText({ tokens, spec }: Anatomy, { source }: FigureOptions): string {
  const operations = `Operations are those of one decode step at a context of ${formatInteger(tokens)} tokens; numbers in a box are for one layer.`;
  const marks = spec.layers.some(({ attention }) => 'queryHeads' in attention)
    ? ' Small squares: query heads, above the K and V that they share.'
    : '';
  return `${source}. ${operations}${marks} Theoretical minimum, without an engine's pages. Drawn by Headlight.`;
}

/** Tokens, embedding, the layers folded, norm, head; returns the bottom. */
function placeStack(canvas: Canvas, anatomy: Anatomy, x: number, top: number, width: number): number {
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
  for (const box of embeddingBoxes(anatomy)) {
    y = placeBox(canvas, box, 'model', x, y, width);
    arrow();
  }
  for (const repeat of stack) {
    y = placeRepeat(canvas, repeat, kinds, x, y, width);
    arrow();
  }
  const ending = outputBoxes(anatomy);
  for (const [index, box] of ending.entries()) {
    if (index > 0) arrow();
    y = placeBox(canvas, box, 'model', x, y, width);
  }
  return y;
}

function placeRepeat(
  canvas: Canvas,
  { times, runs }: Repeat,
  kinds: readonly LayerKind[],
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
      at = placeBox(canvas, runBox(run, kinds), `stack.${canvas.parts.length}`, left, at, across);
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

function runBox({ kind, count }: Run, kinds: readonly LayerKind[]): Box {
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
    key: of?.sources['layers']?.key ?? null,
  };
}

function end(
  id: string,
  title: string,
  lines: readonly string[],
  parameters: number | null,
  flops: number | null,
  key: string | null = null,
): Box {
  return { id, look: 'step', title, lines, parameters, flops, from: 0, to: COLUMNS, key };
}

/** Operations of the two ends: tables that are looked up are multiplied with nothing, a tied one only in the head. */
function endFlops({ ends, count }: Anatomy): { readonly embedding: number | null; readonly head: number | null } {
  const parts = ends.parameters?.parts;
  if (!parts || !count) return { embedding: null, head: null };
  const multiplied = 2 * (parts.embedding - count.lookup);
  // What is untied counts its table as looked up, though the count of the head is where it is multiplied.
  return ends.tied
    ? { embedding: 0, head: multiplied + 2 * parts.outputHead }
    : { embedding: multiplied, head: 2 * parts.outputHead };
}

/** What is before the layers. */
function embeddingBoxes(anatomy: Anatomy): Box[] {
  const { ends } = anatomy;
  const { vocabulary, hiddenSize, parameters, blocks } = ends;
  const size =
    vocabulary !== null && hiddenSize !== null
      ? [`${formatInteger(vocabulary)} → ${formatInteger(blocks?.embedding?.width ?? hiddenSize)}`]
      : [];
  const positions = blocks?.embedding?.positions;
  const learned =
    positions?.kind === 'learned' ? `+ ${formatInteger(positions.rows)} learned positions` : '+ sinusoidal positions';
  return [
    end('tokens', 'Tokens', [], 0, 0),
    end(
      'embedding',
      'Embedding',
      [
        ...size,
        ...(positions ? [learned] : []),
        ...(blocks?.embedding?.norm ? ['then a norm'] : []),
        ...(ends.tied ? ['shared with the output head'] : []),
      ],
      parameters?.parts.embedding ?? null,
      endFlops(anatomy).embedding,
      'vocab_size',
    ),
  ];
}

/** What is after the layers, and what no layer has of its own. */
function outputBoxes(anatomy: Anatomy): Box[] {
  const { ends, kinds, count } = anatomy;
  const { blocks, parameters, vocabulary, hiddenSize, tied } = ends;
  const parts = parameters?.parts;
  const norms = parts?.norms ?? 0;
  const rest = parts ? parts.other + parts.attention + parts.mlp + parts.experts + parts.router : 0;
  const idle = (parameters?.idle ?? 0) + (count?.encoder ?? 0);
  const whole = kinds.every((kind) => kind.parameters === null);
  const size =
    vocabulary !== null && hiddenSize !== null ? [`${formatInteger(hiddenSize)} → ${formatInteger(vocabulary)}`] : [];
  const softcap = blocks?.output.softcap;
  const both = blocks?.embedding?.norm ? 'Final norm, and that of the embedding' : 'Final norm';
  return [
    ...(norms > 0 || blocks?.output.norm
      ? [{ ...end('norm', whole ? 'All norms' : both, [], norms, 2 * norms), look: 'norm' as const }]
      : []),
    ...(rest > 0
      ? [end('rest', whole ? 'All layers' : 'Other parts', ['not known layer by layer'], rest, 2 * (rest - idle))]
      : []),
    end(
      'head',
      'Output head',
      [...size, ...(tied ? ['the embedding again'] : []), ...(softcap == null ? [] : [`logits capped at ${softcap}`])],
      parts?.outputHead ?? null,
      endFlops(anatomy).head,
    ),
  ];
}
