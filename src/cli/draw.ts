/** `draw`: the architecture of a model as a figure. */

import { basename, dirname } from 'node:path';
import { planCache } from '../cache/plan';
import { figureOf } from '../drawing/figure';
import { stepFigure } from '../drawing/stepFigure';
import { type FigureTheme, figureSvg } from '../drawing/svg';
import { parseTypedCount } from '../model/typedCount';
import { visibleUpTo } from '../model/visibleText';
import { line, lines } from '../present/terminal';
import { anatomyOf } from '../serving/anatomy/anatomy';
import { type OptionTable, parseArguments, readConfig, SCENARIO_OPTIONS, scenarioOf } from './arguments';
import { askedStep, flightIn, flightJson, STEP_OPTIONS } from './drawStep';
import { UsageError } from './errors';
import type { CliOutput } from './output';
import { writeWhole } from './writing';

const DRAW_OPTIONS: OptionTable = {
  ...SCENARIO_OPTIONS,
  ...STEP_OPTIONS,
  out: { type: 'string' },
  width: { type: 'string' },
  theme: { type: 'string' },
};

const [NARROWEST, WIDEST, USUAL] = [280, 4096, 1200];
const LONGEST_NAME = 60;

export async function draw(args: readonly string[], output: CliOutput): Promise<number> {
  const { paths, values } = parseArguments(args, DRAW_OPTIONS);
  const [path, ...more] = paths;
  if (path === undefined || more.length > 0) throw new UsageError('draw takes one PATH');
  const { out } = values;
  if (typeof out === 'string' && !out.endsWith('.svg')) throw new UsageError('--out takes a file that ends in .svg');
  const theme = themeOf(values['theme'] ?? 'light');
  const width = widthOf(values['width'] ?? String(USUAL));
  const asked = askedStep(values);
  const scenario = scenarioOf(values);
  const { reading, file } = await readConfig(path, values, output.err);
  const { kvDtype } = planCache(reading.spec, scenario);
  const name = visibleUpTo(LONGEST_NAME, nameOf(file));
  const anatomy = anatomyOf(reading, kvDtype, scenario.workload.tokens);
  const flight = asked && (await flightIn(asked, { reading, file }, scenario, anatomy, output.err));
  if (flight && values['json'] === true) {
    output.out(flightJson(flight));
    return 0;
  }
  const scene = figureOf(anatomy, {
    width,
    name,
    ...(flight ? { step: stepFigure(flight) } : {}),
    source: `From ${visibleUpTo(LONGEST_NAME, basename(file))}, model type ${visibleUpTo(LONGEST_NAME, reading.spec.modelType)}`,
  });
  const svg = figureSvg(scene, theme);
  if (typeof out === 'string') {
    await writeWhole(out, [svg]);
    output.err(line(`${out}: ${scene.width} × ${scene.height} px`));
  } else output.out(lines(svg.trimEnd().split('\n')));
  return 0;
}

/** The folder's name says which model it is: most files are called config.json. */
function nameOf(file: string): string {
  const own = basename(file);
  return /^(config|params)\.json$/.test(own) ? basename(dirname(file)) || own : own;
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
