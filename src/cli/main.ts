/** The command line: the core without an editor. Contract: one JSON object on stdout with --json; problems on stderr. */

import { runCli } from './run';

void runCli(process.argv.slice(2), {
  out: (text) => process.stdout.write(`${text}\n`),
  err: (text) => process.stderr.write(`${text}\n`),
}).then((code) => {
  process.exitCode = code;
});
