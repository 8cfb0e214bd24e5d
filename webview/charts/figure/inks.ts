/** Colours of a drawing by the theme: each is a CSS variable, so that shapes name what they are for and a theme may change below them. */

import { css, type CSSResult, unsafeCSS } from 'lit';
import type { Ink } from '../../../src/drawing/scene';
import { kindColor, KINDS } from '../../styles/kinds';

const mixed = (color: string, percent: number): string => `color-mix(in srgb, ${color} ${percent}%, transparent)`;

/** What lies on the page lets its ground through; what is cached is the one colour that is not a kind's. */
const COLORS: Readonly<Record<Ink, string>> = {
  paper: 'var(--ground)',
  text: 'var(--vscode-foreground)',
  muted: 'var(--vscode-descriptionForeground)',
  line: 'var(--edge)',
  card: mixed('var(--vscode-foreground)', 3),
  box: mixed('var(--vscode-foreground)', 4),
  norm: mixed('var(--vscode-foreground)', 12),
  cache: mixed('var(--vscode-charts-yellow)', 24),
  query: mixed('var(--vscode-foreground)', 62),
  keyValue: 'var(--vscode-charts-yellow)',
  expert: mixed('var(--vscode-foreground)', 28),
  expertUsed: 'var(--vscode-charts-blue)',
  changed: 'var(--changed)',
  memory: 'var(--orange)',
  compute: 'var(--vscode-charts-blue)',
  track: mixed('var(--vscode-foreground)', 20),
  ...(Object.fromEntries(KINDS.map((kind) => [`kind-${kind}`, kindColor(kind)])) as Record<
    `kind-${(typeof KINDS)[number]}`,
    string
  >),
};

export function inkColor(ink: Ink): string {
  return COLORS[ink];
}

const INKS = Object.keys(COLORS) as readonly Ink[];

const SHEET = unsafeCSS(
  INKS.map((ink) => `.f-${ink} { fill: ${COLORS[ink]}; } .s-${ink} { stroke: ${COLORS[ink]}; }`).join('\n'),
);

/** Classes: `f-INK` fills, `s-INK` strokes. High contrast has no grounds: there edges tell boxes apart. */
export const inkStyles: CSSResult = css`
  :host {
    --ground: var(--vscode-sideBar-background, var(--vscode-editor-background));
    --edge: color-mix(in srgb, var(--vscode-foreground) 45%, transparent);
    /* No theme has this hue for a kind of layer: it is mixed from two that they have, dark enough to be read on light grounds. */
    --changed: color-mix(in srgb, color-mix(in srgb, var(--vscode-charts-red) 55%, var(--vscode-charts-purple)) 80%, var(--vscode-foreground));
    --edge: var(--vscode-contrastBorder, color-mix(in srgb, var(--vscode-foreground) 45%, transparent));
  }
  :host([place='editor']) { --ground: var(--vscode-editor-background); }
  ${SHEET}
`;
