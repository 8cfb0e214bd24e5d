/** The cache of one workload under every engine's rule, as a document. */

import { planCache } from '../cache/plan';
import type { Scenario } from '../model/scenario';
import type { ModelSpec } from '../model/spec';
import { formatBytes } from '../model/units';
import { explanation } from './explainText';
import { documentOf, heading, type Markdown, md, table } from './markdown';
import { eachDeviceText, inAllBytes, ratioText, scopedText, sizeInAllText } from './sizeText';
import { contextText, designText, engineText, workloadText } from './words';

/** `rules`: the same workload under each engine, with the release and the options that it has. */
export function cacheAtMarkdown(
  name: string,
  spec: ModelSpec,
  scenario: Scenario,
  rules: readonly Scenario[],
): Markdown {
  const needed = inAllBytes(planCache(spec, { ...scenario, engine: 'intrinsic', options: {} }), 'neededBytes');
  const plan = planCache(spec, scenario);
  const plans = rules.map((each) => planCache(spec, each));
  const devices = Math.max(...plans.map(({ everywhere }) => everywhere.devices));
  const rows = plans.map((each) => [
    engineText(each.scenario),
    each.kvDtype,
    sizeInAllText(each, 'neededBytes', formatBytes),
    sizeInAllText(each, 'steadyBytes', formatBytes),
    sizeInAllText(each, 'reservedBytes', formatBytes),
    ...(devices > 1 ? [eachDeviceText(each, 'reservedBytes')] : []),
    ratioText(needed, inAllBytes(each)),
    each.exact ? '' : each.known ? 'not exact' : 'not known',
  ]);
  return documentOf([
    heading(1, md`${name} at ${workloadText(scenario)}`),
    md`${designText(plan.spec)}`,
    md`**${scopedText(plan, 'totalBytes', formatBytes)}** at ${contextText(plan)}`,
    table(
      [
        'rule',
        'cached as',
        'needed',
        'occupied',
        'reserved',
        ...(devices > 1 ? ['reserved per device'] : []),
        'vs. theoretical minimum',
        '',
      ],
      rows,
      ['left', 'left', 'right', 'right', 'right', ...(devices > 1 ? (['right'] as const) : []), 'right', 'left'],
    ),
    heading(2, 'Where it comes from'),
    explanation(plan, null, 3),
  ]);
}
