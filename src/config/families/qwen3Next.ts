import type { Family } from '../family';
import { headLayout } from '../heads';
import { decoderLayers, fullDraft } from '../layers';
import { gatedDeltaNetState, recurrentDraft } from '../states';

/** Qwen3-Next, 3.5 and later: gated delta nets, and full attention in every `full_attention_interval`-th layer. */
export const qwen3Next: Family = {
  id: 'qwen3-next',
  modelTypes: ['qwen3_next', 'qwen3_5_text', 'qwen3_5_moe_text', 'qwen4_exp_text'],
  cite: 'transformers 5.18 models/qwen3_next/configuration_qwen3_next.py: full where (i + 1) % full_attention_interval == 0, 4 where absent',
  read: (reader, modelType) => {
    const interval = reader.integer(['full_attention_interval'])?.value ?? 4;
    const indexed = modelType === 'qwen4_exp_text';
    if (indexed) reader.consult(['ple_layer_ids', 'ple_conv_kernel_size', 'ple_embed_dim', 'ngram_size']);
    if (indexed && reader.list(['ple_layer_ids'])?.value.length) {
      reader.log.note(
        'ple_layer_ids: the n-gram states of these layers are not counted',
        true,
        reader.pathOf('ple_layer_ids'),
      );
    }
    const attention = (): ReturnType<typeof fullDraft> | null => {
      const heads = headLayout(reader);
      const dim = indexed ? reader.integer(['indexer_head_dim']) : null;
      reader.consult(['indexer_n_heads', 'indexer_kv_heads', 'indexer_budget', 'indexer_compress_ratio']);
      if (!heads || !dim) return heads && fullDraft(heads);
      const indexer = {
        headDim: dim.value,
        heads: reader.integer(['indexer_n_heads'])?.value ?? null,
        topK: reader.integer(['indexer_budget'])?.value ?? null,
        owned: true,
      };
      return {
        attention: { kind: 'full', ...heads.layout, indexer },
        sources: { ...heads.sources, indexDim: dim.source },
      };
    };
    return {
      layers: decoderLayers(reader, {
        kindAt: (index) => ((index + 1) % interval === 0 ? 'full' : 'linear'),
        patternKey: 'full_attention_interval',
        makers: { full: attention, indexed: attention, linear: () => recurrentDraft(gatedDeltaNetState(reader)) },
      }),
    };
  },
};
