/** A model with its stages, closed when the tests of the file are done. */

import { afterAll } from 'vitest';
import { createEngine } from '../../../src/compute/engines/createEngine';
import { matrixStagesFor, type Precision, stagesFor } from '../../../src/compute/effects/chooseStages';
import { Effects, readPrompt } from '../../../src/compute/effects/effects';
import type { MatrixStages } from '../../../src/compute/effects/matrixStages';
import type { Stages } from '../../../src/compute/effects/stages';
import { HeadModel } from '../../../src/compute/heads/headModel';
import { UNWATCHED } from '../../../src/compute/heads/watch';

const open: (() => Promise<unknown>)[] = [];
afterAll(async () => {
  for (const close of open.splice(0).reverse()) await close();
});

export async function openedStages(
  path: string,
  precision: Precision,
): Promise<{ readonly model: HeadModel; readonly stages: Stages; readonly matrices: MatrixStages }> {
  const model = await HeadModel.open(path);
  const engine = createEngine('onnxruntime-cpu', { threads: 1 });
  const [stages, matrices] = [stagesFor(model, engine, precision), matrixStagesFor(model, engine, precision)];
  open.push(
    () => model.close(),
    () => engine.dispose(),
    () => matrices.dispose(),
    () => stages.dispose(),
  );
  return { model, stages, matrices };
}

export async function effectsOn(
  path: string,
  precision: Precision,
  ids: readonly number[],
  other: readonly number[] | null = null,
): Promise<Effects> {
  const { stages } = await openedStages(path, precision);
  const prompt = await readPrompt(stages, ids, UNWATCHED);
  return new Effects(stages, prompt, other === null ? null : await readPrompt(stages, other, UNWATCHED));
}
