/** The boxes of a figure in a step: what each reads, writes and computes, how long that takes, and which take most. */

import type { LayerKind } from '../serving/anatomy/anatomy';
import { countOf, multipliedEnds, type PartCounts } from '../serving/anatomy/ends';
import type { Flight, Piece, Timed, Work } from '../serving/anatomy/flight';
import { type Box } from './box';
import { layerDrawing } from './layerDrawing';
import { endBoxes, kindLetter } from './figure';

/** One box. Its numbers are of one layer. */
export interface StepBox {
  /** Of the part in the figure: "layer.A.q", "model.head". */
  readonly id: string;
  readonly title: string;
  /** The kind of its layer, by its place; null beside the layers. */
  readonly kind: number | null;
  /** Layers that have it. */
  readonly layers: number;
  readonly work: Work;
  readonly time: Timed | null;
  /** Of all its layers, of the time of all boxes one after the other; null where that is not known. */
  readonly share: number | null;
  /** Among those that take most. */
  readonly most: boolean;
}

/** What takes most: boxes of one name in all layers; several where they take the same. */
export interface StepLimit {
  readonly titles: readonly string[];
  /** Of each. */
  readonly share: number;
  readonly layers: number;
  readonly limitedBy: Timed['limitedBy'];
  /** What is read most there; null where it computes longer than it reads. */
  readonly reads: 'weights' | 'cache' | 'state' | null;
}

export interface StepBoxes {
  readonly boxes: readonly StepBox[];
  /** Null where times are not known. */
  readonly limit: StepLimit | null;
  /** Of all boxes one after the other: each waits for what limits it. */
  readonly timeS: number | null;
}

/** As good as the same. */
const TIE = 0.995;

export function stepBoxes(flight: Flight): StepBoxes {
  const { anatomy } = flight;
  const placed = [
    ...endBoxes(anatomy).map((box) => ({
      box,
      id: `model.${box.id}`,
      kind: null,
      layers: 1,
      piece: endPiece(box, flight),
    })),
    ...anatomy.kinds.flatMap((kind, place) =>
      layerPieces(kind).map(({ box, piece }) => ({
        box,
        id: `layer.${kindLetter(place)}.${box.id}`,
        kind: place,
        layers: kind.indexes.length,
        piece,
      })),
    ),
  ].map(({ piece, ...one }) => {
    const work = flight.workOf(piece);
    return { ...one, work, time: flight.timeOf(work) };
  });
  const total = flight.time && placed.reduce((sum, { time, layers }) => sum + layers * (time?.timeS ?? 0), 0);
  const groups = new Map<string, typeof placed>();
  for (const one of placed) {
    const name = one.kind === null ? one.id : one.box.id;
    groups.set(name, [...(groups.get(name) ?? []), one]);
  }
  const sums = [...groups.values()].map((members) => ({
    members,
    timeS: members.reduce((sum, { time, layers }) => sum + layers * (time?.timeS ?? 0), 0),
  }));
  const longest = Math.max(0, ...sums.map(({ timeS }) => timeS));
  const most = total ? sums.filter(({ timeS }) => timeS >= TIE * longest && timeS > 0) : [];
  // Of layers that differ, those that make it so: full attention, and not the windows beside it.
  const marked = new Set(
    most.flatMap(({ members }) => {
      const slowest = Math.max(...members.map(({ time }) => time?.timeS ?? 0));
      return members.filter(({ time }) => (time?.timeS ?? 0) >= slowest / 2);
    }),
  );
  return {
    boxes: placed.map((one): StepBox => {
      const { box, ...rest } = one;
      return {
        ...rest,
        title: box.title,
        share: total && one.time ? (one.layers * one.time.timeS) / total : null,
        most: marked.has(one),
      };
    }),
    limit: limitOf([...marked], most.length, longest, total),
    timeS: total,
  };
}

function limitOf(
  marked: readonly { readonly box: Box; readonly layers: number; readonly work: Work; readonly time: Timed | null }[],
  groups: number,
  longest: number,
  total: number | null,
): StepLimit | null {
  const [first] = marked;
  if (!first?.time || !total) return null;
  const titles = [...new Set(marked.map(({ box }) => box.title))];
  const { weightBytesRead, cacheBytesRead, stateBytesRead } = first.work;
  const reads = [
    { what: 'weights', bytes: weightBytesRead ?? 0 },
    { what: 'cache', bytes: cacheBytesRead ?? 0 },
    { what: 'state', bytes: stateBytesRead ?? 0 },
  ] as const;
  const largest = reads.reduce((best, one) => (one.bytes > best.bytes ? one : best));
  return {
    titles,
    share: longest / total,
    layers: marked.reduce((sum, { layers }) => sum + layers, 0) / groups,
    limitedBy: first.time.limitedBy,
    reads: first.time.limitedBy === 'memory' ? largest.what : null,
  };
}

function endPiece({ id, parameters }: Box, { anatomy, step }: Flight): Piece {
  const ends = multipliedEnds(anatomy);
  const own = anatomy.ends.parameters;
  switch (id) {
    case 'embedding':
      return { dense: ends.embedding, experts: [] };
    case 'head':
      return { dense: ends.head, experts: [], lastToken: true };
    case 'norm':
      return { dense: parameters === null ? null : { norms: parameters }, experts: [] };
    case 'encoder': {
      const encoder = anatomy.ends.encoder;
      // It has run when a decode step comes.
      if (!encoder || step === 'decode') return { dense: {}, experts: [] };
      return { dense: encoder.parts, experts: encoder.experts, encoder: countOf(encoder.parts) };
    }
    case 'rest': {
      if (!own) return { dense: null, experts: [] };
      const { other, attention, mlp, router } = own.parts;
      return {
        dense: { other, attention, mlp, router },
        experts: own.experts,
        encoder: anatomy.ends.encoder ? 0 : (anatomy.count?.encoder ?? 0),
      };
    }
    default:
      return { dense: {}, experts: [] };
  }
}

/** Its parameters by part: those of its weights, where they are all that it has. */
function partsOf(box: Box): PartCounts {
  const { parts, parameters } = box;
  return parts && countOf(parts) === parameters ? parts : { [partOfBox(box)]: parameters ?? 0 };
}

/** The part that a box without weights of its own names counts as. */
function partOfBox({ id, look }: Box): 'attention' | 'mlp' | 'norms' | 'router' | 'other' {
  if (id === 'norms' || (look === 'norm' && id !== 'act')) return 'norms';
  if (id === 'router' || id === 'other') return id;
  return id === 'feed_forward' || id === 'act' || id === 'shared' ? 'mlp' : 'attention';
}

/** The boxes of a layer, with what is done in each. */
function layerPieces(kind: LayerKind): { readonly box: Box; readonly piece: Piece }[] {
  const { branches, unplaced } = layerDrawing(kind);
  const boxes = [
    ...branches.flatMap(({ rows, onStream }) => [...rows.flat(), ...(onStream ? [onStream] : [])]),
    ...unplaced,
  ];
  const named = (id: string): Box | undefined => boxes.find((box) => box.id === id);
  const attends = named('attention') ?? named('mixer') ?? named('scan') ?? named('unknown') ?? boxes[0];
  const keeps = kind.attention.kind === 'shared' ? undefined : (named('cache') ?? attends);
  const scans = kind.state && (named('scan') ?? named('mixer_scan') ?? attends);
  const state = kind.state && (named('state') ?? scans);
  return boxes.map((box) => {
    const experts = box.id === 'experts';
    const known = box.parameters !== null && (!experts || kind.parameters !== null);
    return {
      box,
      piece: {
        dense: !known ? null : experts ? {} : partsOf(box),
        experts: experts ? (kind.parameters?.experts ?? []) : [],
        ...(box === attends ? { attends: kind } : {}),
        ...(box === scans ? { scans: kind } : {}),
        ...(box === keeps ? { keeps: kind } : {}),
        ...(box === state ? { state: kind } : {}),
      },
    };
  });
}
