/** A model folder (or one weight file) as it was downloaded: which files in it are the config, the weights, the tokenizer. */

import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { MAX_CONFIG_CHARACTERS } from '../config/textCost';
import { readRegular } from './regularFile';
import { PartsFile } from './partsFile';
import { safetensorsAmong } from './safetensorsNames';
import { fileError, WeightsError } from './weightsError';

export interface ModelFiles {
  readonly folder: string;
  /** config.json; null beside a GGUF file, which has its own metadata. */
  readonly config: string | null;
  /** `.safetensors`, `.safetensors.index.json` or `.gguf`. */
  readonly weights: string;
  readonly format: 'safetensors' | 'gguf';
}

/** A folder has no weights at all: its config may still be there. */
export class NoWeightsError extends WeightsError {}

/** Whether a path names a GGUF file: by its ending, or as Ollama names what it keeps (`blobs/sha256-…`; its header tells). */
export function namesGguf(path: string): boolean {
  return /\.gguf$/i.test(path) || /^sha256-[0-9a-f]{64}$/.test(basename(path));
}

/**
 * @param path A model folder, its config.json, or a weight file.
 * @throws WeightsError when there is nothing to open.
 */
export async function locateModel(path: string): Promise<ModelFiles> {
  const stats = await stat(path).catch((error: unknown) => {
    throw fileError(path, error);
  });
  // A file of which only parts are here is a folder, too.
  if (stats.isDirectory() && (await PartsFile.open(path)) === null) return inFolder(path);
  const folder = dirname(path);
  if (namesGguf(path)) return { folder, config: null, weights: path, format: 'gguf' };
  if (/\.safetensors(?:\.index\.json)?$/.test(path))
    return { folder, config: join(folder, 'config.json'), weights: path, format: 'safetensors' };
  if (basename(path).endsWith('.json')) return { ...(await inFolder(folder)), config: path };
  throw new WeightsError({
    file: path,
    problem: 'this is not a model folder, config.json, .safetensors or .gguf file.',
    fix: 'Name one of these.',
  });
}

async function inFolder(folder: string): Promise<ModelFiles> {
  const names = await readdir(folder).catch((error: unknown) => {
    throw fileError(folder, error);
  });
  const config = join(folder, 'config.json');
  const singles = names.filter((name) => name.endsWith('.safetensors'));
  const found = safetensorsAmong(names);
  if (found !== undefined) return { folder, config, weights: join(folder, found), format: 'safetensors' };
  const ggufs = names.filter((name) => name.endsWith('.gguf')).sort();
  if (ggufs[0] !== undefined && ggufs.length === 1)
    return { folder, config: null, weights: join(folder, ggufs[0]), format: 'gguf' };
  const problem =
    ggufs.length > 1
      ? 'there are several GGUF files in this folder.'
      : singles.length > 0
        ? 'its shards have no model.safetensors.index.json.'
        : names.some((name) => /\.(?:bin|pt|pth)$/.test(name))
          ? 'its weights are pickled (.bin or .pt), a format that can run code, so Headlight does not open them.'
          : 'there are no weights in this folder.';
  const fix = ggufs.length > 1 ? 'Name one of them.' : "Download the model's safetensors or GGUF files into it.";
  throw new (ggufs.length > 1 || singles.length > 0 ? WeightsError : NoWeightsError)({ file: folder, problem, fix });
}

/** UTF-8 takes four bytes for a character at most. */
export const MOST_TEXT_BYTES = MAX_CONFIG_CHARACTERS * 4;

/** The text of a JSON file of moderate size, a byte order mark included. */
export async function readText(path: string, limit = MOST_TEXT_BYTES): Promise<string> {
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(await readRegular(path, limit));
}
