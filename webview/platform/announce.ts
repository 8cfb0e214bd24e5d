/** One useful sentence for screen readers: the app's polite live region says it. */

export const ANNOUNCE = 'headlight-announce';

export function announce(from: EventTarget, sentence: string): void {
  from.dispatchEvent(new CustomEvent<string>(ANNOUNCE, { detail: sentence, bubbles: true, composed: true }));
}
