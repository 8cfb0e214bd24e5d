/** The parser of options: commander's, with the table of a command. What is wrong becomes a `UsageError`, and `--help` ends the command. */

import { Command, CommanderError, Option } from 'commander';
import { HelpAsked, UsageError } from './errors';
import type { OptionTable, ParsedArguments } from './optionTable';

/** @throws HelpAsked with the table, where `--help` is among the options; UsageError where one is wrong. */
export function parse(args: readonly string[], table: OptionTable): ParsedArguments {
  const parser = quiet(new Command()).argument('[paths...]').helpOption(false);
  // Described by run.ts, which knows the command.
  parser.option('-h, --help');
  const options = Object.entries(table).map(([name, { type, multiple }]) => {
    const option = new Option(type === 'string' ? `--${name} <value>` : `--${name}`);
    if (multiple === true) option.argParser((value: string, before?: string) => lineBelow(before, value));
    parser.addOption(option);
    return { name, option };
  });
  checkValues(args, table);
  try {
    parser.parse([...args], { from: 'user' });
  } catch (error) {
    throw error instanceof CommanderError ? new UsageError(sentenceOf(error)) : error;
  }
  const found = parser.opts<Record<string, string | boolean | undefined>>();
  if (found['help'] === true) throw new HelpAsked(table);
  // Only what was given: commander has a default for options that begin with "no".
  const given = options.filter(({ option }) => parser.getOptionValueSource(option.attributeName()) === 'cli');
  const values = given.map(({ name, option }) => [name, option.negate ? true : found[option.attributeName()]] as const);
  return { paths: parser.args, values: Object.fromEntries(values) };
}

const lineBelow = (before: string | undefined, value: string): string =>
  before === undefined ? value : `${before}\n${value}`;

/** Says nothing itself, and never ends the process. */
export function quiet(command: Command): Command {
  const silent = (): void => undefined;
  return command.exitOverride().configureOutput({ writeOut: silent, writeErr: silent });
}

/** What commander says, without the word that it begins with. Its suggestion stands on a line of its own. */
export function sentenceOf({ message }: CommanderError): string {
  return message.replace(/^error: /, '').replaceAll('\n', ' ');
}

/** A word that begins with a dash is an option, never the value of the one before; nor is it a path. */
function checkValues(args: readonly string[], table: OptionTable): void {
  const end = args.includes('--') ? args.indexOf('--') : args.length;
  const looksLikeOption = (arg: string | undefined): boolean => arg === undefined || /^-./s.test(arg);
  for (let at = 0; at < end; at++) {
    const arg = args[at] ?? '';
    if (/^-\d/.test(arg)) throw new UsageError(`unknown option '${arg}'`);
    const name = arg.startsWith('--') ? arg.slice(2) : '';
    if (!Object.hasOwn(table, name) || table[name]?.type !== 'string') continue;
    // `--` ends the options; a value it is none.
    const value = at + 1 < end ? args[at + 1] : undefined;
    if (looksLikeOption(value))
      throw new UsageError(`--${name} takes a value; one that begins with a dash is given as --${name}=VALUE`);
    at++;
  }
}
