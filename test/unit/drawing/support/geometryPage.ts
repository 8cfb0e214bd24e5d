// Runs in Chromium: draws configs as a reader would see them and measures what came out. Bundled by the test.
import { figureOf } from '../../../../src/drawing/figure';
import { figureSvg } from '../../../../src/drawing/svg';
import { readModelConfig } from '../../../../src/reading/read';
import { anatomyOf } from '../../../../src/serving/anatomy/anatomy';

export interface Measured {
  /** What is wrong with the figure, in words. */
  readonly findings: readonly string[];
  readonly parts: number;
  /** From the text of the config to the text of the figure. */
  readonly drawMs: number;
}

/** Letters reach over their advance, and rounding is to a tenth. */
const SLACK = 0.6;

interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

const right = ({ x, width }: Box): number => x + width;
const bottom = ({ y, height }: Box): number => y + height;

function overlap(a: Box, b: Box, slack = SLACK): boolean {
  return a.x + slack < right(b) && b.x + slack < right(a) && a.y + slack < bottom(b) && b.y + slack < bottom(a);
}

function inside(a: Box, place: Box): boolean {
  return (
    a.x >= place.x - SLACK &&
    a.y >= place.y - SLACK &&
    right(a) <= right(place) + SLACK &&
    bottom(a) <= bottom(place) + SLACK
  );
}

/** A text's ink: its baseline box without the leading that no letter uses. */
function boxOfText(text: SVGTextElement): Box {
  const { x, y, height } = text.getBBox();
  return { x, y: y + height * 0.12, width: text.getComputedTextLength(), height: height * 0.8 };
}

/** Straight pieces of a path, as boxes without an area. */
function piecesOf(path: SVGPathElement): Box[] {
  const points = (path.getAttribute('d') ?? '')
    .split(/[ML]/)
    .slice(1)
    .map((point) => point.split(' ').map(Number));
  return points.slice(1).map(([x = 0, y = 0], index): Box => {
    const [fromX = 0, fromY = 0] = points[index] ?? [];
    return { x: Math.min(x, fromX), y: Math.min(y, fromY), width: Math.abs(x - fromX), height: Math.abs(y - fromY) };
  });
}

function crosses(line: Box, box: Box): boolean {
  const slack = 1.5;
  return (
    line.x < right(box) - slack &&
    right(line) > box.x + slack &&
    line.y < bottom(box) - slack &&
    bottom(line) > box.y + slack
  );
}

/** @returns Null where the text is no model config. */
function measure(config: string, name: string, width: number): Measured | null {
  const started = performance.now();
  const reading = readModelConfig(config);
  if (!reading) return null;
  const scene = figureOf(anatomyOf(reading, 'bf16', 32_768), { width, name, source: 'config.json' });
  const svg = figureSvg(scene, 'light');
  const drawMs = performance.now() - started;
  document.body.innerHTML = svg;
  const root = document.body.querySelector('svg');
  if (!root) return { findings: ['no figure'], parts: 0, drawMs };
  const findings: string[] = [];
  const whole: Box = { x: 0, y: 0, width: scene.width, height: scene.height };
  const groups = [...root.querySelectorAll<SVGGElement>(':scope > g')].map((group) => {
    const frame = group.querySelector('rect')?.getBBox() ?? group.getBBox();
    return { id: group.id, frame, group };
  });
  if (new Set(groups.map(({ id }) => id)).size !== groups.length) findings.push('two parts of one id');
  for (const { id, frame, group } of groups) {
    if (!inside(frame, whole)) findings.push(`${id} is outside of the figure`);
    const texts = [...group.querySelectorAll('text')].map((text) => ({ text: text.textContent, box: boxOfText(text) }));
    for (const { text, box } of texts) if (!inside(box, frame)) findings.push(`${id}: "${text}" is cut`);
    const marks = [...group.querySelectorAll('rect')].slice(1).map((mark) => mark.getBBox());
    if (marks.some((mark) => !inside(mark, frame))) findings.push(`${id}: a mark is outside of its box`);
    for (const [index, { text, box }] of texts.entries()) {
      if (texts.slice(index + 1).some((other) => overlap(box, other.box)))
        findings.push(`${id}: "${text}" is overprinted`);
      if (marks.some((mark) => overlap(box, mark))) findings.push(`${id}: "${text}" lies under marks`);
    }
  }
  const sorted = [...groups].sort((a, b) => a.frame.y - b.frame.y);
  for (const [index, { id, frame }] of sorted.entries())
    for (const other of sorted.slice(index + 1)) {
      if (other.frame.y > bottom(frame)) break;
      if (overlap(frame, other.frame)) findings.push(`${id} and ${other.id} overlap`);
    }
  const grounds = [...root.querySelectorAll<SVGTextElement>(':scope > text')].map((text) => ({
    text: text.textContent,
    box: boxOfText(text),
  }));
  const frames = [...root.querySelectorAll<SVGRectElement>(':scope > rect')].map((rect) => rect.getBBox());
  const cards = frames.filter(({ height }) => height > 8 && height < scene.height);
  for (const [index, { text, box }] of grounds.entries()) {
    if (!inside(box, whole)) findings.push(`"${text}" is cut`);
    if (groups.some(({ frame }) => overlap(box, frame))) findings.push(`"${text}" lies under a box`);
    if (grounds.slice(index + 1).some((other) => overlap(box, other.box))) findings.push(`"${text}" is overprinted`);
    if (cards.some((card) => overlap(box, card) && !inside(box, card))) findings.push(`"${text}" leaves its card`);
  }
  const lines = [...root.querySelectorAll<SVGPathElement>(':scope > path')].filter((path) => path.hasAttribute('fill'));
  for (const line of lines.flatMap(piecesOf)) {
    if (!inside(line, whole)) findings.push('a line leaves the figure');
    const box = groups.find(({ frame }) => crosses(line, frame));
    if (box) findings.push(`a line crosses ${box.id}`);
    const text = grounds.find((ground) => crosses(line, ground.box));
    if (text) findings.push(`a line crosses "${text.text}"`);
  }
  return { findings, parts: groups.length, drawMs };
}

Object.assign(globalThis, { measure });
