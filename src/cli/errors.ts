/** What ends a command in words, and with which exit code. */

import type { OptionTable } from './optionTable';

/** `--help` was asked of a command, which takes these options. */
export class HelpAsked extends Error {
  constructor(readonly options: OptionTable) {
    super('help was asked for');
  }
}

/** Wrong usage: exit code 2. */
export class UsageError extends Error {}
/** The input is understood to be wrong, or is not a model config: exit code 1. */
export class InputError extends Error {}

/** The last line of wrong usage, for those who can type. */
export const helpHint = (command: string): string =>
  `headlight ${command === '' ? '' : `${command} `}--help says how it is used`;
export const HELP_HINT = /\nheadlight (?:[a-z]+ )?--help says how it is used\n?$/;

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'no such file',
  EISDIR: 'it is a folder',
  ENOTDIR: 'a part of the path is a file, not a folder',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is exceeded',
  EROFS: 'the disk is read-only',
};

/** Why a file could not be read or written, in words. */
export function reason(error: unknown, what: 'read' | 'written' = 'read'): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (code === 'EACCES' || code === 'EPERM') return `no permission to ${what === 'read' ? 'read' : 'write'} it`;
  // A file that is to be written need not be there; its folder must.
  const known =
    code === 'ENOENT' && what === 'written'
      ? 'no such file or folder'
      : Object.hasOwn(REASONS, code)
        ? REASONS[code]
        : undefined;
  if (known !== undefined) return what === 'read' ? known : `cannot be written: ${known}`;
  const failed = what === 'read' ? 'it cannot be read' : 'cannot be written';
  return code === '' ? failed : `${failed} (${code})`;
}
