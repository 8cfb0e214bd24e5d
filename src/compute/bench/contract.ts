/** What the bench asks of a peer's process, whatever its language. Over Node's IPC, or as lines of JSON. */

import type { BenchCase, BenchEngine } from './cases';

export interface PreparedCase {
  /** The output of one run: compared between peers before anything is timed. */
  readonly output: Float32Array;
  /** Bytes of the cache tensors after the run. */
  readonly cacheBytes: number;
  /** Bytes that a run takes to the device and back; absent where that is not known. */
  readonly movedBytes?: number;
  /** Library and version. */
  readonly library: string;
  /** How it computes, where there is a choice. */
  readonly remark?: string;
}

export interface BenchMethods {
  'bench/prepare'(params: {
    readonly test: BenchCase;
    readonly engine: BenchEngine;
    readonly threads: number;
    readonly tensorflowPath: string | null;
  }): PreparedCase;
  /** Milliseconds of each run, after runs that do not count. */
  'bench/time'(params: { readonly warm: number; readonly runs: number }): readonly number[];
}
