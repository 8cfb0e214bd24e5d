/** A method for each layer within a size: the least damage, as far as damages of layers add up. */

/** What one layer may have, with what it costs and what it does alone. */
export interface Choice {
  readonly bytes: number;
  /** Mean KL of the model with this layer changed alone. */
  readonly klMean: number;
}

interface State {
  readonly bytes: number;
  readonly klMean: number;
  /** Which choice each layer has. */
  readonly picks: readonly number[];
}

/** Beyond so many states of equal promise they are thinned by size: then the result may be a little off the best. */
const MOST_STATES = 20_000;

/**
 * One choice a layer with the least sum of damages that fits, exactly (a knapsack over layers, keeping what nothing beats); null where nothing
 * fits.
 */
export function allocate(layers: readonly (readonly Choice[])[], budgetBytes: number): readonly number[] | null {
  let states: readonly State[] = [{ bytes: 0, klMean: 0, picks: [] }];
  // What the layers to come need at least: a state that leaves less is none.
  const least = layers.map((choices) => Math.min(...choices.map(({ bytes }) => bytes)));
  let rest = least.reduce((sum, bytes) => sum + bytes, 0);
  for (const [index, choices] of layers.entries()) {
    rest -= least[index] as number;
    const next = states
      .flatMap(({ bytes, klMean, picks }) =>
        choices.map((choice, pick) => ({
          bytes: bytes + choice.bytes,
          klMean: klMean + choice.klMean,
          picks: [...picks, pick],
        })),
      )
      .filter(({ bytes }) => bytes + rest <= budgetBytes);
    states = thinned(unbeaten(next));
  }
  const [first, ...others] = states;
  if (first === undefined) return null;
  return others.reduce((best, state) => (state.klMean < best.klMean ? state : best), first).picks;
}

/** Smaller ones first, each less damaging than those before it. */
function unbeaten(states: readonly State[]): readonly State[] {
  const kept: State[] = [];
  for (const state of states.toSorted((a, b) => a.bytes - b.bytes || a.klMean - b.klMean)) {
    const last = kept[kept.length - 1];
    if (last === undefined || state.klMean < last.klMean) kept.push(state);
  }
  return kept;
}

function thinned(states: readonly State[]): readonly State[] {
  if (states.length <= MOST_STATES) return states;
  const every = states.length / MOST_STATES;
  return Array.from({ length: MOST_STATES }, (_, i) => states[Math.floor((i + 1) * every) - 1] as State);
}
