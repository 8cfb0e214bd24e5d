/** The figure of a model below what a command says of it. */

import { basename } from 'node:path';
import type { CachePlan } from '../cache/plan';
import { figureOf } from '../drawing/figure';
import { figureSvg } from '../drawing/svg';
import { visibleUpTo } from '../model/visibleText';
import type { Reading } from '../reading/read';
import { anatomyOf } from '../serving/anatomy/anatomy';
import { modelName } from './htmlOut';

const WIDTH = 1200;
const LONGEST_NAME = 60;

export function figureOfModel(reading: Reading, file: string, plan: CachePlan): string {
  const anatomy = anatomyOf(reading, plan.kvDtype, plan.scenario.workload.tokens);
  return figureSvg(
    figureOf(anatomy, {
      width: WIDTH,
      name: visibleUpTo(LONGEST_NAME, modelName(file)),
      source: sourceText(reading, file),
    }),
    'light',
  );
}

/** Where a drawn model is from, in a sentence. */
export function sourceText({ spec }: Reading, file: string): string {
  return `From ${visibleUpTo(LONGEST_NAME, basename(file))}, model type ${visibleUpTo(LONGEST_NAME, spec.modelType)}`;
}
