/** The command line: the core without an editor. Contract: one JSON object on stdout with --json; problems on stderr. */

import { reason } from './errors';
import { runCli } from './run';

/** What was asked for could not be written: whoever reads has seen enough (`| head`), or the disk is full. */
function onFailure(error: NodeJS.ErrnoException): never {
  if (error.code === 'EPIPE') process.exit(0);
  process.stderr.write(`the output ${reason(error, 'written')}\n`);
  process.exit(1);
}

process.stdout.on('error', onFailure);
// Nobody is left to be told: what there is to say goes to stdout, and the exit code stays.
process.stderr.on('error', () => undefined);

/** Colours where the terminal has them and nobody said NO_COLOR: Node knows both. */
const screen = process.stdout.isTTY
  ? { columns: process.stdout.columns > 0 ? process.stdout.columns : null, colours: process.stdout.hasColors() }
  : null;

void runCli(process.argv.slice(2), {
  ...(screen && { screen }),
  out: (text) => process.stdout.write(`${text}\n`),
  err: (text) => process.stderr.write(`${text}\n`),
}).then((code) => {
  process.exitCode = code;
});
