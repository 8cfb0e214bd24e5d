/** Two models beside each other: same boxes face each other, what changed is marked and said with both values between them. */

import { formatInteger } from '../model/units';
import { designText, sentence, tokensText } from '../present/words';
import type { Anatomy, LayerKind } from '../serving/anatomy/anatomy';
import { type AnatomyDifference, isSame, isSamePair, type KindPair } from '../serving/anatomy/difference';
import type { Repeat } from '../serving/anatomy/fold';
import { type Box, COLUMNS } from './box';
import { layerDrawing } from './layerDrawing';
import { faceDrawings, faceRows, type VagueSide } from './differenceRows';
import { DifferenceWords, pairTitle, summaryText } from './differenceText';
import {
  activeText,
  embeddingBoxes,
  factsText,
  kindInk,
  kindLetter,
  kindLines,
  kindName,
  outputBoxes,
  totalsText,
} from './figure';
import { type Canvas, placeCard, placeLayer, placeText } from './layout';
import type { Scene } from './scene';
import { type DifferenceOptions, MARGIN, GAP, NOTE, BAR, type Side, SIDES, type Letters, Page } from './differencePage';
import { type StackBox, type StackRepeat, orderText, Flow, comparable, vagueSide } from './differenceFlow';

export function differenceFigure(difference: AnatomyDifference, options: DifferenceOptions): Scene {
  return new DifferenceFigure(difference, options).scene();
}

function kindAt({ kinds }: Anatomy, place: number | null): LayerKind | null {
  return place === null ? null : (kinds[place] ?? null);
}

class DifferenceFigure {
  private readonly page: Page;
  private readonly canvas: Canvas;
  private readonly wide: boolean;
  private readonly letters: Letters;

  constructor(
    private readonly difference: AnatomyDifference,
    private readonly options: DifferenceOptions,
  ) {
    this.page = new Page(options);
    this.canvas = this.page.canvas;
    this.wide = this.page.wide;
    const letters = { before: new Map<number, string>(), after: new Map<number, string>() };
    for (const [index, pair] of difference.pairs.entries())
      for (const side of SIDES) {
        const place = pair[side];
        if (place !== null) letters[side].set(place, kindLetter(index));
      }
    this.letters = letters;
  }

  scene(): Scene {
    const { canvas } = this;
    const { names, width, margin = MARGIN } = this.options;
    const inner = width - 2 * margin;
    const title = `${names.before} → ${names.after}`;
    let y = placeText(canvas, title, 20, true, 'text', margin, margin, inner);
    y = placeText(canvas, sentence(summaryText(this.difference, names)), 13, false, 'text', margin, y + 4, inner);
    if (!isSame(this.difference)) y = this.legend(margin, y + 6, inner);
    y = this.heads(margin, y + 14, inner) + GAP;
    y = placeCard(canvas, { title: 'The model', lines: [], ink: 'line' }, margin, y, inner, (x, top, across) =>
      this.model(x, top, across),
    );
    for (const [index, pair] of this.difference.pairs.entries())
      if (pair.before !== null && pair.after !== null) y = this.pair(index, pair, margin, y + GAP, inner);
    y = this.alone(margin, y + GAP, inner);
    y = placeText(canvas, this.caption(), 11, false, 'muted', margin, y - 4, inner);
    return {
      width,
      height: Math.ceil(y + margin),
      title: `${title}: ${summaryText(this.difference, names)}`,
      ground: canvas.ground,
      parts: canvas.parts,
    };
  }

  private caption(): string {
    const { before, after } = this.difference;
    const { sources } = this.options;
    const types = before.kvDtype === after.kvDtype ? before.kvDtype : `${before.kvDtype} and ${after.kvDtype}`;
    return `${sources.before}. ${sources.after}. Operations are those of one decode step at a context of ${tokensText(after.tokens)}, the cache is ${types}; numbers in a box are of one layer.${activeText([before, after])} Drawn by Headlight.`;
  }

  /** What the marks mean. */
  private legend(x: number, y: number, width: number): number {
    const { names } = this.options;
    const entries: readonly { readonly dashed: boolean; readonly bar: boolean; readonly text: string }[] = [
      {
        dashed: false,
        bar: this.wide,
        text: this.wide ? 'changed; both values stand in the middle, each said once' : 'changed: before, then after',
      },
      ...(this.wide ? [{ dashed: false, bar: false, text: 'changed with what is said elsewhere' }] : []),
      {
        dashed: true,
        bar: false,
        text: `in one alone (${names.before} ${this.wide ? 'left' : 'first'}, ${names.after} ${this.wide ? 'right' : 'second'})`,
      },
    ];
    let top = y;
    for (const { dashed, bar, text } of entries) {
      this.canvas.ground.push({
        shape: 'rect',
        x,
        y: top + 2,
        width: 18,
        height: 12,
        fill: 'box',
        stroke: 'changed',
        radius: 3,
        ...(dashed ? { dashed } : {}),
      });
      if (bar)
        this.canvas.ground.push({
          shape: 'rect',
          x: x + 18 - BAR,
          y: top + 2,
          width: BAR,
          height: 12,
          fill: 'changed',
          stroke: null,
          radius: 1,
        });
      top = placeText(this.canvas, text, NOTE, false, 'muted', x + 26, top, width - 26) + 2;
    }
    return top;
  }

  /** Names and totals of the two, over their halves. */
  private heads(x: number, y: number, width: number): number {
    const { halves } = this.page.columns(x, width);
    let top = y;
    const bottoms = SIDES.map((side) => {
      const anatomy = this.difference[side];
      const at = halves[side];
      let bottom = placeText(this.canvas, this.options.names[side], 15, true, 'text', at.x, top, at.width);
      bottom = placeText(this.canvas, designText(anatomy.spec), 12, false, 'text', at.x, bottom + 2, at.width);
      bottom = placeText(this.canvas, totalsText(anatomy), 12, false, 'muted', at.x, bottom + 2, at.width);
      for (const facts of factsText(anatomy))
        bottom = placeText(this.canvas, facts, 12, false, 'muted', at.x, bottom + 2, at.width);
      if (!this.wide) top = bottom + 10;
      return bottom;
    });
    return Math.max(...bottoms);
  }

  private words(changes: KindPair['changes'], vague: VagueSide = null): DifferenceWords {
    const sized = this.difference.changes.some(({ path }) => path === 'hiddenSize');
    return new DifferenceWords(changes, this.options.names, sized, vague);
  }

  // The model: ends and stack.

  private model(x: number, top: number, width: number): number {
    const { before, after } = this.difference;
    const words = this.words(this.difference.changes);
    const alone = (boxes: readonly Box[]): Box[][] => boxes.map((box) => [box]);
    const flow = new Flow(this.page, words, 'model', x, width);
    flow.y = top;
    flow.rows(faceRows(alone(embeddingBoxes(before)), alone(embeddingBoxes(after))));
    this.stacks(flow);
    flow.rows(faceRows(alone(outputBoxes(before)), alone(outputBoxes(after))));
    return flow.y;
  }

  private stacks(flow: Flow): void {
    const [old, now] = SIDES.map((side) => JSON.stringify(this.runsOf(side)));
    if (!this.wide && old === now) {
      flow.stack('both', this.runsOf('after'));
      return;
    }
    const [before, after] = [this.runsOf('before'), this.runsOf('after')];
    const { changes } = this.difference;
    const layers = changes.find(({ path }) => path === 'layers');
    const lines =
      typeof layers?.before === 'number' && typeof layers.after === 'number'
        ? [`${formatInteger(layers.before)} → ${formatInteger(layers.after)} layers`]
        : [];
    const [one, other] = [orderText(before), orderText(after)];
    flow.stacks(before, after, one === other ? lines : [...lines, `${one} → ${other}`]);
  }

  /** The stack's runs as boxes: "3 × A". */
  private runsOf(side: Side): readonly StackRepeat[] {
    const anatomy = this.difference[side];
    return anatomy.stack.map(
      ({ times, runs }: Repeat): StackRepeat => ({
        times,
        boxes: runs.map(({ kind, count }): StackBox => {
          const of = anatomy.kinds[kind];
          const letter = this.letters[side].get(kind) ?? '?';
          return {
            ink: of ? kindInk(of) : 'line',
            box: {
              id: letter,
              look: of?.attention.kind === 'unknown' ? 'unknown' : 'step',
              title: `${formatInteger(count)} × ${letter}`,
              lines: of ? [sentence(kindName(of, anatomy.kinds))] : [],
              parameters: null,
              flops: null,
              from: 0,
              to: COLUMNS,
              keys: [of?.sources['layers']?.key ?? []].flat(),
            },
          };
        }),
      }),
    );
  }

  // Kinds of layers.

  private pair(index: number, pair: KindPair, x: number, y: number, width: number): number {
    const { before, after } = this.difference;
    const [one, other] = [kindAt(before, pair.before), kindAt(after, pair.after)];
    if (!one || !other) return y;
    const [old, now] = comparable(one, other);
    const { open } = this.options;
    const opened = open ? open.has(index) : !isSamePair(pair);
    const title = `${kindLetter(index)} · ${pairTitle(one, other, [before.kinds, after.kinds])}`;
    const alike = isSamePair(pair) ? ['the same in both'] : [];
    return placeCard(
      this.canvas,
      { title, lines: [...alike, ...(opened || isSamePair(pair) ? [] : ['not opened'])], ink: kindInk(other) },
      x,
      y,
      width,
      (left, top, across) => {
        const headed = this.kindHeads(one, other, left, top, across);
        if (!opened) return headed;
        const vague = vagueSide(one, other);
        const flow = new Flow(
          this.page,
          this.words(pair.changes, vague),
          `layer.${kindLetter(index)}`,
          left,
          across,
          vague,
        );
        flow.y = headed + 4;
        flow.layer(faceDrawings(old, now), { before: old, after: now });
        return flow.y;
      },
    );
  }

  /** How many layers, their parameters and what they cache, over the halves. */
  private kindHeads(one: LayerKind, other: LayerKind, x: number, y: number, width: number): number {
    const { halves } = this.page.columns(x, width);
    const lines = { before: kindLines(one), after: kindLines(other) };
    const same = JSON.stringify(lines.before) === JSON.stringify(lines.after);
    let top = y;
    let bottom = y;
    for (const side of SIDES) {
      if (!this.wide && same && side === 'before') continue;
      let at = top;
      for (const text of this.wide || same
        ? lines[side]
        : [`${this.options.names[side]}: ${lines[side][0] ?? ''}`, ...lines[side].slice(1)])
        at = placeText(this.canvas, text, NOTE, false, 'muted', halves[side].x, at, halves[side].width);
      bottom = Math.max(bottom, at);
      if (!this.wide) top = at + 4;
    }
    return bottom + 2;
  }

  /** Kinds that stand for nothing on the other side, in columns of their own. */
  private alone(x: number, y: number, width: number): number {
    const { open, names } = this.options;
    const column = this.wide ? Math.floor((width - GAP) / 2) : width;
    const bottoms = { before: y, after: y };
    for (const [index, pair] of this.difference.pairs.entries()) {
      if (pair.before !== null && pair.after !== null) continue;
      if (open && !open.has(index)) continue;
      const side: Side = pair.before === null ? 'after' : 'before';
      const anatomy = this.difference[side];
      const kind = kindAt(anatomy, pair[side]);
      if (!kind) continue;
      const top = this.wide ? bottoms[side] : Math.max(bottoms.before, bottoms.after);
      const left = this.wide && side === 'after' ? x + width - column : x;
      const at = this.canvas.ground.length;
      const bottom = placeCard(
        this.canvas,
        {
          title: `${kindLetter(index)} · ${kindName(kind, anatomy.kinds)}`,
          lines: [`only ${names[side]}`, ...kindLines(kind)],
          ink: kindInk(kind),
        },
        left,
        top,
        column,
        (within, below, across) =>
          placeLayer(this.canvas, layerDrawing(kind), `${side}.layer.${kindLetter(index)}`, within, below, across),
      );
      const frame = this.canvas.ground[at];
      if (frame?.shape === 'rect') this.canvas.ground[at] = { ...frame, stroke: 'changed', dashed: true };
      bottoms[side] = bottom + GAP;
    }
    return Math.max(bottoms.before, bottoms.after);
  }
}
