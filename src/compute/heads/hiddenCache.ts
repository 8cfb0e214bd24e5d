/** Hidden states of earlier runs, so that the next layer, or the prompt before, does not start at the embeddings again. */

/** Bytes of all states together. */
const MOST_BYTES = 256 * 1024 ** 2;

export class HiddenCache {
  private readonly states = new Map<string, Float32Array>();
  private bytes = 0;

  constructor(private readonly mostBytes = MOST_BYTES) {}

  /** The state that enters the highest layer of at most `layer`, or null. */
  nearest(ids: readonly number[], layer: number): { readonly layer: number; readonly hidden: Float32Array } | null {
    for (let index = layer; index >= 0; index--) {
      const key = keyOf(ids, index);
      const hidden = this.states.get(key);
      if (hidden === undefined) continue;
      this.states.delete(key);
      this.states.set(key, hidden);
      return { layer: index, hidden };
    }
    return null;
  }

  /** Keeps what enters `layer`; what was not used for longest makes room. */
  add(ids: readonly number[], layer: number, hidden: Float32Array): void {
    if (hidden.byteLength > this.mostBytes) return;
    const key = keyOf(ids, layer);
    if (this.states.has(key)) return;
    this.states.set(key, hidden);
    this.bytes += hidden.byteLength;
    for (const [oldest, state] of this.states) {
      if (this.bytes <= this.mostBytes) break;
      this.states.delete(oldest);
      this.bytes -= state.byteLength;
    }
  }
}

function keyOf(ids: readonly number[], layer: number): string {
  return `${layer}:${ids.join(',')}`;
}
