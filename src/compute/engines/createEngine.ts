/** Engines by id. Nothing is loaded until an engine is used. */

import { ENGINE_IDS, type EngineId } from '../../shared/engineIds';
import type { Engine, EngineOptions } from './engine';
import { OnnxruntimeEngine } from './onnxruntime';
import { nativeFlavour, nativeProviders } from './onnxruntimeNative';
import { wasmFlavour } from './onnxruntimeWasm';
import { TensorflowEngine } from './tensorflow';

export function createEngine(id: EngineId, options: EngineOptions): Engine {
  if (id === 'tensorflow') return new TensorflowEngine(options);
  if (id === 'onnxruntime-wasm') return new OnnxruntimeEngine(wasmFlavour(options));
  return new OnnxruntimeEngine(nativeFlavour(id.slice('onnxruntime-'.length), options));
}

/** Engines that can exist on this platform; the others need no probing. */
export function platformEngines(platform: string = process.platform, arch: string = process.arch): readonly EngineId[] {
  const native = nativeProviders(platform, arch).map((provider) => `onnxruntime-${provider}`);
  return ENGINE_IDS.filter((id) => id === 'tensorflow' || id === 'onnxruntime-wasm' || native.includes(id));
}
