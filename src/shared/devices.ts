/** What there is to compute on, and how it was proven. */

import * as v from 'valibot';
import { ENGINE_IDS, type EngineChoice, type EngineId } from './engineIds';
import { anyNumber } from './schema';

/** `software-gpu`: a GPU interface computed by the processor (SwiftShader, llvmpipe, WARP). */
const DEVICE_KINDS = ['cpu', 'gpu', 'software-gpu'] as const;
export type DeviceKind = (typeof DEVICE_KINDS)[number];

export const PRECISIONS = ['float32', 'float16'] as const;
export type Precision = (typeof PRECISIONS)[number];

/** A matrix product that the device computed and that was compared with plain float64 JavaScript. */
const deviceProof = v.object({
  /** Rows, inner size, columns of the largest product timed. */
  size: v.pipe(v.tuple([anyNumber, anyNumber, anyNumber]), v.readonly()),
  medianMs: anyNumber,
  gflops: anyNumber,
  /** Largest |error| ÷ largest |value|. */
  relativeError: anyNumber,
  /** The same of a decode step of a small attention layer, on a cache, against its formula in float64. */
  layerError: anyNumber,
  /** The same step in float16; null where the device does not offer it, or gets it wrong. */
  float16Error: v.nullable(anyNumber),
});
export type DeviceProof = v.InferOutput<typeof deviceProof>;

export const deviceReport = v.object({
  engine: v.picklist(ENGINE_IDS),
  /** Found, loaded, computed, and right. */
  available: v.boolean(),
  /** It computed, and the numbers were wrong. */
  refused: v.boolean(),
  kind: v.picklist(DEVICE_KINDS),
  /** "CPU, 2 threads", "WebGPU (libvulkan_radeon)", … */
  device: v.string(),
  /** Library and version. */
  library: v.string(),
  precision: v.literal('float32'),
  /** Why it is not available, or what the user should know about it. */
  reason: v.nullable(v.string()),
  proof: v.nullable(deviceProof),
  /** When that was found out, in milliseconds since 1970, and with which drivers; null: just now, and not kept. */
  proved: v.nullable(v.object({ at: anyNumber, with: v.string() })),
});
export type DeviceReport = v.InferOutput<typeof deviceReport>;

export interface DeviceChoice {
  readonly engine: EngineId;
  /** Why this one, in words. */
  readonly reason: string;
}

/**
 * The device to run on; null when there is none. WebAssembly stands in where nothing native works, and never wins by its speed: on a busy
 * machine one short timing of two engines on the same processor can come out either way.
 */
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
  const proven = usable.flatMap(({ engine, proof }) => (proof === null ? [] : [{ engine, gflops: proof.gflops }]));
  const native = proven.filter(({ engine }) => engine !== 'onnxruntime-wasm');
  const tried = native.length > 0 ? native : proven;
  const best = tried.toSorted(
    (a, b) => b.gflops - a.gflops || ENGINE_IDS.indexOf(a.engine) - ENGINE_IDS.indexOf(b.engine),
  )[0];
  if (!best) return null;
  const beaten =
    proven.length === 1
      ? 'the only one that works'
      : tried.length === 1
        ? 'native, preferred to WebAssembly'
        : `fastest of ${tried.length}`;
  const wrong = reports.filter(({ refused }) => refused).map(({ engine }) => engine);
  const refused = wrong.length === 0 ? '' : `; refused for wrong numbers: ${wrong.join(', ')}`;
  return { engine: best.engine, reason: `${beaten}: ${best.gflops.toPrecision(3)} GFLOP/s measured${refused}` };
}
