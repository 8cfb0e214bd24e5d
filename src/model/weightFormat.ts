/** Types that weights may have in place of what the file says: their names, as settings and command line take them. */

/** Of safetensors checkpoints: `serving/weightFormats.ts` has their bits. */
const CHECKPOINT_FORMATS = [
  'fp32',
  'bf16',
  'fp16',
  'fp8',
  'fp8_block',
  'int8',
  'int4',
  'awq',
  'gptq',
  'mxfp4',
  'nvfp4',
  'nf4',
] as const;
export type CheckpointFormat = (typeof CHECKPOINT_FORMATS)[number];

/** Mixtures of llama-quantize. */
const GGUF_FORMATS = [
  'q2_k',
  'q3_k_s',
  'q3_k_m',
  'q3_k_l',
  'q4_0',
  'q4_1',
  'q4_k_s',
  'q4_k_m',
  'q5_0',
  'q5_1',
  'q5_k_s',
  'q5_k_m',
  'q6_k',
  'q8_0',
  'iq4_nl',
  'iq4_xs',
  'mxfp4_moe',
] as const;
export type GgufFormat = (typeof GGUF_FORMATS)[number];

/** Formats with a scale for each group of input channels, and the groups that are in use; 128 without one. */
export const GROUPED_FORMATS = ['int4', 'awq', 'gptq'] as const;
const GROUPS = [32, 64, 128] as const;
export type GroupedFormat = `${(typeof GROUPED_FORMATS)[number]}:${(typeof GROUPS)[number]}`;

export type WeightFormat = CheckpointFormat | GgufFormat | GroupedFormat;

const GROUPED = GROUPED_FORMATS.flatMap((format) => GROUPS.map((group): GroupedFormat => `${format}:${group}`));

/** Those that a list offers: of groups, the usual one has no number. */
export const WEIGHT_FORMATS: readonly WeightFormat[] = [
  ...CHECKPOINT_FORMATS.flatMap((format): readonly WeightFormat[] => [
    format,
    ...GROUPED.filter((grouped) => grouped.startsWith(`${format}:`) && !grouped.endsWith(':128')),
  ]),
  ...GGUF_FORMATS,
];

/** The choice of none: as the file says. */
export const AS_FILED = 'file';

/** The format that a text names, in any case and with or without hyphens; null where none is meant. */
export function weightFormatOf(text: string): WeightFormat | null {
  const name = text.toLowerCase().replaceAll('-', '_');
  return [...WEIGHT_FORMATS, ...GROUPED].find((format) => format === name) ?? null;
}
