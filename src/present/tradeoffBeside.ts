/** What stands beside a sweep: how a method is had, models that were trained as what a method makes, and what others published. */

import type { Anchor } from '../insight/tradeoff/anchors';
import { type Application, applicationOf } from '../insight/tradeoff/apply';
import { type LayerMethod, MethodError, parseMethod } from '../insight/tradeoff/method';
import { NARROW_NOTE } from '../insight/tradeoff/narrowLatent';
import { isRefused, type MethodResult, type Sweep, type SweptMethod } from '../insight/tradeoff/result';

/** Null for what is no single method: one layer alone, a method for each layer, what was refused. */
export function applicationIn(one: SweptMethod): Application | null {
  if (isRefused(one)) return null;
  let method: LayerMethod;
  try {
    method = parseMethod(one.method);
  } catch (error) {
    if (error instanceof MethodError) return null;
    throw error;
  }
  return one.notes.includes(NARROW_NOTE)
    ? { launch: [], config: null, exported: false, none: NARROW_NOTE }
    : applicationOf(method);
}

/** How each method is had. */
export function applicationRows({ methods }: Sweep): readonly string[] {
  const rows = methods.flatMap((one) => {
    const how = applicationIn(one);
    return how === null ? [] : [`${one.method}: ${applicationText(how)}`];
  });
  return rows.length === 0 ? [] : ['', 'How each is had:', ...rows];
}

function applicationText({ launch, config, exported, none }: Application): string {
  if (none !== null) return none;
  const options = launch.map(({ engine, option }) => `${engine} ${option}`).join(', ');
  const keys =
    config === null
      ? ''
      : Object.entries(config)
          .map(([key, value]) => `${key} ${value}`)
          .join(', ');
  const weights = exported
    ? `the weights that --export writes${keys === '' ? '' : `, with ${keys} in their config`}`
    : '';
  return [weights, options].filter((part) => part !== '').join('; ') || 'as it is';
}

/** Trained models of the same kind on the same text: what training gives back. */
export function siblingRows({ siblings = [] }: Sweep): readonly string[] {
  const found = siblings.filter((one): one is MethodResult => !isRefused(one));
  if (siblings.length === 0) return [];
  return [
    '',
    'Trained as what they are, on the same text: what training gives back',
    ...found.map(
      ({ method, bytesPerToken, damage }) =>
        `${method}: ${Math.round(bytesPerToken)} bytes of cache per token, perplexity ${damage.perplexityAfter.toPrecision(4)} (this model ${damage.perplexityBefore.toPrecision(4)}), mean KL from this model ${damage.klMean.toPrecision(3)}`,
    ),
    ...siblings.flatMap((one) => (isRefused(one) ? [`${one.method}: ${one.refused}`] : [])),
  ];
}

/** What an anchor says, piece by piece. */
export function anchorParts({ method, model, cacheShare, measure, training, source }: Anchor): readonly string[] {
  return [
    `${method}, ${model}: `,
    cacheShare === null ? 'cache not known, ' : `${(100 * cacheShare).toFixed(1)} % of the cache, `,
    measure.kind === 'kl'
      ? `mean KL ${measure.klMean}, `
      : `${measure.of} ${measure.after} (unchanged ${measure.before}), `,
    training === null ? 'without training ' : `after training (${training}) `,
    `[${source}]`,
  ];
}

export function anchorRows(anchors: readonly Anchor[]): readonly string[] {
  return ['', 'Published, on other models and texts:', ...anchors.map((anchor) => anchorParts(anchor).join(''))];
}
