/** Hidden states of earlier runs, so that the next layer, or a prompt that begins alike, does not start from nothing. */

/** Bytes of all states together. */
const MOST_BYTES = 256 * 1024 ** 2;

interface State {
  readonly ids: readonly number[];
  /** What enters the layer, `[tokens, hidden]`. */
  readonly hidden: Float32Array;
}

export interface Known {
  /** Tokens from the first on that the state covers. */
  readonly tokens: number;
  /** `[tokens, hidden]` */
  readonly hidden: Float32Array;
}

export class HiddenCache {
  /** By layer and ids, the one used last at the end. */
  private readonly states = new Map<string, State>();
  private bytes = 0;

  constructor(private readonly mostBytes = MOST_BYTES) {}

  /**
   * The state that enters the highest layer of at most `layer`, of all tokens; or null.
   * @param causal Whether a longer prompt that begins with these ids counts: its first tokens did not see the others.
   */
  nearest(
    ids: readonly number[],
    layer: number,
    causal: boolean,
  ): { readonly layer: number; readonly hidden: Float32Array } | null {
    for (let index = layer; index >= 0; index--) {
      const known = this.known(ids, index, causal);
      if (known?.tokens === ids.length) return { layer: index, hidden: known.hidden };
    }
    return null;
  }

  /** The state that enters `layer` for as many first tokens as any earlier prompt shares; or null. */
  known(ids: readonly number[], layer: number, causal: boolean): Known | null {
    let best: { readonly key: string; readonly state: State; readonly tokens: number } | null = null;
    const own = keyOf(ids, layer);
    const exact = this.states.get(own);
    if (exact !== undefined) best = { key: own, state: exact, tokens: ids.length };
    else if (causal) {
      const start = `${layer}:`;
      for (const [key, state] of this.states) {
        if (!key.startsWith(start)) continue;
        const tokens = shared(ids, state.ids);
        if (tokens > (best?.tokens ?? 0)) best = { key, state, tokens };
      }
    }
    if (best === null) return null;
    const { key, state, tokens } = best;
    this.states.delete(key);
    this.states.set(key, state);
    return { tokens, hidden: state.hidden.subarray(0, (state.hidden.length / state.ids.length) * tokens) };
  }

  /** Keeps what enters `layer`; what was not used for longest makes room. */
  add(ids: readonly number[], layer: number, hidden: Float32Array): void {
    if (hidden.byteLength > this.mostBytes) return;
    const key = keyOf(ids, layer);
    if (this.states.has(key)) return;
    this.states.set(key, { ids, hidden });
    this.bytes += hidden.byteLength;
    for (const [oldest, state] of this.states) {
      if (this.bytes <= this.mostBytes) break;
      this.states.delete(oldest);
      this.bytes -= state.hidden.byteLength;
    }
  }
}

function keyOf(ids: readonly number[], layer: number): string {
  return `${layer}:${ids.join(',')}`;
}

/** Tokens at the start that are the same. */
function shared(a: readonly number[], b: readonly number[]): number {
  let count = 0;
  while (count < a.length && count < b.length && a[count] === b[count]) count++;
  return count;
}
