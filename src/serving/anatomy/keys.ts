/** Which keys of the config decided a part of a layer, where no factor of the cache says it: the norm, the widths, the experts. */

import type { ConfigReader } from '../../config/reader';
import { HIDDEN_KEYS } from '../../config/spellings';
import { EXPERT_ACTIVE_KEYS, EXPERT_COUNT_KEYS } from '../../families/counted/feedForward';

/** What a key may decide, with its spellings. Those that are in the file count. */
const SPELLINGS = {
  hidden: HIDDEN_KEYS,
  vocabulary: ['vocab_size', 'padded_vocab_size'],
  layers: ['num_hidden_layers', 'n_layer', 'n_layers', 'num_layers'],
  tied: ['tie_word_embeddings', 'tie_embeddings'],
  norm: [
    'rms_norm_eps',
    'layer_norm_eps',
    'layer_norm_epsilon',
    'norm_eps',
    'norm_epsilon',
    'layernorm_epsilon',
    'rms_norm_epsilon',
    'layernorm_eps',
  ],
  headNorm: ['use_qk_norm', 'qk_layernorm', 'qk_norm', 'normalize_qk_projections'],
  activation: [
    'hidden_act',
    'hidden_activation',
    'activation_function',
    'mlp_hidden_act',
    'mamba_hidden_act',
    'activation',
  ],
  rope: ['rope_theta', 'rope_parameters', 'rope_scaling', 'partial_rotary_factor', 'rotary_pct', 'rotary_emb_base'],
  bias: ['attention_bias', 'qkv_bias', 'add_qkv_bias', 'use_bias', 'bias'],
  softcap: ['attn_logit_softcapping', 'attn_logit_softcap'],
  logitCap: ['final_logit_softcapping'],
  experts: EXPERT_COUNT_KEYS,
  perToken: EXPERT_ACTIVE_KEYS,
  routerGroups: ['n_group', 'topk_group'],
  sharedExperts: ['n_shared_experts', 'num_shared_experts', 'moe_num_shared_experts'],
  residual: ['residual_multiplier', 'scale_depth'],
} as const satisfies Record<string, readonly string[]>;

export type KeyRole = keyof typeof SPELLINGS;

/** Keys that give the width of a feed-forward or of an expert. */
const WIDTHS = /(intermediate|ffn|ff)_(size|dim|hidden_size)s?$|^(n_inner|d_ff|hidden_dim|share_expert_dims?)$/;

/** Asks a config which of its keys said something. */
export class KeyFinder {
  constructor(private readonly reader: ConfigReader) {}

  /** Paths of the keys of a role that stand in the file. */
  of(role: KeyRole): readonly string[] {
    return SPELLINGS[role].filter((key) => this.reader.hasValue(key)).map((key) => this.reader.pathOf(key));
  }

  /** Paths of the keys that give a width: those with that value; where none has it, those of which it is a multiple. */
  ofWidth(width: number): readonly string[] {
    const keys = this.reader.keys().filter((key) => WIDTHS.test(key));
    const exactly = keys.filter((key) => [this.reader.own(key)].flat().includes(width));
    const found = exactly.length > 0 ? exactly : keys.filter((key) => dividesInto(this.reader.own(key), width));
    return found.map((key) => this.reader.pathOf(key));
  }
}

function dividesInto(value: unknown, width: number): boolean {
  return typeof value === 'number' && value > 1 && width % value === 0;
}
