/** `mcp`: the commands as tools of assistants, over standard input and output. */

import { version } from '../../package.json';
import { parseArguments } from './arguments';
import { UsageError } from './errors';
import type { CliOutput } from './output';

/** Runs a command of the command line: injected, for it is what dispatches to this one. */
export type RunCommand = (args: readonly string[], output: CliOutput) => Promise<number>;

export async function serveTools(args: readonly string[], run: RunCommand): Promise<number> {
  const { paths, values } = parseArguments(args, { hub: { type: 'boolean' } });
  if (paths.length > 0) throw new UsageError('mcp takes no PATH: each call of a tool gives its own');
  // Loaded here alone: no other command pays for it. Its own file beside this bundle.
  const { serveMcp } = await import('./mcpServer.js');
  await serveMcp({
    version,
    hub: values['hub'] === true,
    run: async (command) => {
      // The protocol has it.
      if (command.includes('-')) return { code: 1, out: '', err: '-: standard input cannot be read here\n' };
      let [out, err] = ['', ''];
      const code = await run(command, {
        out: (text) => (out += `${text}\n`),
        err: (text) => (err += `${text}\n`),
      });
      return { code, out, err };
    },
  });
  return 0;
}
