/** The collection of linear attention (flash-linear-attention): a fixed state a layer, and full attention in the layers of `attn`. */

import type { ConfigReader } from '../config/reader';
import { HIDDEN_KEYS } from '../config/spellings';
import type { StateSpec } from '../model/attention';
import type { Source, Sourced } from '../model/spec';
import type { FamilyReading, LayerDraft, LayersFacet } from './facets';
import { fullDraft, slidingDraft, unknownDraft, withSources } from './kit/decoder';
import { layerCount, missing } from './kit/headLayout';

const BASE = { hidden_size: 2048, num_hidden_layers: 24, num_heads: 4, use_short_conv: false, conv_size: 4 };

export const layers = (): readonly LayersFacet[] => [
  {
    // A key × value matrix a head.
    id: 'fla',
    modelTypes: ['gla', 'retnet'],
    cite: 'fla-org/flash-linear-attention fla/models/{gla,retnet}/configuration_*.py; fla/layers/gla.py, multiscale_retention.py: repeated to all heads before the state',
    defaults: {
      gla: { ...BASE, expand_k: 0.5, expand_v: 1 },
      retnet: { ...BASE, num_heads: 8, expand_k: 1, expand_v: 2 },
    },
    read: (reader) => mixed(reader, (width) => matrix(reader, width, ['expand_k'], ['expand_v'])),
  },
  {
    // Slots that keep keys, and slots that keep values. The class spells its factors "exapnd".
    id: 'fla-slots',
    modelTypes: ['gsa', 'abc'],
    cite: 'fla-org/flash-linear-attention fla/models/{gsa,abc}/configuration_*.py; fla/layers/gsa.py, abc.py (num_slots, head_k_dim where null)',
    defaults: {
      gsa: { ...BASE, num_slots: 64, exapnd_k: 1, exapnd_v: 1 },
      abc: { ...BASE, num_slots: 64, exapnd_k: 0.5, exapnd_v: 1 },
    },
    read: (reader) => mixed(reader, (width) => slots(reader, width, ['exapnd_k'], ['exapnd_v'])),
  },
  {
    // Slots of which a token writes to some. Absent factors are 1; `num_slots: null` means as many as a key is wide.
    id: 'fla-slots',
    modelTypes: ['raven'],
    cite: 'fla-org/flash-linear-attention fla/models/raven/configuration_raven.py, fla/layers/raven.py: repeated to all heads before fused_recurrent_gsa, conv_state=None',
    defaults: {
      raven: { hidden_size: 2048, num_hidden_layers: 24, num_heads: 4, num_slots: 64, expand_k: 1, expand_v: 1 },
    },
    read: (reader) => mixed(reader, (width) => slots(reader, width, ['expand_k'], ['expand_v'])),
  },
  {
    // Only feature maps that keep a head's width are known.
    id: 'fla-linear',
    modelTypes: ['linear_attn'],
    cite: 'fla-org/flash-linear-attention fla/models/linear_attn/configuration_linear_attn.py, fla/layers/linear_attn.py (HadamardFeatureMap keeps the width)',
    defaults: {
      linear_attn: { ...BASE, expand_k: 1, expand_v: 1, feature_map: 'elementwise_product' },
    },
    read: (reader) => {
      const map = reader.string(['feature_map'])?.value ?? null;
      if (map !== null && !['elementwise_product', 'relu', 'elu', 'identity'].includes(map))
        reader.log.note(`feature_map ${map} may change the width of the state`, true, reader.pathOf('feature_map'));
      return mixed(reader, (width) => matrix(reader, width, ['expand_k'], ['expand_v']));
    },
  },
  {
    // A square matrix a head (`head_dim` decides, not `num_heads`; GGUF files say `head_size`), and the last input of both halves of a layer.
    id: 'rwkv7',
    modelTypes: ['rwkv7'],
    cite: 'fla-org/flash-linear-attention fla/models/rwkv7/configuration_rwkv7.py (value_dim of each layer), fla/layers/rwkv7.py; modeling_rwkv7.py conv_state and ffn_state',
    llamacpp: { keepsDraftStates: false },
    defaults: { rwkv7: { hidden_size: 2048, num_hidden_layers: 24, head_dim: 64 } },
    read: (reader) => {
      const values = reader.listOrOther(['value_dim']);
      if (values && values.value.some((value) => value !== values.value[0]))
        reader.log.note(
          'value_dim differs between layers: that of the first is counted',
          true,
          reader.pathOf('value_dim'),
        );
      const first = values?.value[0];
      const one = values
        ? typeof first === 'number'
          ? { value: first, source: values.source }
          : null
        : reader.integer(['value_dim']);
      return mixed(reader, (width) => rwkv7(reader, width, one ?? width));
    },
  },
];

/** Linear layers, and attention in those that `attn` names. */
function mixed(reader: ConfigReader, stateOf: (width: Sourced<number>) => LayerDraft | null): FamilyReading {
  // biome-ignore format: names fill their lines
  reader.consult([
    'num_kv_heads', 'num_heads', 'num_attention_heads', 'head_dim', 'feature_map', 'gate_fn', 'use_gk', 'use_gv', 'attn',
    'attn_mode', 'tie_feature_map_qk', 'norm_feature_map', 'expand_k', 'expand_v', 'exapnd_k', 'exapnd_v',
  ]);
  const count = layerCount(reader);
  const width = reader.integer(HIDDEN_KEYS);
  const linear = width && stateOf(width);
  if (!count || !width || !linear) {
    missing(reader, 'num_hidden_layers, hidden_size and the widths of the state', 'hidden_size');
    return { layers: [] };
  }
  const attn = reader.nested('attn');
  const listed = attn?.indexes(['layers']) ?? null;
  const full = attn ? (attention(attn, width) ?? unknownDraft('attn')) : linear;
  const drafts = Array.from({ length: count.value }, (_, index) => (listed?.value.includes(index) ? full : linear));
  return { layers: withSources(drafts, { layers: count.source, ...(listed ? { kind: listed.source } : {}) }) };
}

function attention(attn: ConfigReader, width: Sourced<number>): LayerDraft | null {
  const queryHeads = attn.integer(['num_heads']);
  if (!queryHeads || width.value % queryHeads.value !== 0) return null;
  const kvHeads = attn.integer(['num_kv_heads']) ?? queryHeads;
  const dim = width.value / queryHeads.value;
  const source = { ...width.source, rule: `hidden size ${width.value} ÷ ${queryHeads.value} heads` };
  const window = attn.integer(['window_size']);
  const heads = {
    layout: { queryHeads: queryHeads.value, kvHeads: kvHeads.value, keyDim: dim, valueDim: dim },
    sources: { queryHeads: queryHeads.source, kvHeads: kvHeads.source, keyDim: source, valueDim: source },
  };
  return window ? slidingDraft(heads, window) : fullDraft(heads);
}

/** Widths of keys and values over all heads. */
function expanded(
  reader: ConfigReader,
  width: Sourced<number>,
  keys: readonly string[],
  values: readonly string[],
): { readonly heads: Sourced<number>; readonly key: number; readonly value: number } | null {
  const heads = reader.integer(['num_heads']);
  const [key, value] = [reader.number(keys), reader.number(values)];
  if (!heads || !key || !value) return null;
  const [keyWidth, valueWidth] = [Math.trunc(width.value * key.value), Math.trunc(width.value * value.value)];
  const whole = keyWidth % heads.value === 0 && valueWidth % heads.value === 0;
  return whole ? { heads, key: keyWidth, value: valueWidth } : null;
}

function matrix(
  reader: ConfigReader,
  width: Sourced<number>,
  keys: readonly string[],
  values: readonly string[],
): LayerDraft | null {
  const found = expanded(reader, width, keys, values);
  if (!found) return null;
  const { heads, key, value } = found;
  const rule = `${heads.value} heads × ${key / heads.value} × ${value / heads.value}`;
  return draft(reader, heads, (key / heads.value) * value, rule, convolved(reader, found));
}

function slots(
  reader: ConfigReader,
  width: Sourced<number>,
  keys: readonly string[],
  values: readonly string[],
): LayerDraft | null {
  const found = expanded(reader, width, keys, values);
  if (!found) return null;
  const { heads, key, value } = found;
  const number = reader.integer(['num_slots'])?.value ?? key / heads.value;
  return draft(
    reader,
    heads,
    number * (key + value),
    `${number} slots × (${key} + ${value})`,
    convolved(reader, found),
  );
}

/** Channels of the short convolutions over q, k and v: k and v as wide as their own heads. */
function convolved(
  reader: ConfigReader,
  { heads, key, value }: { readonly heads: Sourced<number>; readonly key: number; readonly value: number },
): Sourced<number> | null {
  if (!reader.flag(['use_short_conv'], false)) return null;
  const own = reader.integer(['num_kv_heads'])?.value ?? heads.value;
  const groups = Math.floor(heads.value / own);
  return {
    value: key + Math.floor(key / groups) + Math.floor(value / groups),
    source: reader.source('use_short_conv'),
  };
}

/** Its kernels leave the state in float32; the convolutions keep their whole width. */
function draft(
  reader: ConfigReader,
  heads: Sourced<number>,
  elements: number,
  rule: string,
  channels: Sourced<number> | null,
): LayerDraft | null {
  const width = channels ? reader.integer(['conv_size']) : null;
  if (channels && !width) return null;
  const state: StateSpec = {
    flavour: 'linear',
    conv: channels && width ? { channels: channels.value, width: width.value, engineWidth: width.value } : null,
    recurrentElements: elements,
    recurrentDtype: 'float32',
    heads: heads.value,
  };
  const sources: Record<string, Source> = { recurrent: { ...heads.source, rule }, state: heads.source };
  if (channels) sources['conv'] = { ...channels.source, rule: `${channels.value} channels × kernel` };
  return { attention: { kind: 'recurrent', state }, sources };
}

function rwkv7(reader: ConfigReader, width: Sourced<number>, values: Sourced<number>): LayerDraft | null {
  const headDim =
    reader.own('head_dim') === null
      ? perHead(width, reader.integer(['num_heads']))
      : reader.integer(['head_dim', 'head_size']);
  if (!headDim || width.value % headDim.value !== 0) return null;
  const state: StateSpec = {
    flavour: 'rwkv',
    conv: { channels: width.value, width: 2, engineWidth: 2 },
    recurrentElements: headDim.value * values.value,
    recurrentDtype: 'float32',
    heads: width.value / headDim.value,
  };
  return {
    attention: { kind: 'recurrent', state },
    sources: {
      conv: { ...width.source, rule: `token shift of both halves: 2 × ${width.value}` },
      recurrent: { ...headDim.source, rule: `head width ${headDim.value} × ${values.value}` },
      state: width.source,
    },
  };
}

function perHead(width: Sourced<number>, heads: Sourced<number> | null): Sourced<number> | null {
  return heads && width.value % heads.value === 0
    ? { value: width.value / heads.value, source: { ...heads.source, rule: `${width.value} ÷ ${heads.value} heads` } }
    : null;
}
