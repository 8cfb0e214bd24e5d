/** What activation and the hover may take, for the two tests that measure it: in plain Node, and inside VS Code. */

/** Milliseconds, code loading included. The limits are the product's, not one machine's. */
export const ACTIVATION_MS = 30;
export const FIRST_HOVER_MS = 60;
export const NEXT_HOVER_MS = 2;

const LAYERS = 183;

/** A config of 200 lines, as those with a kind for each layer are. */
export const LONG_CONFIG = JSON.stringify(
  {
    architectures: ['Qwen3ForCausalLM'],
    model_type: 'qwen3',
    attention_bias: false,
    head_dim: 128,
    hidden_size: 4096,
    intermediate_size: 12_288,
    num_attention_heads: 32,
    num_hidden_layers: LAYERS,
    num_key_value_heads: 8,
    sliding_window: 4096,
    torch_dtype: 'bfloat16',
    layer_types: Array.from({ length: LAYERS }, (_, layer) =>
      layer % 6 === 5 ? 'full_attention' : 'sliding_attention',
    ),
  },
  null,
  2,
);

/** The key at which the first hover asks, and those of the hovers after it. */
export const FIRST_KEY = 'num_key_value_heads';
export const NEXT_KEYS: readonly string[] = Array.from({ length: 10 }, () => [
  'num_attention_heads',
  'hidden_size',
  'num_hidden_layers',
  FIRST_KEY,
]).flat();

/** Milliseconds of the processor, and of the clock where that is less: what other processes take is not ours. */
export function timed<T>(call: () => T): { readonly ms: number; readonly result: T } {
  const [cpu, start] = [process.cpuUsage(), performance.now()];
  const result = call();
  const clock = performance.now() - start;
  const { user, system } = process.cpuUsage(cpu);
  return { ms: Math.min(clock, (user + system) / 1000), result };
}
