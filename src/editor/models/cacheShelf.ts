/** Hugging Face's cache on this machine as what models of the Hub are kept in. */

import { l10n, type Uri } from 'vscode';
import { HubError } from '../../hub/hubError';
import type { HubName } from '../../hub/hubName';
import { hubHost } from '../../stores/hubAccess';
import { cachedFile, cachedNames } from '../../stores/huggingFace';
import type { Services } from '../services';
import { pickFrom } from '../sinks';
import type { HubModels } from './hubModels';
import { configsOf, type HubShelf, uriOf } from './openFromHub';

/** Names of the cache that are listed. */
const MOST_CACHED = 500;

/** @throws HubError where HF_ENDPOINT is no address */
export function cacheShelf({ compute }: Services, hub: HubModels): HubShelf {
  const host = hubHost(process.env);
  return {
    host,
    hint: l10n.t('org/name, org/name@revision; what is not on this machine is fetched from {0}', host),
    here: uriHere,
    names: () => cachedNames(MOST_CACHED),
    bring: async (name, report, signal) => {
      const folder = await hub.open(name, signal);
      try {
        const here = await uriHere(name);
        if (here !== null) return here;
        const file = await ggufOf(
          (await folder.files()).map(({ path }) => path),
          name,
        );
        if (file === null) return null;
        // The metadata are the config: the header is read now, while it may be.
        report(l10n.t('Reading the header of {0}', file));
        const path = `${folder.folder}/${file}`;
        await (await compute?.get())?.call('weights/summary', { path }, { signal });
        return uriOf({ ...name, path: file });
      } finally {
        folder.close();
      }
    },
  };
}

/** The config of a name, where it is on this machine. */
export async function uriHere(name: HubName): Promise<Uri | null> {
  for (const path of configsOf(name)) {
    const found = { ...name, path };
    if ((await cachedFile(found)) !== null) return uriOf(found);
  }
  return null;
}

/** The GGUF file that is meant, in a repository without a config. */
async function ggufOf(files: readonly string[], { repo, path }: HubName): Promise<string | null> {
  const found = files.filter(
    (file) => /\.gguf$/i.test(file) && !/-(?!00001)\d{5}-of-\d{5}\.gguf$/i.test(file) && file.startsWith(path),
  );
  if (found.length === 0)
    throw new HubError('noFile', l10n.t('{0} has no config and no GGUF file.', repo), l10n.t('Name another model.'));
  const [only] = found;
  if (found.length === 1 && only !== undefined) return only;
  const picked = await pickFrom(
    l10n.t('Which file of {0}', repo),
    found.map((label) => ({ label })),
  );
  return picked?.label ?? null;
}
