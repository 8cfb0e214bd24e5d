/** ERNIE 4.5, dense and with experts, its vision form, and PaddleOCR-VL's language model. */

import type { FeedForward } from '../attention/spec/blockSpec';
import type { ConfigReader } from '../config/reader';
import { HIDDEN_KEYS } from '../config/spellings';
import type { LayerView } from './counted/facet';
import { afterDense } from './counted/experts';
import { flag } from './counted/switches';
import type { Tally } from './counted/tally';
import type {
  ArrangementsFacet,
  BlockInput,
  BlocksFacet,
  CountsFacet,
  GgufFacet,
  LayersFacet,
  NamesFacet,
} from './facets';
import { biases, gatedMlp, llamaBlocks, plainRotary } from './kit/blocks';
import { plainDecoder } from './kit/decoder';
import { moe, softmaxRouter } from './kit/mixtures';
import { BARE, llamaNames, type MixtureNames, mixtureNames, part, PLAIN_EXPERTS } from './kit/tensorNames';
import { activation, gated } from './kit/parts';
import { routing, take } from './kit/ggufBlocks';

export const layers = (): readonly LayersFacet[] => [
  {
    id: 'ernie4_5',
    modelTypes: ['ernie4_5', 'ernie4_5_moe', 'ernie4_5_vl_moe_text', 'paddleocr_vl_text'],
    cite: 'transformers 5.18 models/ernie4_5/configuration_ernie4_5.py and those of ernie4_5_moe, ernie4_5_vl_moe, paddleocr_vl',
    read: plainDecoder,
  },
];

export const blocks = (): readonly BlocksFacet[] => [
  {
    modelTypes: ['ernie4_5'],
    build: (input) => {
      const bias = input.config.on('use_bias');
      return llamaBlocks(input, {
        rotary: (_, attention) => plainRotary(input, attention, 'interleaved'),
        attention: () => biases(bias),
        feedForward: () => gatedMlp(input, { bias }),
      });
    },
  },
  {
    modelTypes: ['ernie4_5_moe'],
    build: (input) => {
      const bias = input.config.on('use_bias');
      return llamaBlocks(input, {
        rotary: (_, attention) => plainRotary(input, attention, 'interleaved'),
        attention: () => biases(bias),
        feedForward: experts(input, bias),
        output: { bias },
      });
    },
  },
];

/** Experts in every `moe_layer_interval`-th layer between a first and a last one. */
function experts(input: BlockInput, bias: boolean): (index: number) => FeedForward {
  const { config } = input;
  const act = activation(input);
  const width = config.need('moe_intermediate_size');
  const shared = config.numberOr('moe_num_shared_experts', 0);
  const mixture = moe(
    softmaxRouter(input, 'moe_num_experts', 'moe_k', {
      normalize: true,
      correctionBias: true,
      correctionTrained: true,
    }),
    gated(width, act),
    { shared: shared > 0 ? { expert: gated(width * shared, act, bias), gate: false } : null },
  );
  const last = config.need('moe_layer_end_index');
  const sparse = (index: number): boolean =>
    (index + 1) % config.need('moe_layer_interval') === 0 &&
    index >= config.need('moe_layer_start_index') &&
    index <= (last === -1 ? config.need('num_hidden_layers') - 1 : last);
  return (index) => (sparse(index) ? mixture : gatedMlp(input, { bias }));
}

const EXPERTS: MixtureNames = (mixture, index, input) =>
  mixtureNames({
    router: part('mlp.gate'),
    correction: { base: 'mlp.moe_statics.e_score_correction_bias', suffix: BARE },
    experts: 'mlp.experts',
    parts: PLAIN_EXPERTS,
    ...(mixture.shared ? { shared: 'mlp.shared_experts' } : {}),
  })(mixture, index, input);

export const names = (): readonly NamesFacet[] => [
  { modelTypes: ['ernie4_5'] },
  { modelTypes: ['ernie4_5_moe'], of: llamaNames({ mixture: EXPERTS }) },
];

export const gguf = (): readonly GgufFacet[] => [
  { architecture: 'ernie4_5', modelType: 'ernie4_5', rope: 'interleaved' },
  {
    architecture: 'ernie4_5-moe',
    modelType: 'ernie4_5_moe',
    rope: 'interleaved',
    adapt: (config, source) => {
      take(config, source, {
        expert_count: 'moe_num_experts',
        expert_used_count: 'moe_k',
        interleave_moe_layer_step: 'moe_layer_interval',
        leading_dense_block_count: 'moe_layer_start_index',
      });
      config['moe_layer_end_index'] = -1;
      config['moe_layer_start_index'] ??= 0;
      // llama.cpp has one width for the shared experts together.
      const [width, shared] = [
        source.number('expert_feed_forward_length') ?? 0,
        source.number('expert_shared_feed_forward_length') ?? 0,
      ];
      config['moe_num_shared_experts'] = width > 0 ? shared / width : 0;
    },
    block: routing({ scoring: 'softmax', normalize: true }),
  },
];

export const counts = (): readonly CountsFacet[] => [
  { modelTypes: ['paddleocr_vl_text'], bias: flag('use_bias'), mlpBias: flag('use_bias') },
  {
    modelTypes: ['ernie4_5_vl_moe_text'],
    bias: flag('use_bias'),
    mlpBias: flag('use_bias'),
    mlpAt: (config, { index }) => !afterDense([], 1)(config)(index),
    extra: visionExperts,
    note: 'image tokens use experts of their own: these are part of the total, but not of the active parameters',
  },
];

/** Text and image tokens have separate experts, with one width and one router each. T:ernie4_5_vl_moe. */
function visionExperts(config: ConfigReader, tally: Tally, layerViews: readonly LayerView[]): void {
  const sparse = afterDense([], 1)(config);
  const count = layerViews.filter((layer) => sparse(layer.index)).length;
  const routed = config.size('moe_num_experts');
  const [text, image] = config.list(['moe_intermediate_size'])?.value ?? [1536, 512];
  if (typeof text !== 'number' || typeof image !== 'number') return tally.add('experts', Number.NaN);
  tally.addExperts(count, routed, config.size('moe_k', 6), 3 * config.size(HIDDEN_KEYS) * text);
  tally.addExperts(count, routed, 0, 3 * config.size(HIDDEN_KEYS) * image);
  tally.add('router', count * 2 * routed * (config.size(HIDDEN_KEYS) + 1));
  tally.add('mlp', count * 3 * config.size(HIDDEN_KEYS) * text * config.size('moe_num_shared_experts', 2));
}

export const arrangements = (): readonly ArrangementsFacet[] => [
  { modelTypes: ['paddleocr_vl_text'], cite: 'transformers 5.18 modeling_ernie4_5.py', positions: 'unsaid' },
];
