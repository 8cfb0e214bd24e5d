/** The rules by id: one table, so that an id cannot be misspelt, the editor can offer "ignore this rule" and docs/lint.md can be checked. */

/** Rule -> what it finds, in one line. The ids are stable: settings and comments name them. */
export const LINT_RULES = {
  // Of the file.
  'byte-order-mark': 'The file begins with a byte order mark, which loaders refuse.',
  // Found while the config is read.
  'wrong-value': 'A number is negative, a fraction, too large, or not a number at all.',
  'missing-value': 'A number that the attention needs is absent.',
  'layer-types-length': 'layer_types does not have one entry per layer.',
  'unknown-dtype': 'torch_dtype or dtype is not a known element type.',
  // Heads.
  'heads-not-divisible': 'The query heads are not a multiple of the KV heads.',
  'kv-heads-exceed-heads': 'There are more KV heads than query heads.',
  'kv-heads-ignored': 'The number of KV heads is not used by this kind of attention.',
  'hidden-not-divisible': 'The hidden size is not a multiple of the number of heads, and no head_dim is given.',
  'head-dim-unset': 'head_dim is null or 0, which means that it is not given.',
  'head-dim-differs': 'head_dim × heads is not the hidden size.',
  'head-dim-ignored': 'head_dim does not decide what MLA caches.',
  'mla-incomplete': 'kv_lora_rank is given without qk_rope_head_dim.',
  'mla-widths-disagree': 'qk_head_dim is not qk_nope_head_dim + qk_rope_head_dim.',
  // Tensor parallelism.
  'tp-heads': 'The chosen number of devices does not divide the query heads.',
  'tp-kv-heads': 'The KV heads can be neither split nor replicated evenly over the chosen number of devices.',
  'tp-state-heads': 'The chosen number of devices does not divide the heads of a recurrent state.',
  'tp-replicates': 'Each device stores a copy of KV heads that others store too.',
  'tp-limit': 'With some common tensor-parallel sizes, heads must be replicated or cannot be split.',
  // Windows and patterns of layers.
  'window-off': 'sliding_window is given but switched off.',
  'window-unused': 'sliding_window is given but no layer uses it.',
  'window-missing': 'Layers are sliding, but no window says how far they look.',
  'window-never-binds': 'The window is as long as the context or longer.',
  'pattern-disagrees': 'layer_types and another key describe different patterns of layers.',
  'layer-list-length': 'Another list that should have one entry per layer is too short or too long.',
  'layer-index-out-of-range': 'A list of layers names a layer that does not exist.',
  'layer-indexes-overlap': 'A layer is in two lists that exclude each other, or twice in one.',
  'attn-layer-offset': 'attn_layer_offset is not smaller than attn_layer_period.',
  'kv-sharing-range': 'num_kv_shared_layers leaves no layer, or none of the right kind, whose cache could be shared.',
  'cla-incomplete': 'use_cla is set without a cla_share_factor of at least 2.',
  'cla-off': 'cla_share_factor is given, but use_cla does not switch it on.',
  // Rotary positions and context.
  'rotary-factor-range': 'The rotary factor is not between 0 and 1.',
  'rotary-dim-too-large': 'More dimensions are rotated than a head has.',
  'rotary-dim-odd': 'An odd number of dimensions is rotated.',
  'rotary-dim-disagrees': 'rotary_dim is not the rotary factor × head_dim.',
  'mrope-sections': 'mrope_section does not add up to the rotated pairs of dimensions.',
  'rope-type-unknown': 'No engine is known to have this rope_type.',
  'rope-type-disagrees': 'type and rope_type differ.',
  'rope-type-missing': 'A RoPE factor is given without a type, so nothing is scaled.',
  'rope-field-missing': 'A field that this rope_type needs is absent or not a number.',
  'rope-factor-range': 'A RoPE factor is below 1, or its frequency bounds are in the wrong order.',
  'rope-given-twice': 'rope_scaling and rope_parameters contradict each other.',
  'longrope-length': 'short_factor or long_factor does not have one entry per rotated pair of dimensions.',
  'context-beyond-trained': 'The context is longer than the model was trained or scaled for.',
  'context-below-scaled': 'The scaling reaches further than max_position_embeddings.',
  'context-lengths-differ': 'Two keys give different context lengths.',
  // Spelling, nesting, formats.
  'unknown-key': 'Nothing reads this key, but a key with almost the same name is missing.',
  'spellings-disagree': 'Two names for the same number have different values.',
  'nested-disagrees': 'The root and the language model’s own object have different values.',
  'dtype-disagrees': 'torch_dtype and dtype name different element types.',
  'duplicate-key': 'A key appears twice in one object, and the last one is used.',
  'number-as-string': 'A number is written as a string.',
  'kv-scheme-unknown': 'The KV-cache format of the quantisation is not known.',
  'cache-block': 'The chosen cache format has blocks that do not divide a head.',
} as const satisfies Readonly<Record<string, string>>;

export type RuleId = keyof typeof LINT_RULES;
