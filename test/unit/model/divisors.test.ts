import { describe, expect, it } from 'vitest';
import { divisorsOf } from '../../../src/model/divisors';

describe('divisors of a head count', () => {
  it('are all of them, ascending, each once', () => {
    for (const count of [1, 7, 36, 64, 96]) {
      const expected = Array.from({ length: count }, (_, index) => index + 1).filter((each) => count % each === 0);
      expect(divisorsOf(count)).toEqual(expected);
    }
  });
});
