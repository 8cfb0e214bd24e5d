/** `named`: heads that do a known thing, over the whole model, with what they were measured by. */

import { scoreHeads } from '../compute/lens/headScores';
import { UNWATCHED } from '../compute/heads/watch';
import { type Edge, HEAD_NAMES, type HeadName, NAMES } from '../insight/lens/headScores';
import { json, lines, type TerminalText } from '../present/terminal';
import type { NamedHead, NamedHeads } from '../shared/lensContract';
import { parseArguments } from './arguments';
import { numbersOf } from './dumpJson';
import { UsageError } from './errors';
import { checkSequenceOptions, type LookedAt, SEQUENCE_OPTIONS, sequenceOf, withPass } from './lensInput';
import type { CliOutput } from './output';

export async function named(args: readonly string[], output: CliOutput): Promise<number> {
  const { paths, values } = parseArguments(args, {
    ...SEQUENCE_OPTIONS,
    all: { type: 'boolean' },
    json: { type: 'boolean' },
  });
  const [path] = paths;
  if (path === undefined || paths.length !== 1) throw new UsageError('named takes one model folder or GGUF file');
  checkSequenceOptions(values);
  return withPass(path, output, async (model, pass) => {
    const looked = await sequenceOf(model, values);
    const found = await scoreHeads(model, pass, looked.ids, UNWATCHED);
    output.out(
      values['json'] === true ? reportJson(looked, found) : reportText(path, looked, found, values['all'] === true),
    );
    return 0;
  });
}

function reportJson({ ids, pieces, repeated }: LookedAt, { layers }: NamedHeads): TerminalText {
  return json({
    tokens: ids,
    text: pieces,
    repeated: repeated === null ? null : { copies: repeated.copies, length: repeated.length },
    names: Object.fromEntries(HEAD_NAMES.map((name) => [name, NAMES[name]])),
    layers: layers.map(({ layer, heads, copySuppression }) => ({
      layer,
      copySuppressionNotMeasured: copySuppression,
      heads: heads.map(({ head, group, scores, names, evidence }) => ({
        head,
        group,
        scores: Object.fromEntries(HEAD_NAMES.map((name) => [name, numbersOf(scores[name])])),
        names,
        evidence,
      })),
    })),
  });
}

function reportText(
  path: string,
  { ids, pieces, repeated }: LookedAt,
  { layers }: NamedHeads,
  all: boolean,
): TerminalText {
  const heads = layers.flatMap(({ layer, heads: list }) => list.map((head) => ({ layer, ...head })));
  const what = repeated === null ? `${ids.length} tokens` : `a random sequence of ${repeated.length} tokens, twice`;
  const missing = [
    ...new Set(layers.flatMap(({ copySuppression }) => (copySuppression === null ? [] : [copySuppression]))),
  ];
  return lines([
    `${path}, ${what}`,
    ...HEAD_NAMES.flatMap((name) => listOf(name, heads, pieces)),
    ...missing.map((why) => `copy suppression was not measured in some layers: ${why}`),
    ...(all ? tableOf(heads) : []),
  ]);
}

type Placed = NamedHead & { readonly layer: number };

function listOf(name: HeadName, heads: readonly Placed[], pieces: readonly string[]): readonly string[] {
  const { label, measures, threshold, source } = NAMES[name];
  const found = heads
    .filter(({ names }) => names.includes(name))
    .toSorted((a, b) => scoreOf(b, name) - scoreOf(a, name));
  const measured = heads.filter(({ scores }) => scores[name] !== null);
  const best = measured.toSorted((a, b) => scoreOf(b, name) - scoreOf(a, name))[0];
  const none =
    best === undefined
      ? 'not measured: no query of this prompt can show it'
      : `none; the highest is layer ${best.layer} head ${best.head} with ${scoreOf(best, name).toFixed(3)}`;
  return [
    `${label}s, from ${threshold}: ${measures} (${source})`,
    ...(found.length === 0 ? [`  ${none}`] : []),
    ...found.map(
      ({ layer, head, scores, evidence }) =>
        `  layer ${layer} head ${head}  ${scoreOf({ scores }, name).toFixed(3)}  ${evidence[name].map((edge) => edgeText(name, edge, pieces)).join(', ')}`,
    ),
  ];
}

/** For sorting and printing heads of which it is known. */
function scoreOf({ scores }: Pick<NamedHead, 'scores'>, name: HeadName): number {
  const { [name]: score } = scores;
  return score ?? 0;
}

function edgeText(name: HeadName, { query, key, weight }: Edge, pieces: readonly string[]): string {
  const said = (at: number): string => `${at} ${JSON.stringify(pieces[at] ?? '')}`;
  return name === 'copySuppression' ? `lowers ${said(key)}` : `${said(query)} → ${said(key)} ${weight.toFixed(2)}`;
}

function tableOf(heads: readonly Placed[]): readonly string[] {
  const cell = (value: number | null): string => (value === null ? '–' : value.toFixed(4)).padStart(17);
  return [
    `${'head'.padStart(7)}${HEAD_NAMES.map((name) => name.padStart(17)).join('')}`,
    ...heads.map(
      ({ layer, head, scores }) =>
        `${`${layer}.${head}`.padStart(7)}${HEAD_NAMES.map((name) => cell(scores[name])).join('')}`,
    ),
  ];
}
