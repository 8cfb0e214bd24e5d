/** Where a weight is stored: tensors, and rows of them. */

/** `times` blocks of `count` rows: the first at `start`, the next ones `stride` rows apart. */
export interface RowBlocks {
  readonly start: number;
  readonly count: number;
  readonly times?: number;
  readonly stride?: number;
}

/** A stored tensor, or rows of it. */
export interface Part {
  /** Name without prefix and suffix: `self_attn.qkv_proj`. */
  readonly base: string;
  /** Names of the tensors behind it; `.weight` and `.bias` by default. */
  readonly suffix?: { readonly weight: string; readonly bias: string };
  /** Output rows to take, in this order; all by default. For biases the same elements. */
  readonly rows?: readonly RowBlocks[];
  /** Stored `[in, out]` (GPT-2's Conv1D): transposed on reading. Biases are not affected. */
  readonly transposed?: boolean;
  /** Which slice of the leading dimension (experts as one tensor); taken before anything else. */
  readonly index?: number;
  /** Number of equal slices in the leading dimension, where that is not an axis of experts (DBRX). */
  readonly slices?: number;
  /** Stored as MXFP4: `…_blocks` [experts, rows, groups, 16] and `…_scales` [experts, rows, groups] in place of the tensor (gpt-oss). */
  readonly packed?: 'mxfp4';
  /** Factor on the values (MiMo scales V). */
  readonly factor?: number;
  /** Each of the `blocks` equal parts along the first dimension is stored transposed (GGUF's per-head k_b). */
  readonly transposedBlocks?: number;
}

/** Where a weight is: one tensor, or several whose rows follow each other. */
export type WeightSource = Part | readonly Part[];

/** Sources by the base name of `weightNames.ts` (`q`, `norm_attention`, `gate_proj`, …); suffixes are added on reading. */
export type WeightSources = Readonly<Record<string, WeightSource>>;
