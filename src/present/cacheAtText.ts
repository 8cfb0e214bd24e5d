/** The cache of one workload under every engine's rule, as a document. */

import { planCache } from '../cache/plan';
import type { Scenario } from '../model/scenario';
import type { ModelSpec } from '../model/spec';
import { formatBytes } from '../model/units';
import { explanation } from './explainText';
import { documentOf, heading, type Markdown, md, table } from './markdown';
import { ratioText, sizeText } from './sizeText';
import { contextText, designText, engineText, workloadText } from './words';

/** `rules`: the same workload under each engine, with the release and the options that it has. */
export function cacheAtMarkdown(
  name: string,
  spec: ModelSpec,
  scenario: Scenario,
  rules: readonly Scenario[],
): Markdown {
  const needed = planCache(spec, { ...scenario, engine: 'intrinsic', options: {} }).neededBytes;
  const plan = planCache(spec, scenario);
  const rows = rules
    .map((each) => planCache(spec, each))
    .map((each) => [
      engineText(each.scenario),
      each.kvDtype,
      sizeText(each, 'neededBytes', formatBytes),
      sizeText(each, 'steadyBytes', formatBytes),
      sizeText(each, 'reservedBytes', formatBytes),
      ratioText(needed, each.steadyBytes),
      each.exact ? '' : each.known ? 'not exact' : 'not known',
    ]);
  return documentOf([
    heading(1, md`${name} at ${workloadText(scenario)}`),
    md`${designText(plan.spec)}`,
    md`**${sizeText(plan, 'totalBytes', formatBytes)}** at ${contextText(plan)}`,
    // biome-ignore format: names fill their lines
    table(['rule', 'cached as', 'needed', 'occupied', 'reserved', 'against intrinsic', ''], rows, [
      'left', 'left', 'right', 'right', 'right', 'right', 'left',
    ]),
    heading(2, 'Where it comes from'),
    explanation(plan, null, 3),
  ]);
}
