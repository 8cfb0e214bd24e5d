/** Whom models are asked of. */

import { HubError } from './hubError';

/** Where nothing else is said (`constants.py` of `huggingface_hub`). */
export const HUB_ENDPOINT = 'https://huggingface.co';

/** `said`: what named it. @throws HubError where it is no address */
export function soundEndpoint(endpoint: string, said: string): string {
  if (URL.canParse(endpoint) && /^https?:$/.test(new URL(endpoint).protocol)) return endpoint;
  throw new HubError('refused', `${said} is not an https:// or http:// address.`, 'Correct it, or unset it.');
}

/** The token of a text; null where a header could not hold it. */
export function soundToken(text: string): string | null {
  const token = text.replaceAll(/[\r\n]/g, '').trim();
  return /^[\x21-\x7e]{1,4096}$/.test(token) ? token : null;
}
