/** What conversions lose, as rows for the command line and as a Markdown document. */

import type { Conversion } from '../insight/conversion/convert';
import { targetLabel } from '../insight/conversion/target';
import { formatInteger, formatRatio } from '../model/units';
import type { ConversionResult, ConvertResult, RefusedConversion } from '../shared/headsContract';
import { documentOf, heading, list, type Markdown, md, sentenceText, table } from './markdown';

export const CONVERSION_COLUMNS = [
  'to',
  'method',
  'cached per token',
  'cache',
  'pattern distance',
  'output error',
] as const;

/** What the last two columns are. */
export const CONVERSION_LEGEND =
  'pattern distance: mean Jensen–Shannon distance of the heads’ patterns (0 = the same, 1 = disjoint); output error: relative, after the output projection (1 = as bad as outputting zero)';

export function isMeasured(result: ConversionResult): result is Conversion {
  return !('refused' in result);
}

/** Cells of one row, in the order of the columns. */
export function conversionCells({
  target,
  method,
  cachedBefore,
  cachedPerToken,
  patternJsDistance,
  outputRelativeError,
  fitsAnything,
}: Conversion): readonly string[] {
  const losses = fitsAnything ? ['n/a', 'n/a'] : [loss(patternJsDistance), loss(outputRelativeError)];
  return [
    targetLabel(target),
    method,
    formatInteger(cachedPerToken),
    formatRatio(cachedBefore, cachedPerToken),
    ...losses,
  ];
}

/** Four digits where there is something to see; rounding as what it is. */
function loss(value: number | null): string {
  if (value === null) return 'no output';
  return value === 0 ? '0' : value < 1e-6 ? value.toExponential(1) : value.toFixed(4);
}

/** Sentences about the rows: how far weights are from their mean, what must be known of methods, what was refused. */
export function conversionNotes(results: readonly ConversionResult[]): readonly string[] {
  const found = results.filter(isMeasured);
  const pooled = found.flatMap(({ target, method, pooling }) =>
    pooling === null || pooling.unrelated === 0 || method !== 'mean-pool'
      ? []
      : [
          `${targetLabel(target)}: W_K differs from its mean by ${pooling.key.toFixed(3)}, W_V by ${pooling.value.toFixed(3)}; for unrelated heads it would be ${pooling.unrelated.toFixed(3)}`,
        ],
  );
  const bySentence = new Map<string, Set<string>>();
  for (const { method, notes } of found)
    for (const note of notes) bySentence.set(note, (bySentence.get(note) ?? new Set()).add(method));
  const refused = results
    .filter((result): result is RefusedConversion => !isMeasured(result))
    .map(({ target, method, refused: why }) => `${targetLabel(target)}, ${method}: ${why}`);
  return [...pooled, ...[...bySentence].map(([note, methods]) => `${[...methods].join(', ')}: ${note}`), ...refused];
}

/** Words of many kinds, so that heads have something to look for: names that come again, lists, a question about what was said. */
export const CONVERSION_PROMPT =
  'Maria keeps three gardens behind the old mill: one for roses, one for beans, and one that nobody has named. In spring the roses need ' +
  'water twice a day; the beans need none. When the rain came late that year, Maria counted what was left: nine roses, forty beans, and in ' +
  'the third garden a single pear tree, which had borne fruit in every year but two. “Which garden needs water twice a day?” asked the ' +
  'boy from the mill. Maria pointed at the roses.';

/** @param model Its name; may come from a file. */
export function conversionMarkdown(
  model: string,
  { layer, tokens, conversions, attention, seeded, ms }: ConvertResult,
): Markdown {
  const weights =
    seeded === null
      ? 'Weights: those beside the config.'
      : `Weights: random (seed ${seeded.seed}), because no weights were found next to the config.`;
  const found = conversions
    .filter(isMeasured)
    .toSorted(
      (a, b) =>
        b.cachedPerToken - a.cachedPerToken ||
        Number(a.fitsAnything) - Number(b.fitsAnything) ||
        (a.outputRelativeError ?? 0) - (b.outputRelativeError ?? 0),
    );
  const heads =
    attention.kind === 'latent'
      ? ''
      : `${attention.queryHeads} query heads on ${attention.kvHeads} KV heads, ${formatInteger(attention.kvHeads * (attention.keyDim + attention.valueDim))} values cached per token. `;
  const best = found.find(({ fitsAnything }) => !fitsAnything);
  const worst = best?.heads.toSorted((a, b) => b.patternJsDistance - a.patternJsDistance)[0];
  return documentOf([
    heading(1, md`What layer ${layer} of ${model} loses with another design`),
    md`${sentenceText(heads)}Measured on ${formatInteger(tokens)} tokens in float64, without any training, in ${(ms / 1000).toFixed(1)} s. ${sentenceText(weights)}`,
    ...(seeded === null ? [] : [md`Random heads have nothing in common, so this says nothing about trained ones.`]),
    table(CONVERSION_COLUMNS, found.map(conversionCells), ['left', 'left', 'right', 'right', 'right', 'right']),
    ...(worst && best
      ? [
          md`Most affected: the pattern of head ${worst.head} in group ${worst.group} (${targetLabel(best.target)}, ${best.method}), distance ${loss(worst.patternJsDistance)}.`,
        ]
      : []),
    list(conversionNotes(conversions).map(sentenceText)),
    sentenceText(CONVERSION_LEGEND),
  ]);
}
