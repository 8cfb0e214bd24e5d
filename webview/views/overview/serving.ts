/** Fit and parameters, in a file that loads after the first numbers are shown. */

import { fitModel } from '../../../src/serving/fit';
import { fitsFrom } from '../../../src/serving/fitMatrix';
import { parameterSources } from '../../../src/serving/parameters/count';
import type { Serving } from './viewModel';

export const serving: Serving = { fitModel, fitsFrom, parameterSources };
