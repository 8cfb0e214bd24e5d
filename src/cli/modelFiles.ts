/** What a PATH of the command line names: a config, a params file, a GGUF, or a folder that holds one; and the weights beside it. */

import { readdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ConfigDocument } from '../config/document';
import { QUANT_FILE } from '../config/quantFile';
import type { ReadOptions } from '../reading/read';
import { MOST_TEXT_BYTES, namesGguf, readText } from '../weights/modelFolder';
import { WeightsError } from '../weights/weightsError';
import { InputError, reason } from './errors';

export interface ModelText {
  /** The config's text; of a GGUF file, its metadata as a config. */
  readonly text: string;
  readonly file: string;
  /** The text stands behind a byte order mark, which is left out of it. */
  readonly byteOrderMark: boolean;
}

const CONFIG_FILES = ['config.json', 'params.json'];

/** What a path of `-` is called in messages. Nothing lies beside it. */
export const STANDARD_INPUT = 'standard input';

/** As `modelText`, and of `-` what standard input has. */
export async function configText(path: string): Promise<ModelText> {
  if (path !== '-') return modelText(path);
  const bytes: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of process.stdin as AsyncIterable<Uint8Array>) {
    bytes.push(chunk);
    length += chunk.length;
    if (length > MOST_TEXT_BYTES) throw new InputError(`${STANDARD_INPUT}: too large to be a model config`);
  }
  if (length === 0) throw new InputError(`${STANDARD_INPUT}: there is nothing on it, or it was read before`);
  return unmarked(new TextDecoder('utf-8', { ignoreBOM: true }).decode(Buffer.concat(bytes)), STANDARD_INPUT);
}

function unmarked(text: string, file: string): ModelText {
  const byteOrderMark = text.startsWith('\uFEFF');
  return { text: byteOrderMark ? text.slice(1) : text, file, byteOrderMark };
}

/** The text of the config that a path names. Reads no more than a config can be long. */
export async function modelText(path: string): Promise<ModelText> {
  const file = await fileAt(path);
  try {
    if (!namesGguf(file)) return unmarked(await readText(file), file);
    const [{ openGguf }, { ggufConfig }] = await Promise.all([
      import('../weights/gguf'),
      import('../weights/ggufConfig'),
    ]);
    const store = await openGguf(file);
    try {
      return { text: JSON.stringify(ggufConfig(store.metadata), null, 1), file, byteOrderMark: false };
    } finally {
      await store.close();
    }
  } catch (error) {
    throw error instanceof WeightsError ? new InputError(error.message) : error;
  }
}

async function fileAt(path: string): Promise<string> {
  const info = await stat(path).catch((error: unknown) => {
    throw new InputError(`${path}: ${reason(error)}`);
  });
  if (!info.isDirectory()) return path;
  const names = await readdir(path).catch((error: unknown) => {
    throw new InputError(`${path}: ${reason(error)}`);
  });
  const config = CONFIG_FILES.find((name) => names.includes(name));
  if (config !== undefined) return join(path, config);
  const ggufs = names.filter((name) => name.toLowerCase().endsWith('.gguf')).sort();
  if (ggufs[0] !== undefined && ggufs.length === 1) return join(path, ggufs[0]);
  throw new InputError(
    `${path}: the folder holds ${ggufs.length > 1 ? 'several GGUF files; name one' : `no ${CONFIG_FILES.join(', ')} or GGUF file`}`,
  );
}

/** `hf_quant_config.json` beside a config says how its weights (and its cache) are quantised. */
export async function besideOptions(file: string): Promise<Pick<ReadOptions, 'quantFile'>> {
  const text = await readText(join(dirname(file), QUANT_FILE)).catch(() => null);
  return text === null ? {} : { quantFile: ConfigDocument.parse(text) };
}
