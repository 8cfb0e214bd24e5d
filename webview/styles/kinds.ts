/**
 * The kinds of attention, told apart by a fixed hue of the theme's charts and by a pattern, everywhere: strips and bars (CSS
 * backgrounds) and curves (dashes).
 */

import type { AttentionKind } from '../../src/model/attention';

type Pattern = 'solid' | 'rising' | 'falling' | 'upright' | 'level' | 'dots' | 'cross' | 'hollow' | 'line';

interface KindStyle {
  /** CSS colour, by the theme. */
  readonly color: string;
  readonly pattern: Pattern;
  /** SVG `stroke-dasharray` of its curves. */
  readonly dash: string;
}

const chart = (name: string): string => `var(--vscode-charts-${name})`;

/** What reads alike is alike: windows are green, latents purple, states orange; red stands for what is not understood. */
const STYLES: Readonly<Record<AttentionKind, KindStyle>> = {
  full: { color: chart('blue'), pattern: 'solid', dash: '' },
  sliding: { color: chart('green'), pattern: 'rising', dash: '6 3' },
  chunked: { color: chart('green'), pattern: 'upright', dash: '2 2' },
  latent: { color: chart('purple'), pattern: 'dots', dash: '8 3 2 3' },
  compressed: { color: chart('purple'), pattern: 'level', dash: '3 3' },
  cross: { color: chart('yellow'), pattern: 'cross', dash: '10 4' },
  recurrent: { color: 'var(--orange)', pattern: 'falling', dash: '1 3' },
  conv: { color: 'var(--orange)', pattern: 'upright', dash: '4 2 1 2' },
  shared: { color: chart('blue'), pattern: 'hollow', dash: '1 4' },
  none: { color: 'var(--vscode-descriptionForeground)', pattern: 'line', dash: '' },
  unknown: { color: chart('red'), pattern: 'cross', dash: '2 4' },
};

export const KINDS = Object.keys(STYLES) as readonly AttentionKind[];

export function kindColor(kind: AttentionKind): string {
  return STYLES[kind].color;
}

export function kindDash(kind: AttentionKind): string {
  return STYLES[kind].dash;
}

/** How much of the hue shows between the marks of a pattern. */
const GROUND = 45;

/** A CSS `background` that carries hue and pattern; give `kindOutline` too. */
export function kindBackground(kind: AttentionKind): string {
  const { color, pattern } = STYLES[kind];
  const ground = `color-mix(in srgb, ${color} ${GROUND}%, transparent)`;
  const stripes = (angle: number): string =>
    `repeating-linear-gradient(${angle}deg, ${color} 0 2px, ${ground} 2px 5px)`;
  switch (pattern) {
    case 'solid':
      return color;
    case 'rising':
      return stripes(-45);
    case 'falling':
      return stripes(45);
    case 'upright':
      return stripes(90);
    case 'level':
      return stripes(0);
    case 'dots':
      return `radial-gradient(circle at 2px 2px, ${color} 1.6px, ${ground} 1.8px) 0 0 / 5px 5px`;
    case 'cross':
      return `repeating-linear-gradient(45deg, ${color} 0 1px, transparent 1px 4px), repeating-linear-gradient(-45deg, ${color} 0 1px, ${ground} 1px 4px)`;
    case 'hollow':
      return `repeating-linear-gradient(90deg, ${color} 0 1px, transparent 1px 9999px)`;
    case 'line':
      return `linear-gradient(${color}, ${color}) 0 100% / 100% 1px no-repeat`;
  }
}

/** A CSS `box-shadow` that outlines kinds without a ground of their own; else `none`. */
export function kindOutline(kind: AttentionKind): string {
  return STYLES[kind].pattern === 'hollow' ? `inset 0 0 0 1px ${STYLES[kind].color}` : 'none';
}
