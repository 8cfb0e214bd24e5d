/** How heads are looked at, kept across views and reloads; and the controls that change it. */

import { html, type TemplateResult } from 'lit';
import { live } from 'lit/directives/live.js';
import { keep, restored } from '../../platform/editorApi';
import { SCALES, type ScaleKind } from '../../charts/heatmap/scale';

const PART = 'headsLook';

/** A part's kept choices over its defaults; a value of another type than the default is not taken. */
export function keptLook<T extends object>(part: string, defaults: T): T {
  const all = restored(PART);
  const kept = typeof all === 'object' && all !== null ? (all as Readonly<Record<string, unknown>>)[part] : undefined;
  if (typeof kept !== 'object' || kept === null) return defaults;
  const fits = Object.entries(kept).filter(
    ([name, value]) =>
      name in defaults && typeof value === typeof (defaults as Readonly<Record<string, unknown>>)[name],
  );
  return { ...defaults, ...Object.fromEntries(fits) };
}

export function keepLook(part: string, value: object): void {
  const all = restored(PART);
  keep(PART, { ...(typeof all === 'object' ? all : {}), [part]: value });
}

export function select<V extends string>(
  label: string,
  value: V,
  options: readonly (readonly [V, string])[],
  change: (value: V) => void,
): TemplateResult {
  return html`<label>${label}
    <select .value=${live(value)} @change=${(event: Event) => change((event.target as HTMLSelectElement).value as V)}>
      ${options.map(([option, text]) => html`<option value=${option} ?selected=${option === value}>${text}</option>`)}
    </select>
  </label>`;
}

export function scaleSelect(scale: ScaleKind, change: (scale: ScaleKind) => void): TemplateResult {
  return select(
    'scale',
    SCALES.includes(scale) ? scale : 'linear',
    SCALES.map((kind) => [kind, kind] as const),
    change,
  );
}

export function rangeSelect(shared: boolean, each: string, change: (shared: boolean) => void): TemplateResult {
  return select(
    'range',
    shared ? 'shared' : 'each',
    [
      ['shared', 'shared'],
      ['each', each],
    ] as const,
    (value) => change(value === 'shared'),
  );
}

/** What the ends of a scale say: "0", "0.9312", and that a log scale is cut. */
export function scaleNote(kind: ScaleKind): string {
  if (kind === 'log') return 'log, 4 decades';
  return kind === 'rank' ? 'by rank' : '';
}

/** Scrolls to what was enlarged where it is below the fold, as in a narrow panel; no further than needed. */
export function bringIntoView(element: Element | null): void {
  element?.scrollIntoView({ block: 'nearest' });
}
