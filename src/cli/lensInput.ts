/** What `lens`, `named` and `diversity` share: a model with its own weights, told of what is fetched, and the sequence that is looked at. */

import type { Engine } from '../compute/engines/engine';
import type { HeadModel } from '../compute/heads/headModel';
import type { LayerPass } from '../compute/heads/layerPass';
import { type RepeatedSequence, repeatedSequence } from '../compute/lens/repeated';
import { lackingOf } from '../compute/lens/service';
import { MOST_REPEATED } from '../shared/lensContract';
import { formatInteger } from '../model/units';
import { line } from '../present/terminal';
import type { OptionTable, ParsedArguments } from './arguments';
import { UsageError } from './errors';
import { checkTokenOptions, seedOf, TOKEN_OPTIONS, tokensOf, wholeNumber, withModel } from './modelInput';
import type { CliOutput } from './output';

/** A prompt, or a random sequence that comes twice. */
export const SEQUENCE_OPTIONS: OptionTable = {
  ...TOKEN_OPTIONS,
  repeat: { type: 'string' },
  seed: { type: 'string' },
  before: { type: 'string' },
  between: { type: 'string' },
};

export interface LookedAt {
  readonly ids: readonly number[];
  readonly pieces: readonly string[];
  /** Null for a prompt. */
  readonly repeated: RepeatedSequence | null;
}

/** @throws UsageError */
export function checkSequenceOptions(values: ParsedArguments['values']): void {
  if (values['repeat'] === undefined) {
    const stray = ['seed', 'before', 'between'].find((name) => values[name] !== undefined);
    if (stray !== undefined) throw new UsageError(`--${stray} belongs to --repeat`);
    return checkTokenOptions(values);
  }
  if (values['prompt'] !== undefined || values['ids'] !== undefined)
    throw new UsageError('give either --repeat N or a prompt');
  if (wholeNumber(values, 'repeat', 2) > MOST_REPEATED)
    throw new UsageError(`--repeat takes a whole number of at most ${MOST_REPEATED}`);
  seedOf(values);
}

export async function sequenceOf(model: HeadModel, values: ParsedArguments['values']): Promise<LookedAt> {
  const repeated =
    values['repeat'] === undefined
      ? null
      : await repeatedSequence(model, {
          length: wholeNumber(values, 'repeat', 2),
          seed: seedOf(values) ?? 0,
          before: String(values['before'] ?? ''),
          between: String(values['between'] ?? ''),
        });
  const ids = repeated?.ids ?? (await tokensOf(model, values));
  return { ids, pieces: await model.pieces(ids), repeated };
}

/** Works with a pass over all layers of a model. */
export function withPass<T>(
  path: string,
  output: CliOutput,
  work: (model: HeadModel, pass: LayerPass, engine: Engine) => Promise<T>,
): Promise<T> {
  return withModel(path, async (model, engine) => {
    const lacking = await lackingOf(model);
    if (lacking > 0) output.err(line(`fetching at most ${formatInteger(lacking)} B: all of the weights`));
    const pass = model.pass(engine);
    try {
      return await work(model, pass, engine);
    } finally {
      await pass.dispose();
    }
  });
}
