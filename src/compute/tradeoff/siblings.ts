/** Models that were trained apart, on the same text: what training gives back of what a conversion loses. */

import { checkCancelled, type Watch } from '../heads/watch';
import { DamageMeter, type PositionDamage } from '../../insight/tradeoff/damage';
import { ConversionRefused } from '../../insight/conversion/target';
import type { Matrix } from '../../insight/matrix';
import { elementAt } from '../../model/elementAt';
import type { WholePass } from './wholePass';

/** What each model makes of the same tokens. */
interface Predicting {
  readonly pass: WholePass;
  /** What leaves its last layer. */
  readonly final: Matrix;
}

/** @throws ConversionRefused where their vocabularies differ. */
export async function between(
  ids: readonly number[],
  before: Predicting,
  after: Predicting,
  watch: Watch,
): Promise<PositionDamage> {
  if (before.pass.vocabularySize !== after.pass.vocabularySize)
    throw new ConversionRefused(
      `its vocabulary has ${after.pass.vocabularySize} tokens, this model's has ${before.pass.vocabularySize}: their predictions cannot be compared`,
    );
  const meter = new DamageMeter(ids);
  const theirs = after.pass.logits(after.final, watch);
  // Piece by piece of the vocabulary, both at once: neither is held whole.
  for await (const { first, rows } of before.pass.logits(before.final, watch)) {
    checkCancelled(watch.signal);
    const next = await theirs.next();
    if (next.done === true || next.value.first !== first) throw new RangeError('pieces of different size');
    meter.add(first, elementAt(rows, 0), elementAt(next.value.rows, 0));
  }
  return meter.result();
}
