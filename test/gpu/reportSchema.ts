/** The JSON of the check of a GPU, as docs/gpu-check.md describes it: for tests, and for who reads it by a program. */

import * as v from 'valibot';
import { deviceReport } from '../../src/shared/devices';
import { ENGINE_IDS } from '../../src/shared/engineIds';

const text = v.string();
const number = v.number();
const texts = v.array(text);
const orNull = <const T extends v.GenericSchema>(schema: T) => v.nullable(schema);
const engineId = v.picklist(ENGINE_IDS);

const failure = v.strictObject({
  label: text,
  precision: v.picklist(['float32', 'float16']),
  error: orNull(number),
  right: v.boolean(),
  reason: orNull(text),
});

const gridPart = v.strictObject({
  right: number,
  wrong: number,
  notRun: number,
  largestError: orNull(number),
  notOffered: orNull(text),
  failures: v.array(failure),
});

export const gpuReport = v.strictObject({
  format: v.literal(1),
  started: v.pipe(text, v.isoTimestamp()),
  seconds: number,
  complete: v.boolean(),
  machine: text,
  node: text,
  onnxruntime: text,
  adapters: v.array(v.strictObject({ name: orNull(text), driver: orNull(text), memoryMiB: orNull(number) })),
  deviceFiles: v.strictObject({ dri: texts, nvidia: texts }),
  libraries: v.array(v.strictObject({ library: text, loads: v.boolean(), reason: orNull(text), from: text })),
  vulkan: orNull(text),
  providers: v.array(v.strictObject(deviceReport.entries)),
  engine: orNull(v.strictObject({ id: engineId, reason: text })),
  missing: texts,
  grid: v.array(v.strictObject({ engine: engineId, float32: gridPart, float16: gridPart })),
  profiles: v.array(
    v.strictObject({
      case: text,
      stepMs: number,
      kernels: number,
      kernelMs: orNull(number),
      submitMs: number,
      largest: v.array(v.strictObject({ name: text, ms: number })),
      readMs: orNull(number),
      limitedBy: text,
    }),
  ),
  bench: v.array(
    v.strictObject({
      case: text,
      variant: text,
      engine: text,
      medianMs: number,
      runs: number,
      spread: number,
      cacheBytes: number,
      relativeError: number,
      movedBytes: orNull(number),
      gflops: number,
      gigabytesPerSecond: number,
    }),
  ),
  ratios: v.array(
    v.strictObject({
      what: text,
      ratio: number,
      predicted: orNull(number),
      roofline: orNull(text),
      target: orNull(number),
    }),
  ),
  pytorch: text,
  notes: texts,
});
export type GpuReport = v.InferOutput<typeof gpuReport>;

/** What is printed where the check could not begin. */
export const gpuReportOfNothing = v.strictObject({ format: v.literal(1), complete: v.literal(false), notes: texts });

/** Every key of the JSON, `a.b` for those of objects and of lists of objects. */
export function reportKeys(schema: unknown = gpuReport, before = ''): readonly string[] {
  const { type, entries, item, wrapped } = schema as {
    readonly type: string;
    readonly entries?: Readonly<Record<string, unknown>>;
    readonly item?: unknown;
    readonly wrapped?: unknown;
  };
  if (type === 'array') return reportKeys(item, before);
  if (wrapped !== undefined) return reportKeys(wrapped, before);
  return Object.entries(entries ?? {}).flatMap(([key, value]) => {
    const name = before === '' ? key : `${before}.${key}`;
    return [name, ...reportKeys(value, name)];
  });
}
