/** Mixers with a state. */

import { type StateSpec } from '../model/attention';
import { formatSize } from '../model/units';
import { mixerRows } from './mixers';
import { type Box, WHOLE } from './box';
import { mixerTitle, stateLines } from './boxWords';
import { BoxMaker } from './boxMaker';

export class StateBoxes extends BoxMaker {
  work(parameters: number | null): number | null {
    return parameters === null ? null : 2 * parameters + this.kind.attentionFlops;
  }

  stateBox(state: StateSpec): Box {
    return this.note(
      'state',
      'cache',
      `State: ${formatSize(this.kind.stateBytes)} per sequence`,
      stateLines(state),
      WHOLE,
      this.keysOf(['state', 'conv', 'kind']),
    );
  }

  /** A mixer with a state, step by step where its weights are known apart. */
  stateRows(state: StateSpec | undefined, where: 'alone' | 'headed'): Box[][] {
    const { attention, weights, hiddenSize, parameters } = this.kind;
    const steps = state && hiddenSize !== null ? mixerRows(state, hiddenSize, weights) : null;
    if (!state || !steps) {
      if (where === 'headed') return state ? [[this.stateBox(state)]] : [];
      const own = this.has('time_mix') ? this.sum(['time_mix']) : (parameters?.parts.attention ?? null);
      return [
        [this.counted('mixer', mixerTitle(attention, state), [], own, this.work(own))],
        ...(state ? [[this.stateBox(state)]] : []),
      ];
    }
    return steps.flatMap((row): Box[][] => {
      const boxes = row.map(({ id, title, lines, look, names, from, to }): Box => {
        const made = this.box(
          where === 'headed' ? `mixer_${id}` : id,
          look,
          title,
          lines,
          [from, to],
          names,
          this.keysOf(
            id === 'scan' || id === 'conv' ? ['state', 'conv'] : [],
            id === 'in' || id === 'out' ? ['hidden'] : [],
          ),
        );
        return id === 'scan' ? { ...made, flops: (made.flops ?? 0) + this.kind.stateFlops } : made;
      });
      return row.some(({ id }) => id === 'scan') ? [[this.stateBox(state)], boxes] : [boxes];
    });
  }
}
