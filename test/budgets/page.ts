/** docs/budgets.md, from the register and what was measured last. */

import { BUDGETS, limitOf } from './register';

export interface Measured {
  /** A date, and how busy the machine was. */
  readonly when: string;
  readonly machine: string;
  readonly figures: Readonly<Record<string, number>>;
}

export function budgetsPage({ when, machine, figures }: Measured, root: string): string {
  const rows = Object.entries(BUDGETS).map(([id, budget]) => {
    const value = figures[id];
    const shown = value === undefined ? '–' : `${rounded(value)} ${budget.unit}`;
    return `| ${budget.what} | ${shown} | ${rounded(limitOf(budget, root))} ${budget.unit} | ${budget.how} | \`${budget.test}\` |`;
  });
  return `# Budgets

What Headlight may take of a machine, and of the time of whoever waits. Each is a test that fails above its limit; the limit stands in that file,
and this page is written from it (\`npm run generate\`). Values are from the last \`npm run budgets:page\`: ${when}, ${machine}. A dash: that run does
not measure it.

| what | value | limit | measured | where it fails |
|---|--:|--:|---|---|
${rows.join('\n')}

Times are limits of the product and not of one machine: where they are of the clock, tests allow for what else runs there. What attention itself takes
is in [performance.md](performance.md).
`;
}

function rounded(value: number): string {
  return value >= 100 ? String(Math.round(value)) : String(Math.round(value * 10) / 10);
}
