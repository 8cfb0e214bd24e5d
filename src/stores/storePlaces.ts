/**
 * Where other programs keep models on this machine: from their environment variables and defaults, as their own sources have them. Nothing is
 * read here but two small files that say where a folder was moved to.
 */

import { isAbsolute, join, posix, win32 } from 'node:path';
import type { StoreEnvironment, StoreId } from '../shared/storesContract';
import { readText } from '../weights/modelFolder';

/** The variables that are looked at; no other is passed on. */
const STORE_VARIABLES = [
  'HF_HOME',
  'HF_HUB_CACHE',
  'HUGGINGFACE_HUB_CACHE',
  'XDG_CACHE_HOME',
  'XDG_CONFIG_HOME',
  'OLLAMA_MODELS',
  'LLAMA_CACHE',
  'LOCALAPPDATA',
  'APPDATA',
] as const;

/** The part of a process's environment that says where models are. */
export function storeEnvironment(
  variables: Readonly<Record<string, string | undefined>>,
  home: string,
  platform: string,
): StoreEnvironment {
  const known = STORE_VARIABLES.flatMap((name) => {
    const value = variables[name];
    return value === undefined || value === '' ? [] : [[name, value] as const];
  });
  return { variables: Object.fromEntries(known), home, platform };
}

/** The folders of a store, absolute; most have one. */
export async function placesOf(store: StoreId, environment: StoreEnvironment): Promise<readonly string[]> {
  const places = await PLACES[store](environment);
  // What is relative depends on where a program was started.
  return [...new Set(places)].filter((place) => isAbsolute(place));
}

const PLACES: Readonly<
  Record<StoreId, (environment: StoreEnvironment) => readonly string[] | Promise<readonly string[]>>
> = {
  /** `constants.py` of huggingface_hub 1.0: HF_HUB_CACHE, else `hub` in HF_HOME, else in the user's cache folder. */
  huggingFace: ({ variables: { HF_HUB_CACHE, HUGGINGFACE_HUB_CACHE, HF_HOME, XDG_CACHE_HOME }, home }) => [
    HF_HUB_CACHE ??
      HUGGINGFACE_HUB_CACHE ??
      join(HF_HOME ?? join(XDG_CACHE_HOME ?? join(home, '.cache'), 'huggingface'), 'hub'),
  ],
  /** `envconfig.Models` of ollama (envconfig/config.go); the service of its Linux package has a home of its own (scripts/install.sh). */
  ollama: ({ variables: { OLLAMA_MODELS }, home, platform }) =>
    OLLAMA_MODELS !== undefined
      ? [unquoted(OLLAMA_MODELS)]
      : [join(home, '.ollama', 'models'), ...(platform === 'linux' ? ['/usr/share/ollama/.ollama/models'] : [])],
  lmStudio: lmStudioPlaces,
  /** `fs_get_cache_directory` of llama.cpp (common/common.cpp). Its newest releases download into Hugging Face's cache (hf-cache.cpp). */
  llamaCpp: ({ variables: { LLAMA_CACHE, LOCALAPPDATA, XDG_CACHE_HOME }, home, platform }) => {
    if (LLAMA_CACHE !== undefined) return [LLAMA_CACHE];
    const cache =
      platform === 'win32'
        ? LOCALAPPDATA
        : platform === 'darwin'
          ? join(home, 'Library', 'Caches')
          : (XDG_CACHE_HOME ?? join(home, '.cache'));
    return cache === undefined ? [] : [join(cache, 'llama.cpp')];
  },
};

/** As `envconfig.Var` of ollama reads a variable: without spaces and quotes around it. */
function unquoted(text: string): string {
  const around = new Set(['"', "'", ' ']);
  let [start, end] = [0, text.length];
  while (start < end && around.has(text[start] ?? '')) start++;
  while (end > start && around.has(text[end - 1] ?? '')) end--;
  return text.slice(start, end);
}

const MOST_SETTINGS_BYTES = 1_000_000;

/**
 * `findLMStudioHome` of lmstudio-js (packages/lms-common-server): a file that points to the home, the old cache folder, `~/.lmstudio`; the
 * models are in its `models`, or where `downloadsFolder` of settings.json says (`resolveModelsFolderPath` of lms, src/subcommands/importCmd.ts).
 */
async function lmStudioPlaces({ variables, home, platform }: StoreEnvironment): Promise<readonly string[]> {
  const pointer = await smallText(join(home, '.lmstudio-home-pointer'));
  const homes = [
    ...(pointer === null ? [] : [pointer.trim()]),
    join(home, '.cache', 'lm-studio'),
    join(home, '.lmstudio'),
  ];
  const data =
    platform === 'win32'
      ? (variables['APPDATA'] ?? win32.join(home, 'AppData', 'Roaming'))
      : platform === 'darwin'
        ? posix.join(home, 'Library', 'Application Support')
        : (variables['XDG_CONFIG_HOME'] ?? join(home, '.config'));
  const settings = [join(data, 'LM Studio', 'settings.json'), ...homes.map((each) => join(each, 'settings.json'))];
  const moved = await Promise.all(settings.map(downloadsFolder));
  return [...moved.filter((place) => place !== null), ...homes.map((each) => join(each, 'models'))];
}

async function downloadsFolder(file: string): Promise<string | null> {
  const text = await smallText(file);
  if (text === null) return null;
  try {
    const settings: unknown = JSON.parse(text);
    if (typeof settings !== 'object' || settings === null || !('downloadsFolder' in settings)) return null;
    return typeof settings.downloadsFolder === 'string' ? settings.downloadsFolder : null;
  } catch {
    return null;
  }
}

function smallText(file: string): Promise<string | null> {
  return readText(file, MOST_SETTINGS_BYTES).catch(() => null);
}
