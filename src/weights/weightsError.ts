/** What goes wrong with weight files: one sentence, the file, the tensor, and what to do about it. */

import { visible } from '../model/visibleText';
import { ConfigRefusal } from '../config/refusal';

export interface WeightsErrorDetail {
  /** Path of the file (or folder) that the message is about. */
  readonly file: string;
  /** Tensor that the message is about. */
  readonly tensor?: string;
  /** What is wrong, as a sentence without the file's name. */
  readonly problem: string;
  /** What the user can do, as a sentence. */
  readonly fix: string;
  readonly cause?: unknown;
}

/** Thrown by everything in this folder for anything wrong with a file. Never for a bug of ours. */
export class WeightsError extends Error {
  override readonly name = 'WeightsError';
  readonly file: string;
  readonly tensor: string | undefined;
  readonly fix: string;

  constructor(detail: WeightsErrorDetail) {
    super(
      `${shown(detail.file)}${detail.tensor === undefined ? '' : `, tensor ${shown(detail.tensor)}`}: ${visible(detail.problem)}`,
      {
        cause: detail.cause,
      },
    );
    this.file = detail.file;
    this.tensor = detail.tensor;
    this.fix = visible(detail.fix);
  }
}

/** Names come from hostile files: they can be seen, and long ones lose their middle. */
export function shown(text: string): string {
  const clean = visible(text.length > 400 ? `${text.slice(0, 200)}…${text.slice(-200)}` : text);
  return clean.length > 200 ? `${clean.slice(0, 120)}…${clean.slice(-60)}` : clean;
}

/** Runs `make`; a config that it refuses becomes an error about the file. */
export async function refusedFor<T>(file: string, make: () => Promise<T>): Promise<T> {
  try {
    return await make();
  } catch (error) {
    if (error instanceof ConfigRefusal) throw new WeightsError({ file, problem: error.problem, fix: error.fix });
    throw error;
  }
}

const SYSTEM_PROBLEMS: Readonly<Record<string, readonly [problem: string, fix: string]>> = {
  ENOENT: ['the file does not exist.', 'Check the path, or download the file again.'],
  EACCES: [
    'you have no permission to read the file.',
    'Ask its owner for permission to read it, or give it to yourself.',
  ],
  EPERM: [
    'you have no permission to read the file.',
    'Ask its owner for permission to read it, or give it to yourself.',
  ],
  EISDIR: ['this is a folder, not a weight file.', 'Name the model folder, or a .safetensors or .gguf file in it.'],
  ENOTDIR: ['a part of this path is a file, not a folder.', 'Check the path.'],
  EMFILE: ['too many files are open.', 'Close other models and try again.'],
};

/** Wraps an error of the file system (or passes a WeightsError on). */
export function fileError(file: string, error: unknown, tensor?: string): WeightsError {
  if (error instanceof WeightsError) return error;
  const code = errorCode(error);
  const [problem, fix] = (code === undefined ? undefined : SYSTEM_PROBLEMS[code]) ?? [
    `it could not be read (${code ?? shown(error instanceof Error ? error.message : String(error))}).`,
    'Check the disk and try again.',
  ];
  return new WeightsError({ file, problem, fix, cause: error, ...(tensor === undefined ? {} : { tensor }) });
}

function errorCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}
