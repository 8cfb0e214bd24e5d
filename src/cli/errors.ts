/** What ends a command in words, and with which exit code. */

/** Wrong usage: exit code 2. */
export class UsageError extends Error {}
/** The input is understood to be wrong, or is not a model config: exit code 1. */
export class InputError extends Error {}

/** Why a file could not be read, in words. */
export function reason(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  switch (code) {
    case 'ENOENT':
      return 'no such file';
    case 'EACCES':
      return 'no permission to read it';
    case 'EISDIR':
      return 'it is a folder';
    default:
      return code === '' ? 'it cannot be read' : `it cannot be read (${code})`;
  }
}
