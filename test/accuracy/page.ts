/** docs/accuracy.md: what our numbers were held against, how many there were, and how far off. */

/** One comparison, as its test describes it. */
export interface Comparison {
  readonly id: string;
  /** Under which heading of the page. */
  readonly part: Part;
  /** What is compared: "Bytes of the cache". */
  readonly what: string;
  /** With what: a release, a date, and how it was found: executed, printed, published, worked out from code. */
  readonly against: string;
  /** What a case is: "model". */
  readonly unit: string;
  /** How a difference is stated. */
  readonly off: 'bytes' | 'relative' | 'none';
  /** What differs, and why. */
  readonly differences?: readonly string[];
}

/** What its run counted. */
export interface Outcome {
  readonly cases: number;
  readonly compared: number;
  readonly equal: number;
  /** Of which Headlight says that it does not know, instead of a number. */
  readonly declined: number;
  /** The largest difference, stated as the comparison says; null where none was measured. */
  readonly worst: number | null;
}

const PARTS = {
  lists: 'Which models are read',
  model: 'What the model itself caches',
  engine: 'What engines reserve',
  forward: 'What attention computes',
  text: 'How text becomes tokens',
  count: 'How many parameters',
  fit: 'What fits',
} as const;

export type Part = keyof typeof PARTS;

/** 0.0000031 → "under 0.00001": the next power of ten, since the last digits depend on the processor. */
function bound(value: number): string {
  if (value === 0) return 'none';
  return `under ${(10 ** (Math.floor(Math.log10(value)) + 1)).toPrecision(1)}`;
}

function farthest({ off, worst }: Comparison & Outcome): string {
  if (off === 'none' || worst === null) return '';
  if (off === 'bytes') return worst === 0 ? '0 B' : `${worst.toLocaleString('en-US')} B`;
  return bound(worst);
}

const whole = (count: number): string => count.toLocaleString('en-US');

const bullets = (texts: readonly string[]): string[] =>
  texts.length === 0 ? [] : ['', ...texts.map((text) => `- ${text}`)];

/** The page, from what was recorded. */
export function accuracyPage(recorded: readonly (Comparison & Outcome)[]): string {
  const parts = (Object.keys(PARTS) as Part[]).map((part) => ({
    part,
    rows: recorded.filter((row) => row.part === part),
  }));
  const sum = (of: 'compared' | 'equal' | 'declined'): number => recorded.reduce((all, row) => all + row[of], 0);
  return [
    '# How exact Headlight is',
    '',
    `${whole(sum('compared'))} numbers were held against sources that nobody here wrote. ${whole(sum('equal'))} are right; of ${whole(sum('declined'))} Headlight says that it does not`,
    `know them; ${whole(sum('compared') - sum('equal') - sum('declined'))} differ, and it is said why.`,
    '',
    'The tests that compare them write this page (`npm run accuracy:page`), and `.ci/run` fails when a count on it is no longer true. "Executed"',
    "means that the other program's own code ran, and its output is the number.",
    ...parts
      .filter(({ rows }) => rows.length > 0)
      .flatMap(({ part, rows }) => [
        '',
        `## ${PARTS[part]}`,
        '',
        '| compared | with | cases | numbers | right | not known, and said | differ | farthest off |',
        '|---|---|---|---|---|---|---|---|',
        ...rows.map(
          (row) =>
            `| ${row.what} | ${row.against} | ${whole(row.cases)} ${row.unit}${row.cases === 1 ? '' : 's'} | ${whole(row.compared)} | ${whole(row.equal)} | ${whole(row.declined)} | ${whole(row.compared - row.equal - row.declined)} | ${farthest(row)} |`,
        ),
        ...bullets(rows.flatMap((row) => row.differences ?? [])),
      ]),
    '',
  ].join('\n');
}
