/** The one place that hands out what fetches, outside of the browser: for a model that was named, as the environment says, as in Python. */

import { soundEndpoint } from '../hub/endpoint';
import type { HubAccess } from '../hub/guardedFetch';
import { ENVIRONMENT_WAYS } from '../hub/hubError';
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
  return { endpoint: endpointOf(env), token: await hubToken(env), fetch, redirects: 'ours', ...watch };
}

/** Whom a model is asked of. @throws HubError where HF_ENDPOINT is no address */
export function hubHost(env: Environment): string {
  return new URL(endpointOf(env)).host;
}

function endpointOf(env: Environment): string {
  return soundEndpoint(hubEndpoint(env), ENVIRONMENT_WAYS.endpoint);
}
