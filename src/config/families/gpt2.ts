import type { Family } from '../family';
import { layerCount, missing } from '../heads';
import { decoderLayers, draftsOf, decoderMakers, withSources } from '../layers';
import type { ConfigReader } from '../reader';

const WITH_KV_HEADS: readonly string[] = ['telechat'];

/** Multi-head attention with learned or rotary positions; one K and V per head, no KV-head key. */
export const gpt2: Family = {
  id: 'gpt2',
  modelTypes: [
    'gpt2',
    'gpt-sw3',
    'gptj',
    'codegen',
    'gpt_neox',
    'gpt_neox_japanese',
    'opt',
    'bloom',
    'biogpt',
    'xglm',
    'openai-gpt',
    'jais',
    'ctrl',
    'imagegpt',
    'decision_transformer',
    'telechat',
    'kosmos_2_text_model',
    'kosmos_2_5_text_model',
    'clvp_decoder',
    'git',
    'idefics',
    'blip_text_decoder',
  ],
  cite: 'transformers 5.18 models/gpt2/modeling_gpt2.py, gpt_neox, opt, bloom',
  read: (reader, modelType) => ({
    layers: decoderLayers(reader, {
      layerTypes: false,
      layerKeys: ['num_hidden_layers', 'n_layer', 'n_layers', 'num_layers', 'layers', 'decoder_layers'],
      headDimKeys: [],
      hiddenKeys: ['hidden_size', 'n_embd', 'n_embed', 'd_model', 'embed_dim', 'decoder_hidden_size'],
      headKeys: ['num_attention_heads', 'n_head', 'num_heads', 'attention_heads', 'decoder_attention_heads'],
      kvKeys: WITH_KV_HEADS.includes(modelType) ? ['num_key_value_heads'] : [],
    }),
  }),
};

/** `multi_query` (true where absent) means one K and V head for all query heads. */
export const gptBigCode: Family = {
  id: 'gpt_bigcode',
  modelTypes: ['gpt_bigcode'],
  cite: 'transformers 5.18 models/gpt_bigcode/configuration_gpt_bigcode.py',
  read: (reader) => {
    // transformers 5 writes num_key_value_heads into the file, and does not read it.
    reader.consult(['num_key_value_heads']);
    const single = reader.flag(['multi_query'], true);
    return {
      layers: decoderLayers(reader, {
        layerTypes: false,
        headDimKeys: [],
        kvKeys: [],
        ...(single ? { kvHeads: { value: 1, rule: 'multi_query: one K and V head', key: 'multi_query' } } : {}),
      }),
    };
  },
};

/** `attention_types: [[["global", "local"], 12]]`: the words of each entry, as often as it says. */
function expandedTypes(reader: ConfigReader, count: number): readonly string[] | null {
  const list = reader.list(['attention_layers']);
  if (list) return list.value.filter((word) => typeof word === 'string');
  const types = reader.list(['attention_types']);
  // The class has global and local layers in turn, 24 in all.
  if (!types)
    return count % 2 === 0 && !reader.has('attention_types')
      ? Array.from({ length: count }, (_, index) => (index % 2 === 0 ? 'global' : 'local'))
      : null;
  const words: string[] = [];
  for (const entry of types.value) {
    const [pattern, times] = Array.isArray(entry) ? (entry as readonly unknown[]) : [];
    if (!Array.isArray(pattern) || typeof times !== 'number' || times < 1 || times * pattern.length > 4096) return null;
    for (let round = 0; round < times; round++)
      words.push(...pattern.filter((word): word is string => typeof word === 'string'));
    if (words.length > 4096) return null;
  }
  return words;
}

/** GPT-Neo: every second layer looks back `window_size` (256) tokens, its own included. transformers keeps all tokens there too. */
export const gptNeo: Family = {
  id: 'gpt_neo',
  modelTypes: ['gpt_neo'],
  cite: 'transformers 5.18 models/gpt_neo/modeling_gpt_neo.py GPTNeoSelfAttention: tril ^ tril(-window_size)',
  read: (reader) => {
    const count = layerCount(reader, ['num_layers', 'num_hidden_layers']);
    const words = count && expandedTypes(reader, count.value);
    reader.consult(['window_size', 'attention_types', 'attention_layers']);
    if (!count || words?.length !== count.value) {
      missing(reader, 'attention_types that fit the number of layers', 'attention_types');
      return { layers: [] };
    }
    const makers = decoderMakers(
      reader,
      {
        headDimKeys: [],
        kvKeys: [],
        headKeys: ['num_heads', 'num_attention_heads'],
        window: (from) => from.integer(['window_size']),
      },
      true,
    );
    return {
      layers: withSources(draftsOf(words, makers), { layers: count.source, kind: reader.source('attention_types') }),
    };
  },
};
