import { describe, expect, it } from 'vitest';
import { elementAt } from '../../../src/model/elementAt';

describe('the element at an index', () => {
  it('is that of lists and of typed arrays, also where it is 0 or empty', () => {
    expect(elementAt(['a', ''], 1)).toBe('');
    expect(elementAt(Float32Array.of(0.5, 0), 1)).toBe(0);
  });

  it.each([2, -1, 0.5, Number.NaN])('is missed aloud at %d', (index) => {
    expect(() => elementAt([1, 2], index)).toThrow(new RangeError(`there is no element ${index} in a list of 2`));
  });
});
