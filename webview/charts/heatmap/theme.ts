/** What canvases need of VS Code's theme: colours as numbers, and to be told when they change. */

import { colourMap, type ColourMap, type MapKind, packed } from './colourMaps';
import { mix, parseRgb, type Rgb } from './colour';
import type { Hatch } from './raster';

export interface CanvasTheme {
  readonly background: Rgb;
  readonly highContrast: boolean;
  readonly foreground: string;
  readonly quiet: string;
  readonly focus: string;
  /** `background` with an alpha. */
  readonly veil: string;
  readonly ground: string;
  readonly font: (cssPixels: number) => string;
  map(kind: MapKind): ColourMap;
  hatch(ratio: number): Hatch;
}

const DARK: Rgb = [31, 31, 31];

/** The theme as an element sees it. */
export function readTheme(element: Element): CanvasTheme {
  const style = getComputedStyle(element);
  const variable = (name: string): string => style.getPropertyValue(`--vscode-${name}`).trim();
  const own = document.body.dataset['place'] === 'editor' ? 'editor-background' : 'sideBar-background';
  const background =
    backgroundOf(element) ?? parseRgb(variable(own)) ?? parseRgb(variable('editor-background')) ?? DARK;
  const foreground = style.color;
  const text = parseRgb(foreground) ?? [204, 204, 204];
  const { classList } = document.body;
  const highContrast = classList.contains('vscode-high-contrast') || classList.contains('vscode-high-contrast-light');
  const maps = new Map<MapKind, ColourMap>();
  const [red, green, blue] = background;
  return {
    background,
    highContrast,
    foreground,
    quiet: variable('descriptionForeground') || foreground,
    focus: variable('focusBorder') || foreground,
    ground: `rgb(${red}, ${green}, ${blue})`,
    veil: `rgba(${red}, ${green}, ${blue}, ${highContrast ? 0.55 : 0.45})`,
    font: (pixels) => `${pixels}px ${style.fontFamily}`,
    map(kind) {
      const known = maps.get(kind) ?? colourMap(kind, { background, highContrast });
      maps.set(kind, known);
      return known;
    },
    hatch: (ratio) => ({
      line: packed(mix(background, text, highContrast ? 0.4 : 0.16)),
      ground: packed(background),
      period: Math.max(4, Math.round(6 * ratio)),
      thickness: Math.max(1, Math.round(ratio)),
    }),
  };
}

/** Of the nearest ancestor that has one; the page itself is transparent in VS Code. */
function backgroundOf(element: Element): Rgb | null {
  for (let node: Element | null = element; node !== null; node = parentOf(node)) {
    const colour = getComputedStyle(node).backgroundColor;
    if (colour !== 'transparent' && !/,\s*0\)$/.test(colour)) return parseRgb(colour);
  }
  return null;
}

function parentOf(element: Element): Element | null {
  if (element.parentElement !== null) return element.parentElement;
  const root = element.getRootNode();
  return root instanceof ShadowRoot ? root.host : null;
}

const listeners = new Set<() => void>();
let observer: MutationObserver | undefined;

/** VS Code writes its colours to the style of the page's root and the kind of theme to the body. The result stops listening. */
export function onThemeChange(listener: () => void): () => void {
  if (observer === undefined) {
    observer = new MutationObserver(() => {
      for (const each of [...listeners]) each();
    });
    observer.observe(document.documentElement, { attributes: true, attributeFilter: ['style', 'class'] });
    observer.observe(document.body, { attributes: true, attributeFilter: ['style', 'class'] });
  }
  listeners.add(listener);
  return () => {
    listeners.delete(listener);
    if (listeners.size > 0) return;
    observer?.disconnect();
    observer = undefined;
  };
}
