/** Dispatches a command; turns errors into messages and exit codes. */

import { version } from '../../package.json';
import { below, line } from '../present/terminal';
import { estimate } from './estimate';
import { HelpAsked, helpHint, InputError, UsageError } from './errors';
import type { CliOutput } from './output';
import type { OptionTable } from './optionTable';

type Command = (args: readonly string[], output: CliOutput) => Promise<number>;

/** What each command runs, loaded when it is asked for. Its words are in catalogue.ts. */
const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  bench: async () => (await import('./bench')).bench,
  compare: async () => (await import('./compare')).compare,
  completion: async () => {
    const { completion } = await import('./completion');
    return (args, output) => completion(args, optionTables, output);
  },
  convert: async () => (await import('./convert')).convert,
  diff: async () => (await import('./diff')).diff,
  diversity: async () => (await import('./diversity')).diversity,
  draw: async () => (await import('./draw')).draw,
  // In the core, with what most others need: the command that scripts call most.
  estimate: () => Promise.resolve(estimate),
  fit: async () => (await import('./fit')).fit,
  generate: async () => (await import('./generate')).generate,
  heads: async () => (await import('./heads')).heads,
  lens: async () => (await import('./lens')).lens,
  lint: async () => (await import('./lint')).lint,
  mcp: async () => {
    const { serveTools } = await import('./mcp');
    return (args) => serveTools(args, runCli);
  },
  models: async () => (await import('./models')).models,
  named: async () => (await import('./named')).named,
  tensors: async () => (await import('./tensors')).tensors,
  tradeoff: async () => (await import('./tradeoff')).tradeoff,
};

const HELP = ['--help', '-h'];

/** Exit code: 0 ok, 1 the input is wrong, 2 wrong usage, 3 `fit`: it does not fit. */
export async function runCli(args: readonly string[], output: CliOutput): Promise<number> {
  const [name, ...rest] = args[0] === 'help' && args.length > 1 ? [...args.slice(1, 2), '--help'] : args;
  const load = name !== undefined && Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  try {
    if (name === undefined || !load) return await withoutCommand(name === undefined ? args : [name, ...rest], output);
    const options = rest.includes('--') ? rest.slice(0, rest.indexOf('--')) : rest;
    const asksForHelp = options.some((each) => HELP.includes(each));
    const command = await load();
    if (asksForHelp) return await command(['--help'], output);
    if (!rest.some((arg) => arg.startsWith('hf:'))) return await command(rest, output);
    const { withHubFolders } = await import('./hub');
    return await withHubFolders(rest, output, (paths) => command(paths, output));
  } catch (error) {
    if (error instanceof HelpAsked) {
      const { commandHelp } = await import('./help');
      output.out(commandHelp(name ?? '', error.options, output.screen));
      return 0;
    }
    if (error instanceof UsageError) {
      output.err(below(line(error.message), line(helpHint(load ? (name ?? '') : ''))));
      return 2;
    }
    output.err(
      line(
        error instanceof InputError
          ? error.message
          : `internal error: ${error instanceof Error ? error.message : 'unknown'}`,
      ),
    );
    return 1;
  }
}

async function withoutCommand(args: readonly string[], output: CliOutput): Promise<number> {
  const [first] = args;
  const { programHelp, refuseCommand } = await import('./help');
  if (first === '--version' || first === '-V') {
    output.out(line(version));
    return 0;
  }
  if (first === 'help' || (first !== undefined && HELP.includes(first))) {
    output.out(programHelp(output.screen));
    return 0;
  }
  if (first !== undefined) refuseCommand(args);
  output.err(programHelp());
  return 2;
}

/** The options of every command, which each gives when it is asked for help. */
async function optionTables(): Promise<Readonly<Record<string, OptionTable>>> {
  const silent: CliOutput = { out: () => undefined, err: () => undefined };
  const tables = Object.entries(COMMANDS).map(async ([name, load]) => {
    const command = await load();
    const table = await command(['--help'], silent).then(
      () => ({}),
      (error: unknown) => {
        if (error instanceof HelpAsked) return error.options;
        throw error;
      },
    );
    return [name, table] as const;
  });
  return Object.fromEntries(await Promise.all(tables));
}
