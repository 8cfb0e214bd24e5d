/** Config lint: what cannot run, what is probably wrong, and what is worth knowing. Pure and silent on what it cannot judge. */

import type { Problem, Severity } from '../model/spec';
import { lintByteOrderMark } from './byteOrderMark';
import { lintCacheFormat } from './cacheFormat';
import { LintContext, type LintOptions } from './context';
import { lintContextLength } from './contextLength';
import { lintContradictions } from './contradictions';
import { lintDuplicates } from './duplicates';
import { lintHeadDim } from './headDim';
import { lintHeads } from './headCounts';
import { lintLayerIndexes } from './layerIndexes';
import { lintLayerLists } from './layerLists';
import { lintMla } from './mla';
import { lintPattern } from './pattern';
import { lintRopeScaling } from './ropeScaling';
import { lintRotary } from './rotary';
import { lintSharing } from './sharing';
import { lintTensorParallel } from './tensorParallel';
import { lintUnknownKeys } from './unknownKeys';
import { lintValues } from './values';
import { lintWindow } from './window';
import type { Reading } from '../reading/read';

const RULES: readonly ((context: LintContext) => void)[] = [
  lintByteOrderMark,
  lintHeads,
  lintHeadDim,
  lintMla,
  lintTensorParallel,
  lintWindow,
  lintPattern,
  lintLayerLists,
  lintLayerIndexes,
  lintSharing,
  lintRotary,
  lintRopeScaling,
  lintContextLength,
  lintContradictions,
  lintValues,
  lintDuplicates,
  lintUnknownKeys,
  lintCacheFormat,
];

/** Everything found in a config, what the reading already knew included; in the order of the file. */
export function lintReading(reading: Reading, options: LintOptions = {}): Problem[] {
  const context = new LintContext(reading, options);
  for (const rule of RULES) rule(context);
  const problems = unique(withoutSuperseded(reading.problems, context.problems));
  return ordered(reading.spec.family === null ? problems.map(softened) : problems);
}

/** What the reading finds amiss when it tries the common key names. */
const GUESSED: readonly string[] = ['missing-value', 'wrong-value'];

/** A family that is not known may run all the same, and may not need the numbers it lacks: its errors become warnings. */
function softened(problem: Problem): Problem {
  if (problem.severity !== 'error') return problem;
  return { ...problem, severity: GUESSED.includes(problem.rule) ? 'information' : 'warning' };
}

/** A rule that says more precisely, or with a fix, what the reading says in general. */
const SUPERSEDES: Readonly<Record<string, string>> = {
  'number-as-string': 'wrong-value',
  'mla-incomplete': 'missing-value',
};

function withoutSuperseded(read: readonly Problem[], found: readonly Problem[]): readonly Problem[] {
  const better = new Set(
    found.flatMap(({ rule, key }) =>
      Object.hasOwn(SUPERSEDES, rule) ? [`${SUPERSEDES[rule] ?? ''}\n${key ?? ''}`] : [],
    ),
  );
  return [...read.filter(({ rule, key }) => !better.has(`${rule}\n${key ?? ''}`)), ...found];
}

/** One problem per rule and key: the first, which is the reading's where both found it. Lengths are one matter under any name. */
function unique(problems: readonly Problem[]): Problem[] {
  const seen = new Set<string>();
  return problems.filter(({ rule, key, range }) => {
    const matter = rule.endsWith('-length') && !rule.startsWith('longrope') ? 'length' : rule;
    const id = rule === 'duplicate-key' ? `${rule}\n${range?.offset ?? 0}` : `${matter}\n${key ?? ''}`;
    if (seen.has(id)) return false;
    seen.add(id);
    return true;
  });
}

const RANK: Readonly<Record<Severity, number>> = { error: 0, warning: 1, information: 2 };

function ordered(problems: Problem[]): Problem[] {
  return problems.sort(
    (a, b) => (a.range?.offset ?? 0) - (b.range?.offset ?? 0) || RANK[a.severity] - RANK[b.severity],
  );
}
