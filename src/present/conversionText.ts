/** What conversions lose, as rows for the command line and as a Markdown document. */

import type { Conversion } from '../insight/conversion/convert';
import { targetLabel } from '../insight/conversion/target';
import { formatInteger, formatRatio } from '../model/units';
import type { ConversionResult, ConvertResult, RefusedConversion } from '../shared/headsContract';
import { documentOf, figure, heading, list, type Markdown, md, sentenceText, table } from './markdown';
import type { Sibling } from './siblings';
import type { Svg } from './svg';
import { type Measured, tradeoffPicture } from './tradeoffPicture';

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

/** Losses below it are rounding. */
const ROUNDING = 1e-6;

/** Four digits where there is something to see; rounding as what it is. */
function loss(value: number | null): string {
  if (value === null) return 'no output';
  return value === 0 ? '0' : value < ROUNDING ? value.toExponential(1) : value.toFixed(4);
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

/**
 * Words of many kinds, so that heads have something to look for: names that come again, lists that are repeated, questions about what was
 * said. Each is a token of the sample models.
 */
export const CONVERSION_PROMPT =
  'There was a girl named Maria. She had a red ball. Ben was a happy boy. He lived near the river with his green kite. Maria went to the ' +
  'park with her ball. Ben gave his kite to Maria. Maria gave the kite back to Ben. What did Ben have? A green kite. The American flag is ' +
  'red, white, and blue. The French flag is blue, white, and red. The night is dark. The next day is bright. Count the birds: one, two, ' +
  'three, four. Again: one, two, three, four. There are four birds. List: bell coat seven garden blue. Again: bell coat seven garden blue.';

export interface ConversionSubject {
  /** Of what was measured; may come from a file. */
  readonly model: string;
  /** The config that was asked about, where a sample stands in for it; may come from a file. */
  readonly insteadOf: string | null;
  readonly siblings: readonly Sibling[];
}

/** The picture of the page; null where nothing was measured that it could show. */
export function conversionPicture(siblings: readonly Sibling[], { layer, conversions }: ConvertResult): Svg | null {
  const measured = conversions
    .filter(isMeasured)
    .filter((one): one is Measured => one.outputRelativeError !== null && !one.fitsAnything);
  return tradeoffPicture(layer, siblings, measured);
}

/** @param picture Null for Markdown that is read as text. */
export function conversionMarkdown(
  { model, insteadOf, siblings }: ConversionSubject,
  { layer, tokens, conversions, attention, seeded, ms }: ConvertResult,
  picture: Svg | null,
): Markdown {
  const weights =
    seeded !== null
      ? `Weights: random, from the seed ${seeded.seed}, because none were found next to the config.`
      : insteadOf === null
        ? 'Weights: those next to the config.'
        : `Weights: those of the ${model}, because none were found next to ${insteadOf}. They say what trained heads lose, not what those of ${insteadOf} would.`;
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
  const best = found.find(({ fitsAnything, patternJsDistance }) => !fitsAnything && patternJsDistance > ROUNDING);
  const worst = best?.heads.toSorted((a, b) => b.patternJsDistance - a.patternJsDistance)[0];
  return documentOf([
    heading(1, md`What layer ${layer} of ${model} loses with another design`),
    md`${sentenceText(heads)}Measured on ${formatInteger(tokens)} tokens in float64, without any training, in ${(ms / 1000).toFixed(1)} s. ${sentenceText(weights)}`,
    ...(seeded === null ? [] : [md`Random heads have nothing in common, so this says nothing about trained ones.`]),
    ...(picture === null ? [] : [figure(picture)]),
    table(CONVERSION_COLUMNS, found.map(conversionCells), ['left', 'left', 'right', 'right', 'right', 'right']),
    ...(worst && best
      ? [
          md`Most affected: the pattern of head ${worst.head} in group ${worst.group} (${targetLabel(best.target)}, ${best.method}), distance ${loss(worst.patternJsDistance)}.`,
        ]
      : []),
    list(conversionNotes(conversions).map(sentenceText)),
    sentenceText(CONVERSION_LEGEND),
    ...siblingParts(siblings),
  ]);
}

/** What designs lose that were trained as what they are. */
function siblingParts(siblings: readonly Sibling[]): readonly Markdown[] {
  if (siblings.length === 0) return [];
  const whole = Math.max(...siblings.map(({ cachedPerToken }) => cachedPerToken));
  return [
    heading(2, 'Trained with this attention'),
    md`Headlight’s sample models: the same text, steps and optimiser, about the same number of parameters, one run each. Nats per token on text that they were not trained on.`,
    table(
      ['design', 'cached per token and layer', 'cache', 'held-out loss'],
      siblings.map(({ design, cachedPerToken, heldOutLoss }) => [
        design,
        formatInteger(cachedPerToken),
        formatRatio(whole, cachedPerToken),
        heldOutLoss.toFixed(4),
      ]),
      ['left', 'right', 'right', 'right'],
    ),
  ];
}
