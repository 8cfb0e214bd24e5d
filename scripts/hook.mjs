#!/usr/bin/env node
// What .pre-commit-hooks.yaml runs: `headlight lint --skip-others` on the files of a commit, by the command line of this checkout.
import { spawnSync } from 'node:child_process';
import { ownCli } from './ownCli.mjs';

const args = [ownCli(), 'lint', '--skip-others', ...process.argv.slice(2)];
process.exitCode = spawnSync(process.execPath, args, { stdio: 'inherit' }).status ?? 1;
