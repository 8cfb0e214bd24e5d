/** Gemma 1 to 3 and VaultGemma. */

import { type AttentionLayerSpec, headDims, type RunnableAttention } from '../attention/spec/layerSpec';
import type { RotarySpec } from '../attention/spec/rotarySpec';
import type { JsonValue } from '../config/document';
import { type ConfigReader, MAX_LAYERS, truthOf } from '../config/reader';
import type { Sourced } from '../model/spec';
import type { BlockInput, BlockModel, BlocksFacet, GgufFacet, LayersFacet, NamesFacet } from './facets';
import { biases, gatedMlp, llamaBlocks, preNorms } from './kit/blocks';
import { decoderLayers, plainDecoder, slidingWindow } from './kit/decoder';
import type { GgufConfig, GgufSource } from './kit/ggufMetadata';
import { dividedHeadWidth, ggufHeadWidth } from './kit/ggufKeys';
import { FOUR_NORMS, llamaNames } from './kit/tensorNames';
import { fourNorms, headNorm, rmsNormPlusOne } from './kit/parts';
import { rotary } from './kit/rotary';
import { localBase } from './kit/ggufBlocks';

/**
 * Bidirectional variants see half the window on either side: Gemma 3's with anything that is true, Gemma 4's with "all" alone
 * (transformers 5.18, `__post_init__` of Gemma3TextConfig and Gemma4TextConfig).
 */
export function gemmaWindow(
  reader: ConfigReader,
  isBidirectional: (value: JsonValue) => boolean,
): Sourced<number> | null {
  const window = slidingWindow(reader);
  const said = reader.value('use_bidirectional_attention');
  if (!window || said === undefined || !isBidirectional(said)) return window;
  const value = Math.floor(window.value / 2) + 1;
  return { value, source: { ...window.source, rule: `${window.value} ÷ 2 + 1 (use_bidirectional_attention)` } };
}

/** One full layer after every five sliding ones; a shorter last group has none. */
const gemma3Layers: LayersFacet['read'] = (reader) => {
  const period = reader.computed(['sliding_window_pattern', '_sliding_window_pattern'])?.value ?? 6;
  return {
    layers: decoderLayers(reader, {
      window: (inner) => gemmaWindow(inner, truthOf),
      kindAt: (index) => ((index + 1) % period === 0 ? 'full' : 'sliding'),
    }),
  };
};

export const layers = (): readonly LayersFacet[] => [
  {
    // Plain heads of their own width.
    id: 'gemma',
    modelTypes: ['gemma'],
    cite: 'transformers 5.18 models/gemma/configuration_gemma.py: head_dim = 256 and 16 KV heads where absent',
    read: plainDecoder,
  },
  {
    // Even layers slide, odd ones see everything.
    id: 'gemma2',
    modelTypes: ['gemma2', 'vaultgemma'],
    cite: 'transformers 5.18 models/gemma2/configuration_gemma2.py: sliding where (i + 1) % 2',
    llamacpp: { windows: true },
    refusesRemainder: 'class',
    read: (reader) => ({
      layers: decoderLayers(reader, {
        window: slidingWindow,
        kindAt: (index) => (index % 2 === 0 ? 'sliding' : 'full'),
      }),
    }),
  },
  {
    id: 'gemma3',
    modelTypes: ['gemma3_text'],
    cite: 'transformers 5.18 models/gemma3/configuration_gemma3.py: full where (i + 1) % sliding_window_pattern == 0, 6 where absent',
    llamacpp: { windows: true },
    refusesRemainder: 'class',
    read: gemma3Layers,
  },
];

/** Token embeddings × √hidden size. */
export function scaledEmbedding({ hiddenSize }: BlockInput): NonNullable<BlockModel['embedding']> {
  return { multiplier: Math.sqrt(hiddenSize) };
}

export function noteBidirectional({ config, cannotRun }: BlockInput): void {
  if ((config.get('use_bidirectional_attention') ?? false) !== false) cannotRun('bidirectional attention');
}

export const blocks = (): readonly BlocksFacet[] => [
  {
    modelTypes: ['gemma'],
    build: (input) => {
      const { config } = input;
      noteBidirectional(input);
      return llamaBlocks(input, {
        norm: rmsNormPlusOne(config.need('rms_norm_eps')),
        attention: () => biases(config.on('attention_bias')),
        // The first files say `gelu` and mean its approximation by tanh.
        feedForward: () => gatedMlp(input, config.text('hidden_act') === 'gelu' ? { activation: 'gelu-tanh' } : {}),
        embedding: scaledEmbedding(input),
      });
    },
  },
  { modelTypes: ['gemma2'], build: (input) => gemma2Blocks(input, fourNorms) },
  { modelTypes: ['vaultgemma'], build: (input) => gemma2Blocks(input, preNorms) },
  {
    modelTypes: ['gemma3_text', 'gemma3'],
    build: (input) => {
      const { config } = input;
      noteBidirectional(input);
      const norm = rmsNormPlusOne(config.need('rms_norm_eps'));
      const head = headNorm(norm);
      return llamaBlocks(input, {
        norm,
        norms: fourNorms(norm),
        rotary: (_, attention) => gemma3Rotary(input, attention),
        // The class has attn_logit_softcapping, but no implementation reads it: there are norms on q and k instead.
        attention: () => ({
          ...scoreChanges(config),
          queryNorm: head,
          keyNorm: head,
        }),
        feedForward: () => gatedMlp(input, { activationKey: 'hidden_activation' }),
        embedding: scaledEmbedding(input),
        output: { softcap: config.numberOr('final_logit_softcapping', null) },
      });
    },
  },
];

function scoreChanges(config: ConfigReader): Partial<AttentionLayerSpec> {
  return { ...biases(config.on('attention_bias')), scale: config.need('query_pre_attn_scalar') ** -0.5 };
}

function gemma2Blocks(input: BlockInput, norms: typeof fourNorms): BlockModel {
  const { config } = input;
  noteBidirectional(input);
  const norm = rmsNormPlusOne(config.need('rms_norm_eps'));
  return llamaBlocks(input, {
    norm,
    norms: norms(norm),
    attention: () => ({ ...scoreChanges(config), softcap: config.numberOr('attn_logit_softcapping', null) }),
    feedForward: () => gatedMlp(input, { activationKey: 'hidden_activation' }),
    embedding: scaledEmbedding(input),
    output: { softcap: config.numberOr('final_logit_softcapping', null) },
  });
}

/** Local layers have their own RoPE base; older files scale the RoPE of global layers only. */
function gemma3Rotary(input: BlockInput, attention: RunnableAttention): RotarySpec | null {
  const { config } = input;
  const dim = headDims(attention).keyDim;
  const local = attention.kind === 'sliding';
  const nested = config.objectOf('rope_parameters')?.['full_attention'] !== undefined;
  const options = { dim, layout: 'half' as const, layerType: local ? 'sliding_attention' : 'full_attention' };
  if (nested)
    return rotary(input, {
      ...options,
      theta: config.defaultTheta(local ? 'local' : 'global'),
      thetaKey: local ? 'rope_local_base_freq' : 'rope_theta',
    });
  if (!local) return rotary(input, { ...options, theta: config.defaultTheta('global') });
  const theta = config.numberOr('rope_local_base_freq', config.defaultTheta('local'));
  return { theta, dim, layout: 'half', scaling: null };
}

export const names = (): readonly NamesFacet[] => [
  { modelTypes: ['gemma'] },
  {
    modelTypes: ['gemma2', 'vaultgemma', 'gemma3_text', 'gemma3'],
    of: llamaNames({ sources: FOUR_NORMS }),
  },
];

/** llama.cpp knows the largest models by their number of layers: they scale by hidden size per head, the others by head width. */
function adaptQueryScale(config: GgufConfig, source: GgufSource, largest: number): void {
  const isLargest = source.number('block_count') === largest;
  const scale = isLargest ? dividedHeadWidth(source) : ggufHeadWidth(source);
  if (scale !== undefined) config['query_pre_attn_scalar'] = scale;
}

export const gguf = (): readonly GgufFacet[] => [
  { architecture: 'gemma', modelType: 'gemma', rope: 'half' },
  {
    architecture: 'gemma2',
    modelType: 'gemma2',
    rope: 'half',
    adapt: (config, source) => adaptQueryScale(config, source, 46),
    block: localBase,
  },
  {
    architecture: 'gemma3',
    modelType: 'gemma3_text',
    alsoOf: ['gemma3'],
    rope: 'half',
    adapt: (config, source) => {
      adaptQueryScale(config, source, 62);
      const count = source.number('block_count');
      // Without a window all layers are full, whatever the class has (models/gemma3.cpp).
      if ((source.number('attention.sliding_window') ?? 0) === 0 && count !== undefined && count <= MAX_LAYERS)
        config['layer_types'] = Array.from({ length: count }, () => 'full_attention');
    },
  },
];
