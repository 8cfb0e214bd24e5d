/** A device that models are served on, and how fast it multiplies. The table of them is hardware.ts. */

/** Formats in which a device multiplies. FLOP/s are dense. */
export type ComputeFormat = 'bf16' | 'fp16' | 'fp8' | 'int8' | 'fp4';

export interface Device {
  readonly id: string;
  readonly name: string;
  readonly vendor: string;
  /** Memory of one device. */
  readonly memoryBytes: number;
  /** `nominal`: the size of the memory chips, whose "GB" are 2^30 bytes; `driver`: what the driver reports. */
  readonly memoryBasis: string;
  /** GiB that a process sees as the whole: less than `memoryBytes` by what driver and ECC take. Absent where not known. */
  readonly visibleGib?: number;
  /** The processor and what runs on it use the same memory. */
  readonly unifiedMemory?: boolean;
  /** Peak. */
  readonly bandwidthBytesPerS: number;
  /** Peak by format; a format that is missing is not accelerated, or not known. */
  readonly denseFlops: Readonly<Partial<Record<ComputeFormat, number>>>;
  /** Id of the source. */
  readonly source: string;
  readonly note?: string;
}

export interface HardwareSource {
  readonly title: string;
  readonly url: string;
  /** True where its text was read when the table was made. */
  readonly verified: boolean;
}

/** A device, and where its numbers are from. */
export interface SourcedDevice {
  readonly device: Device;
  readonly source: HardwareSource | null;
}

/** Peak dense FLOP/s in a format; where the device has none of its own, that of 16-bit floats. */
export function denseFlops(
  device: Device,
  format: ComputeFormat,
): { readonly format: ComputeFormat; readonly flopsPerS: number } | null {
  for (const tried of [format, 'bf16', 'fp16'] as const) {
    const flopsPerS = device.denseFlops[tried];
    if (flopsPerS !== undefined) return { format: tried, flopsPerS };
  }
  return null;
}
