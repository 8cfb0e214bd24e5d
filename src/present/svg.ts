/**
 * Pictures as SVG, made of parts that may come from an untrusted file: nothing of it may become markup. As with Markdown, `Svg` is the type of
 * what is made here, and a plain string is none: it is escaped.
 */

import { visibleUpTo } from '../model/visibleText';

/** Made by this file alone, so that every text in it was escaped. On one line: an empty one would end it inside Markdown. */
class SvgText {
  readonly #source: string;

  constructor(source: string) {
    this.#source = source;
  }

  get source(): string {
    return this.#source;
  }
}

export type Svg = SvgText;

/** svg`<text>${name}</text>`: what the code says is markup, what it puts in is text, a number (to a tenth), or a picture's part. */
export function svg(
  constant: TemplateStringsArray,
  ...parts: readonly (string | number | Svg | readonly Svg[])[]
): Svg {
  const sources = parts.map((part, index) => `${sourceOf(part)}${constant[index + 1] ?? ''}`);
  return new SvgText(`${constant[0] ?? ''}${sources.join('')}`.replaceAll('\n', ' '));
}

/** Longer texts are cut. Characters. */
const LONGEST = 120;

function sourceOf(part: string | number | Svg | readonly Svg[]): string {
  if (part instanceof SvgText) return part.source;
  if (typeof part === 'number') return String(Math.round(part * 10) / 10);
  if (typeof part !== 'string') return part.map(({ source }) => source).join('');
  return visibleUpTo(LONGEST, part)
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}

/** Colours where no theme gives them: on white and on black. */
const ALONE = 'svg { color: #57606a } @media (prefers-color-scheme: dark) { svg { color: #9198a1 } }';

/** A file of its own. */
export function svgFile({ source }: Svg): string {
  return `${source.replace('<svg ', '<svg xmlns="http://www.w3.org/2000/svg" ').replace('>', `><style>${ALONE}</style>`)}\n`;
}
