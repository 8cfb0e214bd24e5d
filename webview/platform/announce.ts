/** What elements tell those around them. */

export const ANNOUNCE = 'headlight-announce';

/** An event that passes through shadow roots. */
export function emit<T>(from: EventTarget, type: string, detail?: T): void {
  from.dispatchEvent(new CustomEvent(type, { detail, bubbles: true, composed: true }));
}

/** One useful sentence for screen readers: the app's polite live region says it. */
export function announce(from: EventTarget, sentence: string): void {
  emit(from, ANNOUNCE, sentence);
}
