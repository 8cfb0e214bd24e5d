/** Texts of a curve's axis and at the ends of its lines. */

import { formatInteger } from '../../../src/model/units';

/** A character of a label, in pixels. */
export const FONT_WIDTH = 6.3;

/** "16K" with K = 1,024, as model cards say it; other counts in full. */
export function shortContext(tokens: number): string {
  if (tokens >= 2 ** 20 && tokens % 2 ** 20 === 0) return `${tokens / 2 ** 20}M`;
  return tokens >= 1024 && tokens % 1024 === 0 ? `${tokens / 1024}K` : formatInteger(tokens);
}

/** Shortened in the middle. */
export function elide(text: string, longest: number): string {
  if (text.length <= longest) return text;
  const head = Math.ceil((longest - 1) / 2);
  return `${text.slice(0, head)}…${text.slice(text.length - (longest - 1 - head))}`;
}
