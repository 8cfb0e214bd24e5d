/**
 * The one place that hands out what fetches in the browser: for a model that was named, as the user's own setting and VS Code's secrets say,
 * for there is no environment.
 */

import { type ExtensionContext, l10n } from 'vscode';
import { HUB_ENDPOINT, soundEndpoint, soundToken } from '../../hub/endpoint';
import type { HubAccess } from '../../hub/guardedFetch';
import type { HubWays } from '../../hub/hubError';
import { withoutSlashes } from '../../hub/hubName';
import { SETTINGS } from '../ids';
import { hubEndpointSetting } from '../settings';
import { askSecret, tell } from '../sinks';

const SETTING = `${SETTINGS.section}.${SETTINGS.hubEndpoint}`;
const ways = (): HubWays => ({
  endpoint: l10n.t('the setting {0}', SETTING),
  token: l10n.t('the command “Headlight: Set Hub Token…”'),
});

type Secrets = Pick<ExtensionContext, 'secrets'>;

/** @throws HubError where the setting is no address */
export async function webAccess({ secrets }: Secrets, signal: AbortSignal): Promise<HubAccess> {
  const endpoint = webEndpoint();
  const token = soundToken((await secrets.get(secretOf(endpoint))) ?? '');
  const { fetch } = globalThis;
  return { endpoint, token, fetch: fetch.bind(globalThis), redirects: 'browser', ways: ways(), signal };
}

/** @throws HubError where the setting is no address */
export function webHost(): string {
  return new URL(webEndpoint()).host;
}

/** Asks for the token of the endpoint; an empty one removes it. */
export async function askToken({ secrets }: Secrets): Promise<void> {
  const endpoint = webEndpoint();
  const { host } = new URL(endpoint);
  const text = await askSecret(
    l10n.t('Token for {0}', host),
    l10n.t("It is kept in VS Code's secrets and sent to {0} alone. Leave it empty to remove it.", host),
  );
  if (text === undefined) return;
  const token = soundToken(text);
  if (token === null) await secrets.delete(secretOf(endpoint));
  else await secrets.store(secretOf(endpoint), token);
  void tell(
    token !== null
      ? l10n.t('The token is used for {0} from now on.', host)
      : text.trim() === ''
        ? l10n.t('There is no token for {0} any more.', host)
        : l10n.t('This is no token: the one for {0} was removed.', host),
  );
}

function webEndpoint(): string {
  return soundEndpoint(withoutSlashes(hubEndpointSetting() ?? HUB_ENDPOINT), l10n.t('The setting {0}', SETTING));
}

/** Each endpoint has its own: a token is for whom it was given. */
function secretOf(endpoint: string): string {
  return `headlight.hub.token ${new URL(endpoint).origin}`;
}
