/** `draw`: the architecture of a model as a figure, or what differs between two. */

import { basename } from 'node:path';
import { planCache } from '../cache/plan';
import { differenceFigure } from '../drawing/difference';
import { differenceJson } from '../drawing/differenceJson';
import { figureOf } from '../drawing/figure';
import { kindsCalled, type NamedKind, namedKinds } from '../drawing/kindNames';
import type { Scene } from '../drawing/scene';
import { stepFigure } from '../drawing/stepFigure';
import { type FigureTheme, figureSvg } from '../drawing/svg';
import { parseTypedCount } from '../model/typedCount';
import { visibleUpTo } from '../model/visibleText';
import { NOTHING } from '../present/markdown';
import { json, line, lines } from '../present/terminal';
import { type Anatomy, anatomyOf } from '../serving/anatomy/anatomy';
import { type AnatomyDifference, differenceOf } from '../serving/anatomy/difference';
import {
  decimalOf,
  type OptionTable,
  parseArguments,
  type ParsedArguments,
  type ReadConfig,
  readConfig,
  SCENARIO_OPTIONS,
  scenarioOf,
} from './arguments';
import { sourceText } from './drawnModel';
import { askedStep, flightIn, flightJson, STEP_OPTIONS } from './drawStep';
import { UsageError } from './errors';
import { isPage, modelName, writePage } from './htmlOut';
import type { CliOutput } from './output';
import { figurePng } from './png';
import { writeWhole } from './writing';

const DRAW_OPTIONS: OptionTable = {
  ...SCENARIO_OPTIONS,
  ...STEP_OPTIONS,
  diff: { type: 'string' },
  blocks: { type: 'string' },
  out: { type: 'string' },
  width: { type: 'string' },
  theme: { type: 'string' },
  scale: { type: 'string' },
};

const [NARROWEST, WIDEST, USUAL] = [280, 4096, 1200];
const LONGEST_NAME = 60;
/** CSS counts 96 pixels an inch: twice is 192 dpi, and 3.125 times 300. */
const [USUAL_SCALE, LARGEST_SCALE] = [2, 8];

export async function draw(args: readonly string[], output: CliOutput): Promise<number> {
  const { paths, values } = parseArguments(args, DRAW_OPTIONS);
  const [path, ...more] = paths;
  if (path === undefined || more.length > 0) throw new UsageError('draw takes one PATH');
  const { out, diff } = values;
  if (typeof out === 'string' && !/\.(svg|png)$/.test(out) && !isPage(out))
    throw new UsageError('--out takes a file that ends in .svg, .png or .html');
  const theme = themeOf(values['theme'] ?? 'light');
  const width = widthOf(values['width'] ?? String(USUAL));
  const scale = scaleOf(values);
  if (values['flight'] !== undefined && typeof diff === 'string')
    throw new UsageError('--flight shows one model: it cannot be combined with --diff');
  if (values['json'] === true && typeof diff !== 'string' && values['flight'] === undefined)
    throw new UsageError(
      '--json prints what is drawn as data for programs: it needs --diff OTHER, or --flight decode or prefill',
    );
  const asked = askedStep(typeof diff === 'string' ? { ...values, json: undefined } : values);
  const model = await drawn(path, values, output);
  const flight = asked && (await flightIn(asked, model.read, scenarioOf(values), model.anatomy, output.err));
  if (flight && values['json'] === true) {
    output.out(flightJson(flight));
    return 0;
  }
  const other = typeof diff === 'string' ? await drawn(diff, values, output) : null;
  const difference = other && differenceOf(model.anatomy, other.anatomy);
  if (difference && other && values['json'] === true) {
    output.out(json(differenceJson(difference, { before: model.name, after: other.name })));
    return 0;
  }
  const scene =
    difference && other
      ? differenceFigure(difference, {
          width,
          names: namesApart(model, other),
          sources: { before: model.source, after: other.source },
          ...openedPairs(values['blocks'], difference),
        })
      : figureOf(model.anatomy, {
          width,
          name: model.name,
          source: model.source,
          ...(flight ? { step: stepFigure(flight) } : {}),
          ...openedKinds(values['blocks'], model.anatomy),
        });
  const title = other ? `${model.name} and ${other.name}` : `Architecture of ${model.name}`;
  await writeFigure(scene, { title, theme, scale, out: typeof out === 'string' ? out : null }, output);
  return 0;
}

async function writeFigure(
  scene: Scene,
  {
    title,
    theme,
    scale,
    out,
  }: { readonly title: string; readonly theme: FigureTheme; readonly scale: number; readonly out: string | null },
  output: CliOutput,
): Promise<void> {
  const svg = figureSvg(scene, theme);
  if (out === null) {
    output.out(lines(svg.trimEnd().split('\n')));
    return;
  }
  if (isPage(out)) {
    // The figure says what it is and where it is from.
    await writePage(out, { title, markdown: NOTHING, figure: svg }, output);
    return;
  }
  const png = out.endsWith('.png');
  await writeWhole(out, [png ? await figurePng(svg, scene, scale) : svg]);
  const times = png ? scale : 1;
  output.err(line(`${out}: ${Math.round(scene.width * times)} × ${Math.round(scene.height * times)} px`));
}

interface DrawnModel {
  readonly anatomy: Anatomy;
  readonly read: ReadConfig;
  readonly name: string;
  /** Where it is from, in a sentence. */
  readonly source: string;
}

async function drawn(path: string, values: ParsedArguments['values'], output: CliOutput): Promise<DrawnModel> {
  const scenario = scenarioOf(values);
  const { reading, file } = await readConfig(path, values, output.err);
  const { kvDtype } = planCache(reading.spec, scenario);
  const name = visibleUpTo(LONGEST_NAME, modelName(file));
  return {
    anatomy: anatomyOf(reading, kvDtype, scenario.workload.tokens),
    read: { reading, file },
    name,
    source: sourceText(reading, file),
  };
}

/** Two of one name are told apart by their files. */
function namesApart(one: DrawnModel, other: DrawnModel): { readonly before: string; readonly after: string } {
  const [before, after] = [one.name, other.name];
  if (before !== after) return { before, after };
  const [left, right] = [basename(one.read.file), basename(other.read.file)];
  return left === right
    ? { before: `${before} (first)`, after: `${after} (second)` }
    : { before: `${before} (${left})`, after: `${after} (${right})` };
}

function openedKinds(blocks: ParsedArguments['values'][string], { kinds }: Anatomy): { readonly open?: Set<number> } {
  if (typeof blocks !== 'string') return {};
  const named = namedKinds(kinds);
  return { open: new Set(blocks.split(',').flatMap((name) => called(name, named))) };
}

/** Names may be those of either side; the letters are the figure's. */
function openedPairs(
  blocks: ParsedArguments['values'][string],
  { before, after, pairs }: AnatomyDifference,
): { readonly open?: Set<number> } {
  if (typeof blocks !== 'string') return {};
  const [old, now] = [namedKinds(before.kinds), namedKinds(after.kinds)];
  const named = pairs.map((pair, place): NamedKind => {
    const sides = [pair.before === null ? [] : [old[pair.before]], pair.after === null ? [] : [now[pair.after]]].flat();
    const titles = sides.flatMap((side) => (side ? [side.title] : []));
    return {
      letter: namedKinds([...before.kinds, ...after.kinds])[place]?.letter ?? '',
      title: [...new Set(titles)].join(' → '),
      words: [...titles.map((title) => title.toLowerCase()), ...sides.flatMap((side) => side?.words ?? [])],
    };
  });
  return { open: new Set(blocks.split(',').flatMap((name) => called(name, named))) };
}

function called(name: string, kinds: readonly NamedKind[]): readonly number[] {
  const places = kindsCalled(name, kinds);
  if (places.length > 0) return places;
  const list = kinds.map(({ letter, title, words }) => `${letter} (${[title, ...words.slice(-1)].join('; ')})`);
  throw new UsageError(
    `--blocks: no kind of layer is called ${visibleUpTo(LONGEST_NAME, name)}. This figure has ${list.join(', ')}`,
  );
}

function themeOf(text: string | boolean | readonly string[]): FigureTheme {
  if (text === 'light' || text === 'dark') return text;
  throw new UsageError('--theme takes light or dark');
}

function widthOf(text: string | boolean | readonly string[]): number {
  const width = typeof text === 'string' ? parseTypedCount(text) : null;
  if (width === null || width < NARROWEST || width > WIDEST)
    throw new UsageError(`--width takes pixels from ${NARROWEST} to ${WIDEST}`);
  return width;
}

function scaleOf(values: ParsedArguments['values']): number {
  const scale = decimalOf(values, 'scale', LARGEST_SCALE) ?? USUAL_SCALE;
  if (scale <= 0) throw new UsageError(`--scale must be a number above 0 and up to ${LARGEST_SCALE}`);
  return scale;
}
