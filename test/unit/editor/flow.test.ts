import { describe, expect, it } from 'vitest';
import { BACK, runFlow, type Step } from '../../../src/editor/palette/flow';

/** Asks nobody: answers in order, and remembers with what it was asked. */
function script(answers: readonly (string | typeof BACK | undefined)[]): {
  readonly step: Step<readonly string[]>;
  readonly asked: [string, number, number][];
} {
  const left = [...answers];
  const asked: [string, number, number][] = [];
  const step: Step<readonly string[]> = (state, { step: at, steps }) => {
    asked.push([state.join(), at, steps]);
    const answer = left.shift();
    return Promise.resolve(typeof answer === 'string' ? [...state, answer] : answer);
  };
  return { step, asked };
}

describe('a flow', () => {
  it('collects the answers in order', async () => {
    const { step, asked } = script(['a', 'b', 'c']);
    expect(await runFlow([], [step, step, step])).toEqual(['a', 'b', 'c']);
    expect(asked).toEqual([
      ['', 1, 3],
      ['a', 2, 3],
      ['a,b', 3, 3],
    ]);
  });

  it('goes back, forgetting the answer that it goes back to', async () => {
    const { step, asked } = script(['a', 'b', BACK, BACK, 'x', 'y', 'z']);
    expect(await runFlow([], [step, step, step])).toEqual(['x', 'y', 'z']);
    expect(asked.map(([state]) => state)).toEqual(['', 'a', 'a,b', 'a', '', 'x', 'x,y']);
  });

  it('stays at the first question when there is no way back', async () => {
    const { step } = script([BACK, BACK, 'a']);
    expect(await runFlow([], [step])).toEqual(['a']);
  });

  it('ends without a state when the user leaves', async () => {
    const { step } = script(['a', undefined]);
    expect(await runFlow([], [step, step, step])).toBeUndefined();
  });
});
