/** Texts as paths of bytes, for finding every token that a place of a text begins with. */

/** More places than the vocabularies of real models have (XLM-RoBERTa's 250,000 tokens make two million). */
const MAX_PLACES = 8_000_000;

export class ByteTrie {
  /** `place * 256 + byte` → the next place, by open addressing; 0 is free (no path leads back to the start). */
  private keys = new Int32Array(1 << 12);
  private targets = new Int32Array(1 << 12);
  private values: number[] = [-1];

  /**
   * Later values replace earlier ones.
   * @throws RangeError for more paths than memory is given for.
   */
  add(bytes: Uint8Array, value: number): void {
    let place = 0;
    for (const byte of bytes) {
      const slot = this.slotOf(place, byte);
      let target = this.targets[slot] as number;
      if (target === 0) {
        target = this.values.push(-1) - 1;
        if (target >= MAX_PLACES) throw new RangeError(`more than ${MAX_PLACES} places`);
        this.keys[slot] = place * 256 + byte;
        this.targets[slot] = target;
        if (target * 2 > this.keys.length) this.grow();
      }
      place = target;
    }
    this.values[place] = value;
  }

  /** The place behind a byte; 0 where no path goes on. Paths begin at 0. */
  next(place: number, byte: number): number {
    return this.targets[this.slotOf(place, byte)] as number;
  }

  /** The value of a place; −1 where none was given. */
  value(place: number): number {
    return this.values[place] as number;
  }

  private slotOf(place: number, byte: number): number {
    const { keys, targets } = this;
    const key = place * 256 + byte;
    const mask = keys.length - 1;
    let slot = (Math.imul(key, 0x9e3779b1) >>> 7) & mask;
    while (targets[slot] !== 0 && keys[slot] !== key) slot = (slot + 1) & mask;
    return slot;
  }

  private grow(): void {
    const { keys, targets } = this;
    this.keys = new Int32Array(keys.length * 2);
    this.targets = new Int32Array(keys.length * 2);
    for (let old = 0; old < keys.length; old++) {
      if (targets[old] === 0) continue;
      const key = keys[old] as number;
      const slot = this.slotOf(Math.floor(key / 256), key & 255);
      this.keys[slot] = key;
      this.targets[slot] = targets[old] as number;
    }
  }
}
