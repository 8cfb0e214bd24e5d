/** Long-range probes in a model's own tokens. */

import { inductionOfIds, type Probe, probesOf } from '../../insight/tradeoff/probes';
import type { OpenModel } from '../../weights/openModel';

/**
 * In words where the model has a tokenizer; else a list of the text's own kinds of token.
 * @param ids Of the text. @param tokens Of each probe, at most; 0: none.
 */
export async function probesFor(model: OpenModel, ids: readonly number[], tokens: number): Promise<readonly Probe[]> {
  if (tokens === 0) return [];
  const tokenizer = await model.tokenizer();
  if (tokenizer !== null) return probesOf((text) => tokenizer.encode(text), tokens);
  const probe = inductionOfIds(ids, tokens);
  return probe === null ? [] : [probe];
}
