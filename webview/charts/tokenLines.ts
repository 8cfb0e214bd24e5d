/**
 * Lines between two columns of tokens: what one query looks at, thicker and denser the more it does. The idea of the two columns is
 * BertViz's (Vig, "A Multiscale Visualization of Attention in the Transformer Model", 2019); the drawing is our own.
 */

import { html, svg, type TemplateResult } from 'lit';
import { elementAt } from '../../src/model/elementAt';

export interface TokenLinesModel {
  /** Every token, as text for the eye. */
  readonly tokens: readonly string[];
  /** The query. */
  readonly from: number;
  /** Its weight on every token; NaN where it may not look. */
  readonly weights: Float32Array;
  /** The weight of the strongest line. */
  readonly most: number;
  /** What a screen reader says. */
  readonly sentence: string;
}

const [WIDTH, ROW, COLUMN] = [300, 18, 104];
/** Tokens beyond are a wall of text, not a picture. */
export const MOST_LINES = 64;
/** Signs of a token at most. */
const LETTERS = 14;
/** Fainter lines are not seen. */
const FAINTEST = 0.02;

export function tokenLines({ tokens, from, weights, most, sentence }: TokenLinesModel): TemplateResult {
  const middle = (token: number): number => (token + 0.5) * ROW;
  const part = (token: number): number => Math.min(1, Math.max(0, elementAt(weights, token) / (most || 1))) || 0;
  const text = (token: string): string =>
    [...token].length > LETTERS ? `${[...token].slice(0, LETTERS - 1).join('')}…` : token;
  const height = tokens.length * ROW;
  return html`<svg class="lines" role="img" aria-label=${sentence} viewBox="0 0 ${WIDTH} ${height}" width=${WIDTH} height=${height}>
    ${tokens.map((_, token) =>
      part(token) < FAINTEST
        ? ''
        : svg`<line data-key=${token} x1=${COLUMN} y1=${middle(from)} x2=${WIDTH - COLUMN} y2=${middle(token)} stroke-width=${(0.75 + 3 * part(token)).toFixed(2)} opacity=${(0.15 + 0.85 * part(token)).toFixed(2)}></line>`,
    )}
    ${tokens.map(
      (token, at) => svg`
      <text class=${at === from ? 'from' : ''} x=${COLUMN - 6} y=${middle(at) + 4} text-anchor="end">${text(token)}</text>
      <text class=${Number.isNaN(weights[at]) ? 'not' : ''} x=${WIDTH - COLUMN + 6} y=${middle(at) + 4}>${text(token)}</text>`,
    )}
  </svg>`;
}
