/** `--help`, of the program and of a command; and what is said about a command that there is not. */

import { Command, CommanderError, type Help, Option } from 'commander';
import { allocationRule } from '../cache/engines/register';
import { ENGINES } from '../model/scenario';
import { type Screen, type TerminalText, titled } from '../present/terminal';
import { COMMANDS_IN_WORDS, optionWords } from './catalogue';
import { UsageError } from './errors';
import type { OptionTable } from './optionTable';
import { quiet, sentenceOf } from './parser';

/** Where nobody looks, as wide as pages are. */
const USUAL_COLUMNS = 120;
/** Of a text beside its term. */
const NARROWEST = 36;

function program(): Command {
  const root = styled(new Command('headlight')).usage('COMMAND …').helpCommand(false);
  root.option('-V, --version', 'print the version');
  root.configureHelp({ ...root.configureHelp(), subcommandTerm: (command) => command.name() });
  for (const [name, { summary }] of Object.entries(COMMANDS_IN_WORDS)) root.command(name).summary(summary);
  return root;
}

function styled(command: Command): Command {
  return quiet(command)
    .helpOption('-h, --help', 'say how it is used')
    .configureHelp({
      styleTitle: (title) => title.toLowerCase(),
      formatItem: item,
      minWidthToWrap: 1,
    } satisfies Partial<Help>);
}

/** A term and what is said of it, as options are printed. */
type Item = readonly [term: string, text: string];

interface Section {
  readonly title: string;
  readonly items: readonly Item[];
}

/** Beside its term, or below it where that leaves too little room. */
function item(term: string, termWidth: number, text: string, helper: Help): string {
  const columns = helper.helpWidth ?? USUAL_COLUMNS;
  const beside = columns - termWidth - 4;
  const [start, indent] =
    beside < NARROWEST ? [`  ${term}\n      `, 6] : [`  ${term.padEnd(termWidth)}  `, termWidth + 4];
  if (text === '') return `  ${term}`;
  const wrapped = helper.boxWrap(text, Math.max(columns - indent, NARROWEST / 2));
  return start + wrapped.replaceAll('\n', `\n${' '.repeat(indent)}`);
}

function textOf(command: Command, sections: readonly Section[], screen: Screen | undefined): TerminalText {
  command.configureHelp({ ...command.configureHelp(), helpWidth: screen?.columns ?? USUAL_COLUMNS });
  const helper = command.createHelp();
  helper.prepareContext({ helpWidth: screen?.columns ?? USUAL_COLUMNS });
  const after = sections.flatMap(({ title, items }) => {
    const width = Math.max(...items.map(([term]) => term.length));
    return ['', title, ...items.map(([term, text]) => helper.formatItem(term, width, text, helper))];
  });
  return titled([command.helpInformation().trimEnd(), ...after].join('\n'), screen);
}

const examplesOf = (examples: readonly Item[]): Section => ({
  title: 'examples:',
  items: examples.map(([typed, does]) => [`headlight ${typed}`, does]),
});

/** What all commands are, a line for each. */
export function programHelp(screen?: Screen): TerminalText {
  return textOf(
    program(),
    [
      examplesOf([
        ['estimate config.json', 'what a model caches for each token'],
        ['fit config.json --gpu h100-sxm', 'whether it fits'],
        ['estimate --help', 'options and examples of a command'],
      ]),
      {
        title: 'exit codes:',
        items: [
          ['0', 'done'],
          ['1', 'the input is wrong'],
          ['2', 'wrong usage'],
          ['3', 'fit: it does not fit'],
        ],
      },
    ],
    screen,
  );
}

export function commandHelp(name: string, options: OptionTable, screen?: Screen): TerminalText {
  const words = Object.hasOwn(COMMANDS_IN_WORDS, name) ? COMMANDS_IN_WORDS[name] : undefined;
  const { takes = '', summary = '', about = [], examples = [] } = words ?? {};
  const command = styled(new Command(`headlight ${name}`)).usage(`${takes === '' ? '' : `${takes} `}[options]`);
  command.description([summary, ...(about.length > 0 ? [''] : []), ...about].join('\n'));
  const own = words?.options ?? {};
  // What the command is about comes first; a scenario is the same everywhere.
  const place = (option: string): number =>
    optionWords(name, option)?.group !== undefined ? 2 : Object.hasOwn(own, option) ? 0 : 1;
  const sorted = Object.entries(options).sort(([a], [b]) => place(a) - place(b));
  for (const [option, { type }] of sorted) {
    const { value = 'VALUE', about: does = '', group } = optionWords(name, option) ?? {};
    const described = new Option(type === 'string' ? `--${option} <value>` : `--${option}`, does);
    // As it is typed: commander would write --no-x only.
    described.flags = type === 'string' ? `--${option} ${value}` : `--${option}`;
    if (group !== undefined) described.helpGroup(group);
    command.addOption(described);
  }
  return textOf(
    command,
    [...(Object.hasOwn(options, 'opt') ? [engines()] : []), ...(examples.length > 0 ? [examplesOf(examples)] : [])],
    screen,
  );
}

/** Releases and options of each engine. */
function engines(): Section {
  const items = ENGINES.flatMap((engine): Item[] => {
    const { options, releases } = allocationRule(engine);
    if (options.length === 0) return [];
    return [
      [`--engine ${engine}`, `or one of ${releases.map(({ id }) => `@${id}`).join(' ')}`],
      ['  --opt', options.map(({ name }) => name).join(' ')],
    ];
  });
  return { title: 'engines:', items };
}

/** A first word that is no command, with the one that may have been meant. @throws UsageError */
export function refuseCommand(args: readonly string[]): never {
  try {
    program().parse([...args], { from: 'user' });
  } catch (error) {
    // Help that is asked of a command that does not exist is an error, too.
    if (error instanceof CommanderError && error.code === 'commander.unknownCommand')
      throw new UsageError(sentenceOf(error));
    if (!(error instanceof CommanderError)) throw error;
    const name = args.find((arg) => !arg.startsWith('-'));
    throw new UsageError(name === undefined ? sentenceOf(error) : `unknown command '${name}'`);
  }
  throw new UsageError('name a command');
}
