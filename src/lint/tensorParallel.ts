/** Tensor parallelism: ranks take whole heads. What does not divide cannot start; what is too few is copied. */

import type { AttentionSpec, HeadedAttention } from '../model/attention';
import type { LayerSpec, Source } from '../model/spec';
import { type LayerOf, type LintContext, plural } from './context';

export function lintTensorParallel(context: LintContext): void {
  const { tp } = context.options;
  if (tp === undefined) lintLimit(context);
  else if (Number.isSafeInteger(tp) && tp > 1) {
    for (const layer of context.distinct) {
      lintQueryHeads(context, layer, tp);
      lintState(context, layer, tp);
      lintCopies(context, layer, tp);
    }
    for (const layer of context.headed) lintKvHeads(context, layer, tp);
  }
}

/** vLLM and SGLang refuse query heads that the ranks do not divide. */
function lintQueryHeads(context: LintContext, { attention, spec }: LayerOf<AttentionSpec>, tp: number): void {
  if (!('queryHeads' in attention) || attention.queryHeads % tp === 0) return;
  const message = `${plural(attention.queryHeads, 'query head')} cannot be split over ${tp} devices by tensor parallelism: ${attention.queryHeads} ÷ ${tp} leaves ${attention.queryHeads % tp}.`;
  context.reportAt(spec.sources['queryHeads'], 'tp-heads', 'error', message);
}

/** vLLM: KV heads are divided, or copied when the ranks are a multiple of them; anything else is refused. */
function lintKvHeads(context: LintContext, { attention, spec }: LayerOf<HeadedAttention>, tp: number): void {
  const { kvHeads } = attention;
  const source = headSource(spec);
  if (tp <= kvHeads ? kvHeads % tp !== 0 : tp % kvHeads !== 0) {
    const message = `${plural(kvHeads, 'KV head')} and ${tp} tensor-parallel devices do not divide each other: the heads can be neither split nor replicated evenly.`;
    context.reportAt(source, 'tp-kv-heads', 'error', message);
  } else if (tp > kvHeads) {
    const message = `${plural(kvHeads, 'KV head')} for ${tp} tensor-parallel devices: each is stored ${tp / kvHeads} times, so the cache of all devices together is ${tp / kvHeads} × as large.`;
    context.reportAt(source, 'tp-replicates', 'information', message);
  }
}

/** Mamba-2, delta-net and linear mixers split their state by heads, and assert that it divides. */
function lintState(context: LintContext, { attention, spec }: LayerOf<AttentionSpec>, tp: number): void {
  const states = [
    spec.parallelState,
    attention.kind === 'recurrent' || attention.kind === 'conv' ? attention.state : undefined,
  ];
  for (const state of states) {
    if (!state || state.heads === null || state.heads % tp === 0) continue;
    context.reportAt(
      spec.sources['state'],
      'tp-state-heads',
      'error',
      `${plural(state.heads, 'state head')} cannot be split over ${tp} devices by tensor parallelism.`,
    );
  }
}

/** A latent has no heads to split: every rank keeps all of it. */
function lintCopies(context: LintContext, { attention, spec }: LayerOf<AttentionSpec>, tp: number): void {
  if (attention.kind !== 'latent' && attention.kind !== 'compressed') return;
  const source = spec.sources['latentDim'] ?? spec.sources['keyDim'] ?? spec.sources['queryHeads'];
  const message = `One vector serves all heads, so each of the ${tp} tensor-parallel devices keeps the whole cache: ${tp} × as many bytes in total (data-parallel attention avoids this).`;
  context.reportAt(source, 'tp-replicates', 'information', message);
}

const COMMON_TP = [2, 4, 8];

/** Without a size asked for: which of the common ones copy KV heads or cannot be, where not all are fine. */
function lintLimit(context: LintContext): void {
  // Heads that do not even form groups have a problem of their own (heads.ts).
  const layers = context.headed.filter(
    ({ spec, attention }) => !spec.assumed && attention.queryHeads % attention.kvHeads === 0,
  );
  const refused = COMMON_TP.filter((tp) => layers.some(({ attention }) => fate(attention, tp) === 'refused'));
  const copied = COMMON_TP.filter(
    (tp) => !refused.includes(tp) && layers.some(({ attention }) => fate(attention, tp) === 'copied'),
  );
  const whole = COMMON_TP.filter((tp) => !refused.includes(tp) && !copied.includes(tp));
  const worst = refused.at(0) ?? copied.at(0);
  const told = layers.find(({ attention }) => worst !== undefined && fate(attention, worst) !== 'split');
  if (!told) return;
  const { queryHeads, kvHeads } = told.attention;
  const heads =
    queryHeads === kvHeads
      ? plural(queryHeads, 'head')
      : `${plural(queryHeads, 'query head')} and ${plural(kvHeads, 'KV head')}`;
  const parts = [
    ...(whole.length > 0 ? [`over ${listed(whole)} devices each KV head is stored once`] : []),
    ...(copied.length > 0 ? [`over ${listed(copied)} devices heads are replicated`] : []),
    ...(refused.length > 0 ? [`over ${listed(refused)} devices the heads cannot be split evenly`] : []),
  ];
  const message = `${heads}. With tensor parallelism ${parts.join(', ')}.`;
  context.reportAt(headSource(told.spec), 'tp-limit', 'information', message);
}

function listed(sizes: readonly number[]): string {
  return sizes.length < 2 ? sizes.join('') : `${sizes.slice(0, -1).join(', ')} or ${sizes.at(-1) ?? ''}`;
}

/** What happens to heads on so many ranks. */
function fate({ queryHeads, kvHeads }: HeadedAttention, tp: number): 'split' | 'copied' | 'refused' {
  if (queryHeads % tp !== 0) return 'refused';
  if (kvHeads % tp === 0) return 'split';
  return tp > kvHeads && tp % kvHeads === 0 ? 'copied' : 'refused';
}

/** The key of the KV heads, or of the query heads where no key gives them. */
function headSource({ sources }: LayerSpec): Source | undefined {
  const source = sources['kvHeads'];
  return source?.key == null ? (sources['queryHeads'] ?? source) : source;
}
