/**
 * Engines with their device, in the order in which they are tried when speeds are equal. `onnxruntime-*` are execution
 * providers of one library; `tensorflow` is @tensorflow/tfjs-node(-gpu) where the user has it.
 */
// biome-ignore format: names fill their lines
export const ENGINE_IDS = [
  'onnxruntime-cuda', 'onnxruntime-coreml', 'onnxruntime-dml', 'onnxruntime-webgpu', 'onnxruntime-cpu', 'tensorflow',
  'onnxruntime-wasm',
] as const;
export type EngineId = (typeof ENGINE_IDS)[number];

/** `auto`: the one that proved fastest on this machine. */
export type EngineChoice = EngineId | 'auto';

export function isEngineId(text: string): text is EngineId {
  return (ENGINE_IDS as readonly string[]).includes(text);
}
