/** The one place that hands out what fetches: for a model that was named, as the environment says, as in Python. */

import type { HubAccess } from '../hub/guardedFetch';
import { HubError } from '../hub/hubError';
import { hubEndpoint, hubToken, isOffline } from './huggingFace';

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Null where Python would stay off the network, too (`HF_HUB_OFFLINE`).
 * @throws HubError where HF_ENDPOINT is no address
 */
export async function hubAccess(
  env: Environment,
  watch: Pick<HubAccess, 'signal' | 'onBytes'> = {},
): Promise<HubAccess | null> {
  if (isOffline(env)) return null;
  return { endpoint: soundEndpoint(env), token: await hubToken(env), fetch, redirects: 'ours', ...watch };
}

/** Whom a model is asked of. @throws HubError where HF_ENDPOINT is no address */
export function hubHost(env: Environment): string {
  return new URL(soundEndpoint(env)).host;
}

function soundEndpoint(env: Environment): string {
  const endpoint = hubEndpoint(env);
  if (URL.canParse(endpoint) && /^https?:$/.test(new URL(endpoint).protocol)) return endpoint;
  throw new HubError('refused', 'HF_ENDPOINT is not an https:// or http:// address.', 'Correct it, or unset it.');
}
