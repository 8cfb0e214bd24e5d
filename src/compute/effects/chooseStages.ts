/** Which stages a model is run in: small ones in float64 here, larger ones on an engine in float32. */

import type { Engine } from '../engines/engine';
import type { HeadModel } from '../heads/headModel';
import { widenedBytes } from '../heads/memoryStore';
import { engineLinear } from '../tradeoff/linear';
import { GraphStages } from './graphStages';
import { MatrixStages, WIDE } from './matrixStages';
import type { Stages } from './stages';

export type Precision = Stages['precision'];

/** Models of at most so many bytes as float32 are computed in float64, where a precision is not asked for. */
const MOST_FLOAT64_BYTES = 64 * 1024 ** 2;

function precisionFor({ model }: HeadModel, asked: Precision | null): Precision {
  return asked ?? (widenedBytes(model.store) <= MOST_FLOAT64_BYTES ? 'float64' : 'float32');
}

export function matrixStagesFor(model: HeadModel, engine: Engine, asked: Precision | null): MatrixStages {
  return new MatrixStages(model.model, precisionFor(model, asked) === 'float64' ? WIDE : engineLinear(engine));
}

export function stagesFor(model: HeadModel, engine: Engine, asked: Precision | null): Stages {
  return precisionFor(model, asked) === 'float64'
    ? new MatrixStages(model.model, WIDE)
    : new GraphStages(model.model, engine);
}
