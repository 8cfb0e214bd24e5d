/** What there is to compute on, and how it was proven. */

/**
 * Engines with their device, in the order in which they are tried when speeds are equal. `onnxruntime-*` are execution
 * providers of one library; `tensorflow` is @tensorflow/tfjs-node(-gpu) where the user has it.
 */
export const ENGINE_IDS = [
  'onnxruntime-cuda',
  'onnxruntime-coreml',
  'onnxruntime-dml',
  'onnxruntime-webgpu',
  'onnxruntime-cpu',
  'tensorflow',
  'onnxruntime-wasm',
] as const;
export type EngineId = (typeof ENGINE_IDS)[number];

/** `auto`: the one that proved fastest on this machine. */
export type EngineChoice = EngineId | 'auto';

export function isEngineId(text: string): text is EngineId {
  return (ENGINE_IDS as readonly string[]).includes(text);
}

/** `software-gpu`: a GPU interface computed by the processor (SwiftShader, llvmpipe, WARP). */
export type DeviceKind = 'cpu' | 'gpu' | 'software-gpu';

/** A matrix product that the device computed and that was compared with plain float64 JavaScript. */
export interface DeviceProof {
  /** Rows, inner size, columns of the largest product timed. */
  readonly size: readonly [number, number, number];
  readonly medianMs: number;
  readonly gflops: number;
  /** Largest |error| ÷ largest |value|. */
  readonly relativeError: number;
}

export interface DeviceReport {
  readonly engine: EngineId;
  /** Found, loaded, computed, and right. */
  readonly available: boolean;
  readonly kind: DeviceKind;
  /** "CPU, 2 threads", "WebGPU (libvulkan_radeon)", … */
  readonly device: string;
  /** Library and version. */
  readonly library: string;
  readonly precision: 'float32';
  /** Why it is not available, or what the user should know about it. */
  readonly reason: string | null;
  readonly proof: DeviceProof | null;
}

export interface DeviceChoice {
  readonly engine: EngineId;
  /** Why this one, in words. */
  readonly reason: string;
}

/** The device to run on; null when there is none. */
export function chooseDevice(
  reports: readonly DeviceReport[],
  choice: EngineChoice,
  allowSoftwareGpu: boolean,
): DeviceChoice | null {
  const usable = reports.filter((report) => report.available && (allowSoftwareGpu || report.kind !== 'software-gpu'));
  if (choice !== 'auto') {
    const asked = usable.find((report) => report.engine === choice);
    return asked ? { engine: asked.engine, reason: 'chosen in the settings' } : null;
  }
  const speed = (report: DeviceReport): number => report.proof?.gflops ?? 0;
  const best = usable.toSorted(
    (a, b) => speed(b) - speed(a) || ENGINE_IDS.indexOf(a.engine) - ENGINE_IDS.indexOf(b.engine),
  )[0];
  if (!best) return null;
  const others = usable.length - 1;
  const beaten = others === 0 ? 'the only one that works' : `fastest of ${usable.length}`;
  return { engine: best.engine, reason: `${beaten}: ${speed(best).toPrecision(3)} GFLOP/s proven` };
}
