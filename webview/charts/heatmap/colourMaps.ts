/**
 * Colour maps that begin at the background, so that nothing recedes into it. Lightness moves evenly away from it; hue moves on
 * the blue–yellow axis alone (as cividis does, Nuñez, Anderton, Renslow 2018), which red–green colour-blind people see as others do.
 */

import { type Lab, labOf, type Rgb, rgbOf } from './colour';
import { elementAt } from '../../../src/model/elementAt';

export type MapKind = 'sequential' | 'diverging';

export interface MapTheme {
  readonly background: Rgb;
  /** High contrast: the far ends go all the way. */
  readonly highContrast: boolean;
}

export interface ColourMap {
  readonly kind: MapKind;
  /** `0xAABBGGRR`, as a little-endian ImageData stores RGBA. Sequential: nothing … most. Diverging: −most … 0 … most. */
  readonly pixels: Uint32Array;
  readonly colours: readonly Rgb[];
}

/** Odd, so that zero has a colour of its own in the middle. */
const SIGNED_STEPS = 511;
const STEPS = 256;

export function colourMap(kind: MapKind, theme: MapTheme): ColourMap {
  const colours = kind === 'sequential' ? sequential(theme) : diverging(theme);
  return { kind, colours, pixels: Uint32Array.from(colours, packed) };
}

export function packed([red, green, blue]: Rgb): number {
  return ((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0;
}

function isDark(background: Lab): boolean {
  return background[0] < 0.6;
}

/** Control points [place, a, b]; between them a and b move smoothly. */
type Path = readonly (readonly [number, number, number])[];

/** Dark: through blue to pale yellow. Light: through ochre to deep blue. Both grow evenly in contrast. */
const DARK_PATH: Path = [
  [0.28, -0.03, -0.105],
  [0.55, -0.035, -0.02],
  [0.8, -0.015, 0.11],
  [1, -0.025, 0.13],
];
const LIGHT_PATH: Path = [
  [0.22, 0.0, 0.085],
  [0.45, 0.0, 0.055],
  [0.7, -0.025, -0.075],
  [1, 0.0, -0.13],
];

function sequential({ background, highContrast }: MapTheme): Rgb[] {
  const start = labOf(background);
  const dark = isDark(start);
  const end = dark ? (highContrast ? 0.97 : 0.92) : highContrast ? 0.18 : 0.3;
  const path: Path = [[0, start[1], start[2]], ...(dark ? DARK_PATH : LIGHT_PATH)];
  return ramp(STEPS, background, start, end, path);
}

const BLUE: Path = [
  [0.35, -0.04, -0.11],
  [1, -0.05, -0.125],
];
const ORANGE: Path = [
  [0.35, 0.06, 0.09],
  [1, 0.08, 0.13],
];

function diverging({ background, highContrast }: MapTheme): Rgb[] {
  const start = labOf(background);
  const dark = isDark(start);
  const end = dark ? (highContrast ? 0.86 : 0.79) : highContrast ? 0.3 : 0.42;
  const side = (path: Path): Rgb[] =>
    ramp((SIGNED_STEPS + 1) / 2, background, start, end, [[0, start[1], start[2]], ...path]);
  return [...side(BLUE).reverse(), ...side(ORANGE).slice(1)];
}

function ramp(steps: number, background: Rgb, start: Lab, end: number, path: Path): Rgb[] {
  return Array.from({ length: steps }, (_, i) => {
    if (i === 0) return background;
    const place = i / (steps - 1);
    const [a, b] = along(path, place);
    return rgbOf([start[0] + (end - start[0]) * place, a, b]);
  });
}

function along(path: Path, place: number): readonly [number, number] {
  const next = path.findIndex(([at]) => at >= place);
  const [from, to] = [elementAt(path, Math.max(0, next - 1)), elementAt(path, next)];
  if (to[0] === from[0]) return [from[1], from[2]];
  const t = (place - from[0]) / (to[0] - from[0]);
  const ease = t * t * (3 - 2 * t);
  return [from[1] + (to[1] - from[1]) * ease, from[2] + (to[2] - from[2]) * ease];
}
