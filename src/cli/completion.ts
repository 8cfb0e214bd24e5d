/** `completion`: a script for a shell that completes commands, options and the values that are known. */

import { prose } from '../present/terminal';
import { COMMANDS_IN_WORDS, optionWords } from './catalogue';
import { parseArguments } from './arguments';
import { UsageError } from './errors';
import type { CliOutput } from './output';
import type { OptionTable } from './optionTable';

/** The options of each command, by its name. */
export type Tables = Readonly<Record<string, OptionTable>>;

const SHELLS = { bash, zsh, fish } as const;
type Shell = keyof typeof SHELLS;
const isShell = (text: string): text is Shell => Object.hasOwn(SHELLS, text);

export async function completion(
  args: readonly string[],
  tables: () => Promise<Tables>,
  output: CliOutput,
): Promise<number> {
  const { paths } = parseArguments(args, {});
  const [shell, ...more] = paths;
  if (shell === undefined || more.length > 0 || !isShell(shell))
    throw new UsageError(`completion takes one SHELL: ${Object.keys(SHELLS).join(', ')}`);
  output.out(prose(SHELLS[shell](described(await tables()))));
  return 0;
}

interface DescribedOption {
  readonly name: string;
  readonly takesValue: boolean;
  readonly about: string;
  readonly choices: readonly string[];
}

interface DescribedCommand {
  readonly name: string;
  readonly summary: string;
  /** Words that it takes instead of files. */
  readonly words: readonly string[];
  readonly options: readonly DescribedOption[];
}

/** Arguments that are neither files nor Hub names. */
const WORDS: Readonly<Record<string, readonly string[]>> = { completion: Object.keys(SHELLS), bench: ['attention'] };

function described(tables: Tables): readonly DescribedCommand[] {
  return Object.entries(tables).map(([name, table]) => ({
    name,
    summary: COMMANDS_IN_WORDS[name]?.summary ?? '',
    words: WORDS[name] ?? [],
    options: [
      ...Object.entries(table).map(([option, { type }]) => {
        const { about = '', choices = [] } = optionWords(name, option) ?? {};
        return { name: option, takesValue: type === 'string', about, choices };
      }),
      { name: 'help', takesValue: false, about: 'say how it is used', choices: [] },
    ],
  }));
}

/** For a shell's single quotes. */
const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;
const optionsOf = ({ options }: DescribedCommand): string => options.map(({ name }) => `--${name}`).join(' ');

function bash(commands: readonly DescribedCommand[]): string {
  const values = commands.flatMap((command) =>
    command.options
      .filter(({ takesValue }) => takesValue)
      .map(
        ({ name, choices }) =>
          `    ${command.name}:--${name}) ${choices.length > 0 ? `words=${quoted(choices.join(' '))}` : 'files=1'} ;;`,
      ),
  );
  const cases = commands.map(
    (command) =>
      `      ${command.name}) options=${quoted(optionsOf(command))}; words=${quoted(command.words.join(' '))} ;;`,
  );
  return `# headlight completion bash
_headlight() {
  local current="\${COMP_WORDS[COMP_CWORD]}" before="\${COMP_WORDS[COMP_CWORD-1]}" command="\${COMP_WORDS[1]}"
  local options= words= files=
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W ${quoted([...commands.map(({ name }) => name), '--help', '--version'].join(' '))} -- "$current"))
    return
  fi
  case "$command:$before" in
${values.join('\n')}
  esac
  if [ -z "$words$files" ]; then
    case "$command" in
${cases.join('\n')}
    esac
    case "$current" in
      -*) COMPREPLY=($(compgen -W "$options" -- "$current")); return ;;
    esac
  fi
  if [ -n "$words" ]; then
    COMPREPLY=($(compgen -W "$words" -- "$current"))
  else
    compopt -o filenames 2>/dev/null
    COMPREPLY=($(compgen -f -- "$current"))
  fi
}
complete -F _headlight headlight`;
}

function zsh(commands: readonly DescribedCommand[]): string {
  /** In a specification of \`_arguments\`, brackets and colons have meanings. */
  const plain = (text: string): string => text.replaceAll(/[[\]:\\]/g, (sign) => `\\${sign}`);
  const specification = ({ name, takesValue, about, choices }: DescribedOption): string => {
    const value = takesValue ? `:value:${choices.length > 0 ? `(${choices.join(' ')})` : '_files'}` : '';
    return quoted(`--${name}[${plain(about)}]${value}`);
  };
  const cases = commands.map((command) => {
    const argument = command.words.length > 0 ? `(${command.words.join(' ')})` : '_files';
    return `    ${command.name})\n      _arguments ${[...command.options.map(specification), quoted(`*:argument:${argument}`)].join(' \\\n        ')} ;;`;
  });
  const list = commands.map(({ name, summary }) => `    ${quoted(`${name}:${plain(summary)}`)}`);
  return `#compdef headlight
_headlight() {
  local -a commands
  commands=(
${list.join('\n')}
  )
  if (( CURRENT == 2 )); then
    _describe 'command' commands
    return
  fi
  shift words
  (( CURRENT-- ))
  case "$words[1]" in
${cases.join('\n')}
  esac
}
if [ "$funcstack[1]" = "_headlight" ]; then
  _headlight "$@"
else
  compdef _headlight headlight
fi`;
}

function fish(commands: readonly DescribedCommand[]): string {
  const names = commands.map(({ name }) => name).join(' ');
  return [
    '# headlight completion fish',
    `set -l commands ${names}`,
    'complete -c headlight -n "not __fish_seen_subcommand_from $commands" -f',
    ...commands.flatMap((command) => {
      const { name, summary, words, options } = command;
      const within = `complete -c headlight -n "__fish_seen_subcommand_from ${name}"`;
      return [
        `complete -c headlight -n "not __fish_seen_subcommand_from $commands" -a ${name} -d ${fishQuoted(summary)}`,
        ...(words.length > 0 ? [`${within} -f -a ${fishQuoted(words.join(' '))}`] : []),
        ...options.map(({ name: option, takesValue, about, choices }) => {
          const value = takesValue ? (choices.length > 0 ? ` -x -a ${fishQuoted(choices.join(' '))}` : ' -r') : '';
          return `${within} -l ${option}${value} -d ${fishQuoted(about)}`;
        }),
      ];
    }),
  ].join('\n');
}

/** For fish's single quotes. */
function fishQuoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
