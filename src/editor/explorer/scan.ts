/**
 * Model configs in a folder tree. Bounded: few files are looked at without being asked, none that is large; file contents that do not
 * look like a config are never parsed; it gives way to others and stops when it is told to.
 */

import { type CancellationToken, type GlobPattern, RelativePattern, type Uri, workspace } from 'vscode';
import { follow } from '../../reading/follow';
import { readDocument, type Reading, type ReadOptions } from '../../reading/read';
import { configText, NOT_CONFIGS } from '../configFiles';
import { quantFileBeside } from '../quantFiles';

/** JSON files that are all looked at; in trees with more, only those with the usual names are. */
const ALL_LIMIT = 400;
/** Files with the usual names that are looked at without being asked. */
export const NAMED_LIMIT = 400;
/** Files that are looked at when asked. */
const ASKED_LIMIT = 5_000;
/** Processor time of the host that a look into a large tree may take without being asked; what is left then is not looked at. Milliseconds. */
const CPU_BUDGET_MS = 60;
/** Files that are looked at in any case: the process may be busy with other things. */
const ALWAYS = 32;
/** Files between two moments in which others may run. */
const BATCH = 16;

const ALL = '**/*.json';
const NAMED = '**/{config,params,*_config,*-config,config-*,config_*}.json';
const USUAL = /\/(?:config|params)\.json$/;
/** Files that have these names in model folders and are no configs. */
const OTHERS =
  /(?:^|\/)(?:tokenizer|tokenizer_config|generation_config|preprocessor_config|processor_config|special_tokens_map|added_tokens|vocab|adapter_config|package|package-lock|tsconfig|jsconfig|[^/]*\.safetensors\.index)\.json$/;

export interface FoundConfig {
  readonly uri: Uri;
  readonly reading: Reading;
}

export interface Scan {
  /** `many`: more files than are looked at without being asked. */
  readonly state: 'done' | 'many' | 'cancelled';
  readonly configs: readonly FoundConfig[];
  /** True when there are files that were not looked at. */
  readonly cut: boolean;
}

export interface ScanOptions {
  /** Null: the whole workspace. */
  readonly folder: Uri | null;
  readonly asked: boolean;
  readonly read: ReadOptions;
  /** Processor time of this process so far, in milliseconds. */
  cpuMs(): number;
}

export async function scanConfigs(
  { folder, asked, read, cpuMs }: ScanOptions,
  token: CancellationToken,
): Promise<Scan> {
  const find = async (glob: string, limit: number): Promise<Uri[]> => {
    const pattern: GlobPattern = folder ? new RelativePattern(folder, glob) : glob;
    return workspace.findFiles(pattern, NOT_CONFIGS, limit + 1, token);
  };
  const started = cpuMs();
  let files = await find(ALL, ALL_LIMIT);
  const limit = asked ? ASKED_LIMIT : NAMED_LIMIT;
  const large = files.length > ALL_LIMIT;
  if (large) {
    files = await find(NAMED, limit);
    if (files.length > limit && !asked) return { state: 'many', configs: [], cut: false };
  }
  let cut = files.length > Math.max(limit, ALL_LIMIT);
  const configs: FoundConfig[] = [];
  // The usual names first, in case not all are read.
  const candidates = files
    .filter(({ path }) => !OTHERS.test(path))
    .sort((a, b) => Number(USUAL.test(b.path)) - Number(USUAL.test(a.path)));
  for (let index = 0; index < candidates.length; index += BATCH) {
    if (token.isCancellationRequested) return { state: 'cancelled', configs, cut };
    if (large && !asked && index >= ALWAYS && cpuMs() - started > CPU_BUDGET_MS) {
      cut = true;
      break;
    }
    const batch = candidates.slice(index, index + BATCH);
    configs.push(...(await Promise.all(batch.map((uri) => readConfig(uri, read)))).filter((found) => found !== null));
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  return { state: token.isCancellationRequested ? 'cancelled' : 'done', configs, cut };
}

/** Null for what is large, gone, or no model config. */
export async function readConfig(uri: Uri, options: ReadOptions): Promise<FoundConfig | null> {
  try {
    const text = await configText(uri);
    const reading = text === null ? undefined : follow(text, null, options).result?.reading;
    if (!reading) return null;
    // Looked for beside configs alone: most files are none.
    const quantFile = await quantFileBeside(uri);
    return { uri, reading: (quantFile && readDocument(reading.document, { ...options, quantFile })) ?? reading };
  } catch {
    return null;
  }
}
