// Makes test/unit/serving/parameters.json: tiny configs of transformers' model types and their number of parameters.
// usage: node scripts/distillParameters.mjs FOLDER
// FOLDER: one JSON for each case, { model_type, config, params, params_text }, as made by instantiating the class of
// transformers 5.18; `params_text` is the language model of a multimodal type.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = process.argv[2];
if (!folder) throw new Error('usage: node scripts/distillParameters.mjs FOLDER');

/** Keys that no number of parameters depends on. */
const IDLE =
  /token_id|token_index|dropout|_eps$|epsilon|(?<!qk_)rope|activation|act_fn|hidden_act|version|dtype|architectures|scaling_factor|_multiplier|initializer|norm_topk|^n_group$|chunk_size|time_step_(limit|floor|min|max|init)|^(use_cache|pretraining_tp|scoring_func|topk_method|is_encoder_decoder|max_length|num_beams|length_penalty|early_stopping|mup_enabled|logit_scale|final_logit_softcapping|attn_logit_softcapping|query_pre_attn_scalar|num_logits_to_keep|z_loss_coefficient|output_router_logits)$/;
/** Parts that are not the language model: their presence is all that counts. */
const TOWER =
  /^(vision|audio|vq|vit|projector|qformer|perceiver|protein_encoder|talker|token2wav|patcher|acoustic_tokenizer_encoder|semantic_tokenizer_encoder|semantic_model|diffusion_head|adaptor|encoder|dit|high_res_vision|depth_decoder)_config$/;

/** Differences that we keep, and why. */
const KEPT = {
  longcat_flash: 'transformers allocates parameters for experts that pass their input on; the checkpoint has none',
  chameleon: 'the count of transformers holds the image tokenizer',
  phi4_multimodal: 'the count of transformers holds the towers',
  'mvp--flip-use-prompt': 'prompts',
  'zamba--tie-flip': 'untying unties the shared block too',
  'zamba2--tie-flip': 'untying unties the shared block too',
  'helium--head-dim-24': 'the class cannot run it',
  'jetmoe--head-dim-undeclared': 'head_dim is not a key of the class',
  'olmoe--head-dim-undeclared': 'head_dim is not a key of the class',
  'persimmon--head-dim-undeclared': 'head_dim is not a key of the class',
  'stablelm--head-dim-undeclared': 'head_dim is not a key of the class',
  'recurrent_gemma--underscore-block-types': 'the key of the published files, which this class ignores',
  'recurrent_gemma--head-dim-24': 'head_dim is not a key of the class',
  'minimax--attn-type-list': 'the key of the published files, which this class ignores',
  'mpt--multiquery': 'the class ignores it',
  'xlstm--flip-use-bias': 'never used',
  'voxtral_realtime--head-dim-absent': 'never absent',
  'gpt_neo--defaults': 'a list that fits no number of layers',
};
const PARTIAL = /--(defaults|text-config-partial|kv-shared-2)$/;

const strip = (config) =>
  Object.fromEntries(
    Object.entries(config)
      .filter(([key]) => !IDLE.test(key))
      .map(([key, value]) => {
        if (value === null || typeof value !== 'object' || Array.isArray(value)) return [key, value];
        return [key, TOWER.test(key) ? {} : strip(value)];
      }),
  );

const types = {};
for (const file of readdirSync(folder)
  .filter((name) => name.endsWith('.json'))
  .sort()) {
  const name = file.slice(0, -5);
  const [type, note] = name.split('--');
  const text = readFileSync(join(folder, file), 'utf8')
    .replace(/-?\bInfinity\b/g, '1e9')
    .replace(/\bNaN\b/g, 'null');
  const { config, params, params_text: paramsText } = JSON.parse(text);
  const count = paramsText ?? params;
  if (!config || count == null || type in KEPT || name in KEPT || PARTIAL.test(name)) continue;
  (types[type] ??= []).push([note, strip(config), count]);
}

/** Path of changed keys, as [path, value] or, for a key that is gone, [path]. */
function changes(base, config, path = []) {
  return [...new Set([...Object.keys(base), ...Object.keys(config)])].flatMap((key) => {
    const [before, after] = [base[key], config[key]];
    if (JSON.stringify(before) === JSON.stringify(after)) return [];
    const at = [...path, key];
    if (!(key in config)) return [[at.join('/')]];
    const nested = [before, after].every(
      (value) => value !== null && typeof value === 'object' && !Array.isArray(value),
    );
    return nested ? changes(before, after, at) : [[at.join('/'), after]];
  });
}

const out = {};
for (const [type, cases] of Object.entries(types)) {
  const first = cases.find(([note]) => note === 'base') ?? cases[0];
  const seen = new Set();
  const rows = cases.map(([note, config, count]) => [note, changes(first[1], config), count]);
  // Cases that change neither a key nor the count say nothing new.
  out[type] = {
    base: first[1],
    cases: rows.filter(
      ([, delta, count]) =>
        !seen.has(`${JSON.stringify(delta)}${count}`) && seen.add(`${JSON.stringify(delta)}${count}`),
    ),
  };
}
const lines = Object.entries(out).map(([type, value]) => `${JSON.stringify(type)}: ${JSON.stringify(value)}`);
writeFileSync(
  fileURLToPath(new URL('../test/unit/serving/parameters.json', import.meta.url)),
  `{\n${lines.join(',\n')}\n}\n`,
);
console.log(`${lines.length} types, ${Object.values(out).reduce((sum, { cases }) => sum + cases.length, 0)} cases`);
