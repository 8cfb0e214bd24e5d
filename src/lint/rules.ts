/** The rules by id: one table, so that an id cannot be misspelt, the editor can offer "ignore this rule" and docs/lint.md can be checked. */

/** Rule -> what it finds, in one line. The ids are stable: settings and comments name them. */
export const LINT_RULES = {
  // Of the file.
  'byte-order-mark': 'The file begins with a byte order mark, which loaders refuse.',
  // Found while the config is read.
  'wrong-value': 'A count is not a whole number in its range.',
  'missing-value': 'A number that the attention cannot be read without is absent.',
  'layer-types-length': 'layer_types has more or fewer entries than there are layers.',
  'unknown-dtype': 'torch_dtype or dtype names no element type that is known here.',
  // Heads.
  'heads-not-divisible': 'The query heads are not a multiple of the KV heads.',
  'kv-heads-exceed-heads': 'There are more KV heads than query heads.',
  'kv-heads-ignored': 'A KV-head count that does not count (MLA, multi-query).',
  'hidden-not-divisible': 'The hidden size is not a multiple of the heads, and no head_dim mends it.',
  'head-dim-unset': 'head_dim is null or 0, which means "not given".',
  'head-dim-differs': 'head_dim is not hidden size ÷ heads.',
  'head-dim-ignored': 'A head_dim that does not count (MLA).',
  'mla-incomplete': 'kv_lora_rank without qk_rope_head_dim.',
  'mla-widths-disagree': 'qk_head_dim is not qk_nope_head_dim + qk_rope_head_dim.',
  // Tensor parallelism.
  'tp-heads': 'Tensor parallelism does not divide the query heads.',
  'tp-kv-heads': 'Tensor parallelism neither divides the KV heads nor is a multiple of them.',
  'tp-state-heads': 'Tensor parallelism does not divide the heads of a recurrent state.',
  'tp-replicates': 'More ranks than KV heads: each rank keeps a copy.',
  'tp-limit': 'The largest of TP 2, 4 and 8 that keeps every KV head once.',
  // Windows and patterns of layers.
  'window-off': 'sliding_window is set and use_sliding_window is false.',
  'window-unused': 'sliding_window is set and no layer slides.',
  'window-missing': 'Layers slide and no sliding_window is given.',
  'window-never-binds': 'The window is not smaller than the context.',
  'pattern-disagrees': 'Two keys give different patterns of layers.',
  'layer-list-length': 'A list with one entry per layer has another length.',
  'layer-index-out-of-range': 'A list of layers names one that does not exist, or counts from the wrong number.',
  'layer-indexes-overlap': 'A layer is in two lists that exclude each other, or twice in one.',
  'attn-layer-offset': 'attn_layer_offset is not smaller than attn_layer_period.',
  'kv-sharing-range': 'num_kv_shared_layers leaves no layer, or no layer of a kind, to share with.',
  'cla-incomplete': 'use_cla without a cla_share_factor of at least 2.',
  'cla-off': 'cla_share_factor is set and use_cla is not.',
  // Rotary positions and context.
  'rotary-factor-range': 'A rotary factor outside 0 to 1.',
  'rotary-dim-too-large': 'More dimensions are rotated than a head has.',
  'rotary-dim-odd': 'An odd number of dimensions is rotated: they turn in pairs.',
  'rotary-dim-disagrees': 'rotary_dim is not the rotary factor × head_dim.',
  'mrope-sections': 'The sections of a multimodal RoPE do not fill the rotated dimensions.',
  'rope-type-unknown': 'A rope_type that no engine is known to have.',
  'rope-type-disagrees': 'type and rope_type differ.',
  'rope-type-missing': 'A RoPE factor without a type: nothing is scaled.',
  'rope-field-missing': 'A field that the rope_type needs is absent or no number.',
  'rope-factor-range': 'A RoPE factor below 1, or its bounds in the wrong order.',
  'rope-given-twice': 'rope_scaling and rope_parameters contradict each other.',
  'longrope-length': 'short_factor or long_factor has not half as many entries as dimensions are rotated.',
  'context-beyond-trained': 'The context is longer than the trained length and its scaling reach.',
  'context-below-scaled': 'The context is shorter than the scaling reaches.',
  'context-lengths-differ': 'Two keys give different context lengths.',
  // Spelling, nesting, formats.
  'unknown-key': 'Nothing reads a key, and one that is read and absent has nearly its name.',
  'spellings-disagree': 'Two spellings of one key have different values.',
  'nested-disagrees': 'The root and the language model’s own object have different values.',
  'dtype-disagrees': 'Two dtype keys name different element types.',
  'duplicate-key': 'A key stands twice in one object; the last one counts.',
  'number-as-string': 'A number is written as text.',
  'kv-scheme-unknown': 'A KV-cache format that is not known here.',
  'cache-block': 'The head width is not a multiple of the cache format’s block.',
} as const satisfies Readonly<Record<string, string>>;

export type RuleId = keyof typeof LINT_RULES;
