/**
 * What others published of smaller caches, to hold a curve against: on other models and other texts, some after training. Each with where it was
 * read; a share that its source does not say is null.
 */

export interface Anchor {
  readonly method: string;
  readonly model: string;
  /** Of a 16-bit cache. */
  readonly cacheShare: number | null;
  /** Mean KL of the next token in nats, or the mean score of some tasks in percent. */
  readonly measure:
    | { readonly kind: 'kl'; readonly klMean: number }
    | { readonly kind: 'score'; readonly of: string; readonly before: number; readonly after: number };
  /** Null: none. */
  readonly training: string | null;
  readonly source: string;
}

const LLAMA_CPP = 'llama.cpp pull request 7412, first table of results (2024-05-20)';
const LATER_LLAMA_CPP = 'llama.cpp issue 24139, comment of 2026-06-06, table of KLD';
const TRANSMLA = 'TransMLA, arXiv 2502.07864, table 1';
const X_ECO = 'X-EcoMLA, arXiv 2503.11132';
const KIVI = 'KIVI, docs/long_bench.md of its code';

function kl(method: string, model: string, bits: number, klMean: number, source: string): Anchor {
  return { method, model, cacheShare: bits / 16, measure: { kind: 'kl', klMean }, training: null, source };
}

function score(
  method: string,
  model: string,
  cacheShare: number | null,
  [of, before, after]: readonly [string, number, number],
  training: string | null,
  source: string,
): Anchor {
  return { method, model, cacheShare, measure: { kind: 'score', of, before, after }, training, source };
}

const LLAMA_2 = 'LLaMA-2-7B';
const SIX = 'commonsense tasks';
const NINE = 'nine LM Harness tasks';

export const ANCHORS: readonly Anchor[] = [
  kl('-ctk f16 -ctv q8_0', 'Llama 3 8B', 12.25, 0.000743, LLAMA_CPP),
  kl('-ctk q8_0 -ctv f16', 'Llama 3 8B', 12.25, 0.000944, LLAMA_CPP),
  kl('-ctk q8_0 -ctv q8_0', 'Llama 3 8B', 8.5, 0.00098, LLAMA_CPP),
  kl('-ctk f16 -ctv q5_1', 'Llama 3 8B', 11, 0.001759, LLAMA_CPP),
  kl('-ctk q8_0 -ctv q8_0', 'Qwen 3.6 27B, 64k tokens', 8.5, 0.002328, LATER_LLAMA_CPP),
  score('TransMLA', LLAMA_2, 0.3125, [SIX, 59.85, 58.2], null, TRANSMLA),
  score('TransMLA', LLAMA_2, 0.3125, [SIX, 59.85, 59.82], '500M tokens', TRANSMLA),
  score('TransMLA', LLAMA_2, 0.125, [SIX, 59.85, 59.36], '3B tokens', TRANSMLA),
  score('TransMLA', LLAMA_2, 0.0703, [SIX, 59.85, 43.26], null, TRANSMLA),
  score('TransMLA', LLAMA_2, 0.0703, [SIX, 59.85, 58.68], '6B tokens', TRANSMLA),
  score('MHA2MLA', LLAMA_2, 0.3125, [SIX, 59.85, 37.9], null, TRANSMLA),
  score('MHA2MLA', 'SmolLM 1.7B', 0.125, [NINE, 54.67, 51.69], '6B tokens', `${X_ECO}, table 4`),
  score('X-EcoMLA', 'Llama 3 8B Instruct', 0.1563, [NINE, 65.78, 65.16], 'distilled', `${X_ECO}, table 3`),
  score('X-EcoMLA', 'Llama 3.1 8B Instruct', 0.1094, [NINE, 66.63, 65.85], 'distilled', `${X_ECO}, table 3`),
  score('Palu, J-LRD', 'Llama 3 8B Instruct', 0.5, ['six LM Harness tasks', 67.87, 66.19], null, `${X_ECO}, table 5`),
  score('Palu, G-LRD', 'Llama 3 8B Instruct', 0.5, ['six LM Harness tasks', 67.87, 64.45], null, `${X_ECO}, table 5`),
  // 2 and 4 bits, and 32 for the scale and shift of 32 numbers; without the newest 128 tokens.
  score('KIVI, 2 bits', 'LongChat 7B v1.5', 3 / 16, ['LongBench, 15 tasks', 38.72, 38.3], null, `${KIVI}, table 1`),
  score(
    'KIVI, 2 bits',
    'Mistral 7B Instruct v0.2',
    3 / 16,
    ['LongBench, 15 tasks', 43.54, 42.43],
    null,
    `${KIVI}, table 2`,
  ),
  score(
    'KIVI, 4 bits',
    'Mistral 7B Instruct v0.2',
    5 / 16,
    ['LongBench, 15 tasks', 43.54, 43.53],
    null,
    `${KIVI}, table 2`,
  ),
  score(
    'GEAR, 2 bits',
    'Llama 3 8B, LLaMA-2-13B, Mistral 7B',
    null,
    ['chain-of-thought tasks', 40.52, 40.2],
    null,
    'GEAR, arXiv 2403.05527, table 1',
  ),
];
