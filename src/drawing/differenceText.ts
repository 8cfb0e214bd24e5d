/** What a difference says in words: both values of what changed, beside the boxes, and the whole in one sentence. */

import { formatChange, formatInteger, formatSize } from '../model/units';
import { formatCount } from '../present/quantities';
import type { Anatomy, LayerKind } from '../serving/anatomy/anatomy';
import type { AnatomyDifference, FactChange, FactValue, KindPair } from '../serving/anatomy/difference';
import { isSame } from '../serving/anatomy/difference';
import type { AttentionLayerSpec } from '../attention/spec/layerSpec';
import { isHeaded } from '../model/attention';
import { modelLaterBytes } from '../present/sizeText';
import { type Box } from './box';
import { mixerTitle } from './boxWords';
import {
  faceBoxes,
  type FacingRow,
  isReplaced,
  linesOf,
  NUMBER,
  sameBox,
  skeleton,
  type VagueSide,
} from './differenceRows';
import { kindName } from './figure';

/** The two models' names. */
export interface Names {
  readonly before: string;
  readonly after: string;
}

/** A value that shapes are made of, and the boxes that show it. */
interface FactWords {
  readonly path: string;
  readonly boxes: readonly string[];
  readonly noun: string;
}

const PROJECTIONS = ['q', 'k', 'v', 'q_a', 'kv_a', 'projections'];
const WIDE = ['gate_proj', 'up', 'feed_forward'];

/** Shapes are told by their causes: a box of projections says all of them at once. */
const SHAPES: readonly FactWords[] = [
  { path: 'attention.queryHeads', boxes: PROJECTIONS, noun: 'query heads' },
  { path: 'attention.kvHeads', boxes: PROJECTIONS, noun: 'KV heads' },
  { path: 'attention.keyDim', boxes: PROJECTIONS, noun: 'dims a head' },
  { path: 'attention.headDim', boxes: PROJECTIONS, noun: 'dims a head' },
  { path: 'attention.valueDim', boxes: PROJECTIONS, noun: 'dims of a value' },
  { path: 'attention.queryLatentDim', boxes: ['q_a', 'q', 'projections'], noun: 'query latent' },
  { path: 'attention.latentDim', boxes: ['kv_a', 'projections'], noun: 'latent' },
  { path: 'attention.ropeDim', boxes: ['kv_a', 'projections'], noun: 'dims of the RoPE key' },
  { path: 'attention.nopeDim', boxes: ['kv_b', 'q_b', 'q', 'projections'], noun: 'dims of a head without RoPE' },
  { path: 'block.feedForward.width', boxes: WIDE, noun: 'feed-forward width' },
  { path: 'block.feedForward.expert.width', boxes: ['experts'], noun: 'width of an expert' },
  { path: 'block.feedForward.shared.expert.width', boxes: ['shared'], noun: 'width of the shared expert' },
  { path: 'hiddenSize', boxes: ['embedding'], noun: 'hidden size' },
];

/** What joins the numbers of a shape: "4,096 → 8 × 128". */
const ARROW = '→';

/** What is said beside the boxes of a part of the drawing, each fact once. */
export class DifferenceWords {
  private readonly changes: ReadonlyMap<string, FactChange>;
  private readonly said = new Set<string>();

  constructor(
    changes: readonly FactChange[],
    private readonly names: Names,
    /** The hidden size changed, and with it what every norm has. */
    private readonly sized: boolean,
    private readonly vague: VagueSide = null,
  ) {
    this.changes = new Map(changes.map((change) => [change.path, change]));
  }

  /** Lines about facing rows, one list for each. */
  aboutRows(rows: readonly FacingRow[]): readonly (readonly string[])[] {
    return rows.map((row, index) => {
      if (!isReplaced(row)) return this.about(row);
      // What stands for something else is said once, at its first row.
      const above = rows[index - 1];
      if (above && isReplaced(above)) return [];
      const end = rows.findIndex((each, place) => place > index && !isReplaced(each));
      return [this.insteadOf(rows.slice(index, end < 0 ? rows.length : end))];
    });
  }

  private insteadOf(rows: readonly FacingRow[]): string {
    const boxes = (side: 'before' | 'after'): readonly Box[] => rows.flatMap((row) => row[side]);
    const [before, after] = [boxes('before'), boxes('after')];
    if (before.length === 0) return onlyText(after, this.names.after);
    if (after.length === 0) return onlyText(before, this.names.before);
    const named = (all: readonly Box[]): string =>
      all.some(({ id }) => id === 'experts')
        ? 'experts'
        : all.some(({ id }) => WIDE.includes(id))
          ? 'one feed-forward'
          : listText(all.map(({ title }) => title));
    return `${named(before)} → ${named(after)}`;
  }

  /** Lines about a row of facing boxes; none where they are alike. */
  private about(row: FacingRow): readonly string[] {
    const facing = faceBoxes(row);
    const changed = facing.filter(({ before, after }) => !before || !after || !sameBox(before, after, this.vague));
    const ids = new Set(changed.flatMap(({ before, after }) => [before?.id ?? '', after?.id ?? '']));
    const causes = SHAPES.filter(({ boxes }) => boxes.some((box) => ids.has(box))).flatMap((words) =>
      this.cause(words),
    );
    const lines = changed.flatMap(({ before, after }): readonly BoxLine[] => {
      const box = after ?? before;
      if (!box) return [];
      const own =
        before && after ? this.both(before, after) : [`${box.title}: only ${this.names[before ? 'before' : 'after']}`];
      return own.map((text) => ({ title: box.title, text }));
    });
    // Boxes that show one thing twice do not say it twice.
    return [...causes, ...onceOfSeveral(lines)].filter((line) => {
      // "+ bias" is said of each row; what has numbers is one thing.
      const again = this.said.has(line) && /\d/.test(line.split(': only ', 1)[0] ?? '');
      this.said.add(line);
      return !again;
    });
  }

  /** "32 → 8 KV heads"; nothing where one side has no such thing, or it was said above. */
  private cause({ path, noun }: FactWords): string[] {
    const change = this.changes.get(path);
    if (!change || this.said.has(path) || typeof change.before !== 'number' || typeof change.after !== 'number')
      return [];
    // No values of their own: K and V are one.
    if (path === 'attention.valueDim' && (change.before === 0 || change.after === 0)) return [];
    // K and V are mostly as wide as each other: said once.
    const keys = this.changes.get('attention.keyDim');
    if (path === 'attention.valueDim' && keys?.before === change.before && keys.after === change.after) return [];
    this.said.add(path);
    return [`${formatInteger(change.before)} → ${formatInteger(change.after)} ${noun}`];
  }

  private both(before: Box, after: Box): string[] {
    if (sameBox(before, after, this.vague)) return [];
    // Told by its causes alone.
    if (before.id === 'projections' || after.id === 'projections') return [];
    if (before.look === 'cache' && after.look === 'cache' && before.id === after.id)
      return [...this.keeps(before), ...this.keptLines(before, after)];
    const compared = linesOf(before, after, this.vague);
    const lines = [
      ...(before.title === after.title ? [] : titlesBetween(before.title, after.title, this.names)),
      ...linesBetween(
        this.withoutGroups(before.id, compared.before),
        this.withoutGroups(after.id, compared.after),
        this.names,
      ),
    ];
    const texts = ({ title, lines: each }: Box): string => JSON.stringify([title, each]);
    const [old, now] = [before.parameters ?? 0, after.parameters ?? 0];
    return texts(before) === texts(after) && old !== now && !this.sized
      ? [`${formatCount(old)} → ${formatCount(now)} parameters (${formatChange(old, now, formatCount)})`]
      : lines;
  }

  /** Groups are not said again where both their numbers were: "16 query heads in 2 groups of 8". */
  private withoutGroups(id: string, lines: readonly string[]): readonly string[] {
    const told = ['attention.queryHeads', 'attention.kvHeads'].every((path) => this.said.has(path));
    const shared = !this.changes.has('attention.kvHeads') && this.said.has('attention.queryHeads');
    return id === 'attention' && (told || shared)
      ? lines.filter((line) => !/\bheads\b.*(?:groups of|share one)/.test(line))
      : lines;
  }

  /** Shapes of K and V that differ in numbers alone are told by their causes. */
  private keptLines(before: Box, after: Box): string[] {
    const shapes = (lines: readonly string[]): Set<string> =>
      new Set(lines.filter((line) => /\s×\s/.test(line)).map(skeleton));
    const both = shapes(before.lines);
    const told = new Set([...shapes(after.lines)].filter((line) => both.has(line)));
    const rest = (lines: readonly string[]): string[] => lines.filter((line) => !told.has(skeleton(line)));
    return linesBetween(
      before.id === 'state' ? before.lines : rest(before.lines),
      after.id === 'state' ? after.lines : rest(after.lines),
      this.names,
    );
  }

  /** "32 → 8 KV heads, ÷ 4 cache" and the sizes. */
  private keeps({ id }: Box): string[] {
    const path = id === 'state' ? 'stateBytes' : 'cacheBytesPerToken';
    const change = this.changes.get(path);
    if (typeof change?.before !== 'number' || typeof change.after !== 'number') return [];
    const heads = this.changes.get('attention.kvHeads');
    const why =
      id !== 'state' && typeof heads?.before === 'number' && typeof heads.after === 'number'
        ? `${formatInteger(heads.before)} → ${formatInteger(heads.after)} KV heads, `
        : '';
    const what = id === 'state' ? 'state' : 'cache';
    const ratio = change.before > 0 && change.after > 0 ? `${formatChange(change.before, change.after)} ` : '';
    return [
      `${why}${ratio}${what}`,
      `${formatSize(change.before)} → ${formatSize(change.after)}${id === 'state' ? ' per sequence' : ' per token'}`,
    ];
  }
}

const FEW = 2;

/** "Q norm and K norm: only B"; of a whole branch "only B". */
function onlyText(boxes: readonly Box[], name: string): string {
  return boxes.length > FEW ? `only ${name}` : `${listText(boxes.map(({ title }) => title))}: only ${name}`;
}

/** What is said of a box. */
interface BoxLine {
  readonly title: string;
  readonly text: string;
}

/** What is said of several boxes of a row alike, once: "+ bias in Q, K and V: only B". Numbers are filtered where they are said. */
function onceOfSeveral(lines: readonly BoxLine[]): readonly string[] {
  const found = new Map<string, readonly string[]>();
  for (const { title, text } of lines) found.set(text, [...(found.get(text) ?? []), title]);
  return [...found].map(([text, titles]) => {
    if (titles.length === 1 || /\d/.test(text.split(': only ', 1)[0] ?? '')) return text;
    const [what = '', name] = text.split(': only ', 2);
    if (titles.every((title) => title === what)) return `${formatInteger(titles.length)} × ${text}`;
    return name === undefined ? `${listText(titles)}: ${text}` : `${what} in ${listText(titles)}: only ${name}`;
  });
}

const ATTENTION = 'Attention ';

/** "Attention to all tokens → to the last 128 tokens". */
function titlesBetween(before: string, after: string, names: Names): string[] {
  const lines = linesBetween([before], [after], names);
  const both = `${ARROW} ${ATTENTION}`;
  return [before, after].every((title) => title.startsWith(ATTENTION))
    ? lines.map((line) => line.replace(both, `${ARROW} `))
    : lines;
}

/** Lines that are not on both sides, in pairs. Shapes are left out: their causes are told. */
function linesBetween(linesBefore: readonly string[], linesAfter: readonly string[], names: Names): string[] {
  const [before, after] = [linesBefore.flatMap(pieces), linesAfter.flatMap(pieces)];
  const old = without(before, after);
  const now = without(after, before);
  const starts = old[0] === before[0] && now[0] === after[0];
  const found: string[] = [];
  for (const line of [...now]) {
    const at = old.findIndex((other) => skeleton(other) === skeleton(line));
    if (at < 0) continue;
    const [other = ''] = old.splice(at, 1);
    now.splice(now.indexOf(line), 1);
    if (!line.includes(ARROW)) found.push(numbersBetween(other, line));
  }
  // The first lines say what the boxes are; others stand for each other where they share a word.
  for (const [index, line] of [...now].entries()) {
    const at = old.findIndex((other, place) => (index === 0 && place === 0 && starts) || shareWord(other, line));
    if (at < 0) continue;
    const [other = ''] = old.splice(at, 1);
    now.splice(now.indexOf(line), 1);
    if (!line.includes(ARROW) && !other.includes(ARROW)) found.push(`${other} → ${line}`);
  }
  const lone = (lines: readonly string[], name: string): string[] =>
    lines.filter((line) => !line.includes(ARROW)).map((line) => `${line}: only ${name}`);
  found.push(...lone(old, names.before), ...lone(now, names.after));
  return found;
}

/** A shape and what stands behind it: "2,048 → 512 → 2,048", "gated SiLU". */
function pieces(line: string): string[] {
  return line.includes(ARROW) ? line.split(', ') : [line];
}

function shareWord(one: string, other: string): boolean {
  const words = new Set(one.toLowerCase().match(/[a-z]{4,}/g) ?? []);
  return (other.toLowerCase().match(/[a-z]{4,}/g) ?? []).some((word) => word !== 'tokens' && words.has(word));
}

/** The lines of one list that the other lacks, each as often as it is missing. */
function without(lines: readonly string[], others: readonly string[]): string[] {
  const left = [...others];
  return lines.filter((line) => {
    const at = left.indexOf(line);
    if (at < 0) return true;
    left.splice(at, 1);
    return false;
  });
}

/** "8 → 128 experts, 2 → 8 active", "4 × 128 → 2 × 256": what changed in lines that are alike but for their numbers. */
function numbersBetween(before: string, after: string): string {
  const old = before.split(CLAUSES);
  return after
    .split(CLAUSES)
    .map((part, place) => partBetween(old[place] ?? part, part))
    .join('');
}

/** With what joins them. */
const CLAUSES = /(, | with )/;

/** A number, a root, or a product of several. */
const PRODUCT = new RegExp(`√?${NUMBER.source}(?:\\s×\\s${NUMBER.source})*`, 'g');

function partBetween(before: string, after: string): string {
  const old = before.match(PRODUCT) ?? [];
  const changed = (after.match(PRODUCT) ?? []).filter((number, index) => number !== old[index]);
  // Two of them are read as a whole.
  if (changed.length > 1) return `${before} → ${after}`;
  let index = 0;
  return after.replace(PRODUCT, (number) => {
    const was = old[index++];
    return was === undefined || was === number ? number : `${was} → ${number}`;
  });
}

/** The whole in a sentence: design, kinds, heads, experts, cache a token, parameters. */
export function summaryText(difference: AnatomyDifference, names: Names): string {
  if (isSame(difference)) return `${names.before} and ${names.after} do not differ in what is drawn here.`;
  const { before, after } = difference;
  const changes = new Map(difference.changes.map((change) => [change.path, change]));
  const of = (path: string): FactChange | undefined => changes.get(path);
  const said = [
    designBetween(before, after),
    ...counted(of('layers'), 'layers'),
    ...counted(of('hiddenSize'), 'hidden size'),
    ...counted(of('contextLength'), 'tokens of context'),
    ...headsBetween(difference),
    ...mixersBetween(difference),
    ...windowsBetween(difference),
    ...ratioBetween(difference),
    ...partsBetween(difference),
    ...expertsBetween(difference),
    ...aloneText(difference, names),
  ].filter((part) => part !== '');
  const cache = [sizeBetween(of('cacheBytesPerToken'), 'cache per token'), laterBetween(before, after)]
    .filter((part) => part !== '')
    .join(', ');
  const state = sizeBetween(of('stateBytes'), 'state');
  const parameters = countBetween(of('parameters.total'), 'parameters');
  const active = countBetween(of('parameters.activePerToken'), 'active per token');
  const total = of('parameters.total');
  const sums = [
    ...(cache === '' ? (sumKnown(before, after) ? ['the same cache per token'] : ['cache not known']) : [cache]),
    ...(state === '' ? [] : [state]),
    ...(parameters === '' ? [] : [parameters]),
    // Where all are active, it has been said.
    ...(active === '' || same(total, of('parameters.activePerToken')) ? [] : [active]),
  ];
  return `${[said.join(', '), sums.join(', ')].filter((part) => part !== '').join('; ')}.`;
}

function same(one: FactChange | undefined, other: FactChange | undefined): boolean {
  return one !== undefined && other !== undefined && one.before === other.before && one.after === other.after;
}

function sumKnown(before: Anatomy, after: Anatomy): boolean {
  return before.spec.unknownLayers === 0 && after.spec.unknownLayers === 0;
}

function designBetween({ spec: before }: Anatomy, { spec: after }: Anatomy): string {
  return before.variant === after.variant ? '' : `${before.variant} → ${after.variant}`;
}

function counted(change: FactChange | undefined, noun: string): string[] {
  return typeof change?.before === 'number' && typeof change.after === 'number'
    ? [`${formatInteger(change.before)} → ${formatInteger(change.after)} ${noun}`]
    : [];
}

/** The pair with most layers on both sides. */
function mainPair({ before, after, pairs }: AnatomyDifference, fits: (pair: KindPair) => boolean): KindPair | null {
  const layers = ({ before: one, after: other }: KindPair): number =>
    (before.kinds[one ?? -1]?.indexes.length ?? 0) + (after.kinds[other ?? -1]?.indexes.length ?? 0);
  return pairs
    .filter(fits)
    .reduce<KindPair | null>((most, pair) => (most && layers(most) >= layers(pair) ? most : pair), null);
}

function headsBetween(difference: AnatomyDifference): string[] {
  const pair = mainPair(difference, ({ changes }) =>
    changes.some(({ path }) => /^attention\.(query|kv)Heads$/.test(path)),
  );
  const change = (path: string): FactChange | undefined => pair?.changes.find((each) => each.path === path);
  return [
    ...counted(change('attention.queryHeads'), 'query heads'),
    ...counted(change('attention.kvHeads'), 'KV heads'),
  ];
}

/** "Mamba-2 mixer → Mamba mixer". */
function mixersBetween({ before, after, pairs }: AnatomyDifference): string[] {
  const named = (kind: LayerKind | undefined): string =>
    kind?.state && !isHeaded(kind.attention) ? mixerTitle(kind.attention, kind.state) : '';
  const found = pairs.flatMap((pair) => {
    const [old, now] = [named(before.kinds[pair.before ?? -1]), named(after.kinds[pair.after ?? -1])];
    return old === '' || now === '' || old === now ? [] : [`${old} → ${now}`];
  });
  return [...new Set(found)];
}

/** "4,096 → 1,024 tokens of window". */
function windowsBetween(difference: AnatomyDifference): string[] {
  const windows = (pair: KindPair): FactChange | undefined =>
    pair.changes.find(({ path }) => path === 'attention.window');
  const pair = mainPair(difference, (each) => windows(each) !== undefined);
  return counted(pair ? windows(pair) : undefined, 'tokens of window');
}

/** "1 sliding to 1 full → 5 to 1": how the two kinds of a repeated sequence follow each other. */
function ratioBetween({ before, after }: AnatomyDifference): string[] {
  const [old, now] = [ratioOf(before), ratioOf(after)];
  if (!old || !now || JSON.stringify(old) === JSON.stringify(now)) return [];
  if (old.kinds.some((kind, place) => kind !== now.kinds[place])) return [];
  const [one = '', other = ''] = now.kinds;
  const counts = (each: Ratio): readonly string[] => each.counts.map((count) => formatInteger(count));
  const [few, many] = [counts(old), counts(now)];
  return [`${few[0]} ${one} to ${few[1]} ${other} → ${many[0]} to ${many[1]}`];
}

interface Ratio {
  readonly kinds: readonly string[];
  readonly counts: readonly number[];
}

/** Null where no sequence of two kinds is repeated. */
function ratioOf({ stack, kinds }: Anatomy): Ratio | null {
  const [repeat] = stack.filter(({ times, runs }) => times > 1 && runs.length === 2);
  if (!repeat) return null;
  return {
    kinds: repeat.runs.map(({ kind }) => kinds[kind]?.attention.kind ?? ''),
    counts: repeat.runs.map(({ count }) => count),
  };
}

/** What an attention has or has not; null where it is not known. */
type HasPart = (kind: LayerKind) => boolean | null;

const inAttention =
  (has: (layer: AttentionLayerSpec) => boolean): HasPart =>
  ({ attention, description }) => {
    if (attention.kind === 'recurrent' || attention.kind === 'conv' || attention.kind === 'none') return false;
    return description?.layer ? has(description.layer) : null;
  };

const PARTS: readonly { readonly noun: string; readonly has: HasPart }[] = [
  { noun: 'norms of Q and K', has: inAttention(({ queryNorm }) => queryNorm !== null) },
  { noun: 'capped scores', has: inAttention(({ softcap }) => softcap !== null) },
  { noun: 'attention sinks', has: inAttention(({ sinks }) => sinks) },
  { noun: 'a gate on the attention', has: inAttention(({ outputGate }) => outputGate !== 'none') },
  { noun: 'biases in the attention', has: inAttention(({ biases }) => biases.q) },
  { noun: 'an indexer', has: ({ attention }) => 'indexer' in attention && attention.indexer !== undefined },
  { noun: 'several residual streams', has: ({ description }) => description && description.streams > 1 },
];

/** "now norms of Q and K, no longer capped scores": what some layer of one side has, and none of the other. */
function partsBetween({ before, after }: AnatomyDifference): string[] {
  const found = PARTS.flatMap(({ noun, has }) => {
    const [old, now] = [before, after].map(({ kinds }) => kinds.map(has));
    if (!old || !now || [...old, ...now].includes(null)) return [];
    return old.includes(true) === now.includes(true) ? [] : [{ noun, now: now.includes(true) }];
  });
  const text = (word: string, now: boolean): string[] => {
    const nouns = found.filter((each) => each.now === now).map(({ noun }) => noun);
    return nouns.length === 0 ? [] : [`${word} ${listText(nouns)}`];
  };
  return [...text('now', true), ...text('no longer', false)];
}

function atFirst({ kinds }: Anatomy): number {
  return kinds.reduce((sum, { cacheBytesPerToken, indexes }) => sum + cacheBytesPerToken * indexes.length, 0);
}

/** "beyond the windows 184 KiB → 80 KiB (÷ 2.3)": where the growth of a side changes. */
function laterBetween(before: Anatomy, after: Anatomy): string {
  if (!sumKnown(before, after)) return '';
  const [early, late] = [before, after].map(({ spec, kvDtype, tokens }) => modelLaterBytes(spec, kvDtype, tokens));
  if (early === null && late === null) return '';
  const [old, now] = [early ?? atFirst(before), late ?? atFirst(after)];
  const ratio = old > 0 && now > 0 && old !== now ? ` (${formatChange(old, now)})` : '';
  return `beyond the windows ${formatSize(old)}${old === now ? ' in both' : ` → ${formatSize(now)}${ratio}`}`;
}

function expertsBetween({ before, after }: AnatomyDifference): string[] {
  const text = ({ count }: Anatomy): string | null => {
    if (!count) return null;
    const [group] = count.expertGroups;
    return group
      ? `${formatInteger(group.experts)} experts with ${formatInteger(group.perToken)} active`
      : 'no experts';
  };
  const [old, now] = [text(before), text(after)];
  if (old === null || now === null || old === now) return [];
  return skeleton(old) === skeleton(now) ? [numbersBetween(old, now)] : [`${old} → ${now}`];
}

/** "only B has 36 layers of “Gated DeltaNet mixer”". */
function aloneText({ before, after, pairs }: AnatomyDifference, names: Names): string[] {
  const named = (anatomy: Anatomy, place: number): string => {
    const kind = anatomy.kinds[place];
    if (!kind) return '';
    const count = kind.indexes.length;
    return `${formatInteger(count)} ${count === 1 ? 'layer' : 'layers'} of “${kindName(kind, anatomy.kinds)}”`;
  };
  const gone = pairs.flatMap((pair) =>
    pair.after === null && pair.before !== null ? [named(before, pair.before)] : [],
  );
  const come = pairs.flatMap((pair) => (pair.before === null && pair.after !== null ? [named(after, pair.after)] : []));
  return [
    ...(gone.length === 0 ? [] : [`only ${names.before} has ${listText(gone)}`]),
    ...(come.length === 0 ? [] : [`only ${names.after} has ${listText(come)}`]),
  ];
}

const MOST_NAMED = 3;

function listText(names: readonly string[]): string {
  const more = names.length - MOST_NAMED;
  const shown = names.slice(0, MOST_NAMED);
  if (more > 0) return `${shown.join(', ')} and ${formatInteger(more)} more`;
  return [shown.slice(0, -1).join(', '), shown.at(-1) ?? ''].filter((part) => part !== '').join(' and ');
}

function sizeBetween(change: FactChange | undefined, noun: string): string {
  return bothNumbers(change, formatSize, noun);
}

function countBetween(change: FactChange | undefined, noun: string): string {
  return bothNumbers(change, formatCount, noun);
}

function bothNumbers(change: FactChange | undefined, format: (value: number) => string, noun: string): string {
  if (!change) return '';
  const text = (value: FactValue | undefined): string => (typeof value === 'number' ? format(value) : 'not known');
  const { before, after } = change;
  const ratio = typeof before === 'number' && typeof after === 'number' && before > 0 && after > 0;
  return `${text(before)} → ${text(after)} ${noun}${ratio ? ` (${formatChange(before, after, format)})` : ''}`;
}

/** "A", "A of the one, B of the other": a kind's name on the sides that have it. */
export function pairTitle(
  one: LayerKind | null,
  other: LayerKind | null,
  kinds: readonly (readonly LayerKind[])[],
): string {
  const [before = [], after = []] = kinds;
  const old = one ? kindName(one, before) : null;
  const now = other ? kindName(other, after) : null;
  if (old === null || now === null || old === now) return now ?? old ?? '';
  return `${old} → ${now}`;
}
