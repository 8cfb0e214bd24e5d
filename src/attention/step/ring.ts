/**
 * Where the rows of a cache that is written in place lie: position p in slot p modulo the slots. With a slot for every token nothing is ever
 * overwritten; with as many as a window sees, a new row takes the place of one that no query sees any more.
 */

import { keyLimit, type RunnableAttention } from '../spec/layerSpec';

/**
 * Slots for each sequence. The queries of one step see different keys: the first still sees what the last does not, so that a step of
 * several tokens needs room for the window of its first, and for the others.
 */
export function ringSlots(attention: RunnableAttention, allTokens: number, stepTokens: number): number {
  const limit = keyLimit(attention);
  return limit === null ? allTokens : Math.min(allTokens, limit + stepTokens - 1);
}

export function slotOf(position: number, slots: number): number {
  return position % slots;
}

/** The position of each slot's row once `tokens` rows were written; −1: unused. */
export function slotPositions(slots: number, tokens: number): Int32Array {
  return Int32Array.from({ length: slots }, (_, slot) =>
    slot < tokens ? slot + slots * Math.floor((tokens - 1 - slot) / slots) : -1,
  );
}
