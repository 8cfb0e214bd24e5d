/** What may not grow: each budget with the test that fails above it. Its number stands in that test, once; here is where. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Budget {
  /** What is measured. */
  readonly what: string;
  readonly unit: 'KB' | 'MB' | 'ms' | 'min' | '×';
  /** The file that fails above it. */
  readonly test: string;
  /** Where the limit stands in that file: its number is the first group. */
  readonly limit: RegExp;
  /** What the number there is divided by, to be in the unit. */
  readonly per?: number;
  readonly how: string;
}

const constant = (name: string): RegExp => new RegExp(`^(?:export )?const ${name} = ([\\d_]+);$`, 'm');

const PAGE = 'test/unit/webview/budget.test.ts';
const HOST_LIMITS = 'test/unit/editor/support/hostBudgets.ts';
const PANEL = 'test/e2e/panel.e2e.ts';
const PACKAGE = 'test/unit/tools/package.test.ts';

const GZIP = 'files as they are published, each gzipped';
const PROBE = 'processor time in a process of its own, code loading included, a median of five';

export const BUDGETS: Readonly<Record<string, Budget>> = {
  panelFirst: {
    what: 'the panel, first view',
    unit: 'KB',
    test: PAGE,
    limit: constant('FIRST_VIEW'),
    per: 1000,
    how: GZIP,
  },
  panelAll: {
    what: 'the panel, all views',
    unit: 'KB',
    test: PAGE,
    limit: constant('ALL_VIEWS'),
    per: 1000,
    how: GZIP,
  },
  weightsFirst: {
    what: 'the page of a weight file, first view',
    unit: 'KB',
    test: PAGE,
    limit: constant('WEIGHTS_FIRST'),
    per: 1000,
    how: GZIP,
  },
  weightsAll: {
    what: 'the page of a weight file, with a tensor',
    unit: 'KB',
    test: PAGE,
    limit: constant('WEIGHTS_ALL'),
    per: 1000,
    how: GZIP,
  },
  bundleHost: {
    what: 'the code of the extension host that activation loads',
    unit: 'KB',
    test: PACKAGE,
    limit: /'bundleHost', (\d+)\]/,
    how: 'the file as it is published, gzipped',
  },
  bundleWeb: {
    what: 'the extension in a browser',
    unit: 'KB',
    test: PACKAGE,
    limit: /'bundleWeb', (\d+)\]/,
    how: 'the same',
  },
  packageLinux: {
    what: 'the package for linux-x64',
    unit: 'MB',
    test: PACKAGE,
    limit: /\['linux-x64', (\d+)\]/,
    how: 'all its files, each gzipped, as a package compresses them',
  },
  packageUniversal: {
    what: 'the package for every platform',
    unit: 'MB',
    test: PACKAGE,
    limit: /\['universal', (\d+)\]/,
    how: 'the same',
  },
  activation: {
    what: 'activation',
    unit: 'ms',
    test: HOST_LIMITS,
    limit: constant('ACTIVATION_MS'),
    how: `${PROBE}; inside VS Code by test/integration/activation.test.ts`,
  },
  firstHover: {
    what: 'activation and the first hover, on 200 lines',
    unit: 'ms',
    test: HOST_LIMITS,
    limit: constant('FIRST_HOVER_MS'),
    how: 'the same',
  },
  nextHover: {
    what: 'a hover after it',
    unit: 'ms',
    test: HOST_LIMITS,
    limit: constant('NEXT_HOVER_MS'),
    how: 'the same',
  },
  changedHover: {
    what: 'a hover after a keystroke',
    unit: 'ms',
    test: HOST_LIMITS,
    limit: constant('NEXT_HOVER_MS'),
    how: 'the same; the config is read anew',
  },
  cliStart: {
    what: 'a command on a small config, as so many times an empty Node',
    unit: '×',
    test: PACKAGE,
    limit: /< 22 \? ([\d.]+) :/,
    how: 'processor time, a median of eleven pairs, on Node 20',
  },
  panelOpen: {
    what: 'the panel opens',
    unit: 'ms',
    test: PANEL,
    limit: constant('OPEN_MS'),
    how: 'from the command to the first numbers in a real VS Code, warm, best of three; or 2.5 times what an empty page takes there, if that is more',
  },
  keystroke: {
    what: 'a keystroke reaches the panel',
    unit: 'ms',
    test: PANEL,
    limit: constant('FOLLOW_MS'),
    how: 'from its arrival in the page to the frame with the new numbers, a median; times the processes that wait for each core',
  },
  provider: {
    what: 'any answer to the editor, for texts of up to 16 MB',
    unit: 'ms',
    test: 'test/robust/watch.ts',
    limit: /LIMIT_MS = (\d+);/,
    how: 'processor time of the slowest, over damaged inputs of every kind',
  },
  tests: {
    what: 'the whole test run',
    unit: 'min',
    test: '.github/workflows/ci.yml',
    limit: /timeout-minutes: (\d+)/,
    how: 'the job ends, and has failed',
  },
};

/** The limit of a budget, in its unit, from the file that has it. */
export function limitOf({ test, limit, per = 1 }: Budget, root: string): number {
  const found = limit.exec(readFileSync(join(root, test), 'utf8'))?.[1];
  if (found === undefined) throw new Error(`${test} has no limit ${String(limit)}`);
  return Number(found.replaceAll('_', '')) / per;
}
