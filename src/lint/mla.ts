/** Multi-head latent attention: which widths it needs, and which keys of plain attention mean nothing beside it. */

import { HEAD_DIM_KEYS, KV_HEAD_KEYS } from '../config/spellings';
import { type LintContext, numberIn, plural, setKey } from './context';

export function lintMla(context: LintContext): void {
  lintIncomplete(context);
  const [first] = context.latent;
  if (!first) return;
  const { queryHeads, latentDim, ropeDim, nopeDim } = first.attention;
  const { own } = context;
  const cached = `MLA caches kv_lora_rank ${latentDim} + qk_rope_head_dim ${ropeDim} = ${plural(latentDim + ropeDim, 'element')} per token, for all heads together`;
  for (const key of KV_HEAD_KEYS) {
    const value = numberIn(own, key);
    if (value === null) continue;
    // Equal to the query heads it is the habit of these configs; another number looks like an attempt at GQA.
    if (value === queryHeads)
      context.report(own, 'kv-heads-ignored', 'information', key, `${key} (${value}) is ignored: ${cached}.`);
    else {
      const message = `${key} (${value}) is ignored: ${cached}; code that expands the latent expects ${queryHeads}.`;
      context.report(own, 'kv-heads-ignored', 'warning', key, message, setKey(own, key, queryHeads));
    }
  }
  if (context.headed.length === 0) {
    for (const key of HEAD_DIM_KEYS) {
      const value = numberIn(own, key);
      if (value !== null && value !== 0)
        context.report(
          own,
          'head-dim-ignored',
          'information',
          key,
          `${key} (${value}) does not decide what is cached: ${cached}.`,
        );
    }
  }
  if (ropeDim % 2 === 1) {
    context.report(
      own,
      'rotary-dim-odd',
      'error',
      'qk_rope_head_dim',
      `qk_rope_head_dim ${ropeDim} is odd, but rotary positions rotate pairs of dimensions.`,
    );
  }
  const whole = numberIn(own, 'qk_head_dim');
  if (whole !== null && nopeDim > 0 && whole !== nopeDim + ropeDim) {
    context.report(
      own,
      'mla-widths-disagree',
      'warning',
      'qk_head_dim',
      `qk_head_dim ${whole} is not qk_nope_head_dim ${nopeDim} + qk_rope_head_dim ${ropeDim} = ${nopeDim + ropeDim}.`,
      setKey(own, 'qk_head_dim', nopeDim + ropeDim),
    );
  }
}

function lintIncomplete(context: LintContext): void {
  const { own, reading } = context;
  const latent = numberIn(own, 'kv_lora_rank');
  if (latent === null || latent < 1 || own.hasValue('qk_rope_head_dim')) return;
  const fallback = own.has('qk_rope_head_dim') ? undefined : own.value('qk_rope_head_dim');
  if (typeof fallback === 'number') {
    if (context.latent.length === 0) return;
    const message = `kv_lora_rank ${latent} has no qk_rope_head_dim beside it: the class default ${fallback} is used.`;
    context.report(own, 'mla-incomplete', 'information', 'kv_lora_rank', message);
    return;
  }
  // A family that reads other keys is no MLA, whatever kv_lora_rank says.
  if (reading.spec.layers.length > 0 && context.latent.length === 0 && reading.spec.family !== null) return;
  const message = `kv_lora_rank ${latent} has no qk_rope_head_dim beside it: the width of the rotary key, cached together with the latent, is not known.`;
  context.report(own, 'mla-incomplete', 'error', 'kv_lora_rank', message);
}
