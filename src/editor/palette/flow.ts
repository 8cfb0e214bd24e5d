/** Questions one after the other, with a way back. Knows nothing of the editor. */

/** The answer "back to the question before". */
export const BACK = Symbol('back');

/** Where a question stands, for its title and its back button. */
export interface Place {
  /** From 1. */
  readonly step: number;
  readonly steps: number;
}

/** Asks one question: the state with the answer in it, BACK, or undefined where the user left. */
export type Step<S> = (state: S, place: Place) => Promise<S | typeof BACK | undefined>;

/** The state after the last question; undefined where the user left. */
export async function runFlow<S>(initial: S, steps: readonly Step<S>[]): Promise<S | undefined> {
  // What each question was asked with: going back forgets the answers after it.
  const states: S[] = [initial];
  for (;;) {
    const state = states.at(-1);
    const step = steps[states.length - 1];
    if (state === undefined || step === undefined) return state;
    const answer = await step(state, { step: states.length, steps: steps.length });
    if (answer === undefined) return undefined;
    if (answer !== BACK) states.push(answer);
    else if (states.length > 1) states.pop();
  }
}
