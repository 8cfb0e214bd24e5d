/** Golden folders (what transformers computed of tiny models), and how results are held against them. */

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliDecompressSync } from 'node:zlib';

export interface GoldenLayer {
  readonly k: number[];
  readonly k_shape: number[];
  readonly v: number[];
  readonly weights: number[];
  readonly attention_input: number[];
  readonly attention_output: number[];
  readonly hidden_out: number[];
  readonly cache_latent?: number[];
  readonly cache_rope_key?: number[];
}

export interface Golden {
  readonly input_ids: number[][];
  readonly hidden_in: number[];
  readonly layers: GoldenLayer[];
  readonly logits_last: number[];
}

/** golden.json of a folder; vendored ones are packed. */
export function readGolden(folder: string): Golden {
  const packed = join(folder, 'golden.json.br');
  const text = existsSync(packed)
    ? brotliDecompressSync(readFileSync(packed)).toString('utf8')
    : readFileSync(join(folder, 'golden.json'), 'utf8');
  return JSON.parse(text) as Golden;
}

/** Families that must be refused, with the reason: never something wrong. */
export const REFUSED: Readonly<Record<string, RegExp>> = {
  jetmoe: /not supported/,
  'falcon-rw-style': /implementations disagree/,
  'gemma4-ple': /an input embedding per layer is not supported/,
  'gemma4-moe': /mixture of experts beside the feed-forward is not supported/,
  'mpt-noalibi': /learned positions is not supported/,
  'cohere2-moe': /not supported/,
  diffllama: /not supported/,
  nanochat: /not supported/,
  'neox-japanese': /not supported/,
};

/** Largest |difference| over the largest |value|; infinite where the numbers of values differ, NaN where one is. */
export function relativeError(actual: ArrayLike<number> | undefined, expected: ArrayLike<number>): number {
  if (actual?.length !== expected.length) return Infinity;
  let [difference, size] = [0, 0];
  for (let i = 0; i < expected.length; i++) {
    const gap = Math.abs((actual[i] as number) - (expected[i] as number));
    if (Number.isNaN(gap)) return NaN;
    difference = Math.max(difference, gap);
    size = Math.max(size, Math.abs(expected[i] as number));
  }
  return size === 0 ? difference : difference / size;
}
