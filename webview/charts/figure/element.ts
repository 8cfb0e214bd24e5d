/** Any drawing in the page: a list box whose options are its parts, in the order of the data. */

import { css, html, LitElement, type PropertyValues, svg, type TemplateResult } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { guard } from 'lit/directives/guard.js';
import type { Part, Scene } from '../../../src/drawing/scene';
import { emit } from '../../platform/announce';
import { prefersCalm } from '../../platform/motion';
import { base } from '../../styles/base';
import { inkStyles } from './inks';
import { groundShapes, partShapes } from './render';

/** The part that is pointed at or has the focus; null when there is none any more. */
const LOOK = 'headlight-look';
/** A click on a part, or Enter. */
const CHOOSE = 'headlight-choose-part';

/** From fold to open. */
const MOTION_MS = 150;

const NOTHING_LIT: ReadonlySet<string> = new Set();

@customElement('headlight-figure')
export class Figure extends LitElement {
  static override readonly styles = [
    base,
    inkStyles,
    css`
      svg { display: block; overflow: visible; font-family: var(--vscode-font-family); font-kerning: normal; }
      .none { fill: none; }
      .part { fill: transparent; stroke: transparent; outline: none; transition: stroke 150ms; }
      .part.goes { cursor: pointer; }
      .part.goes:hover { stroke: var(--vscode-foreground); }
      .part.lit { stroke: var(--vscode-focusBorder); stroke-width: 2; }
      .part:focus-visible { outline: 1px solid var(--vscode-focusBorder); outline-offset: 2px; }
      #arrow path { fill: var(--edge); }
    `,
  ];

  /** What is drawn: `part.id` is the same for the same thing of the next drawing. */
  @property({ attribute: false }) scene!: Scene;
  /** Ids of parts that are lit. */
  @property({ attribute: false }) lit: ReadonlySet<string> = NOTHING_LIT;
  /** Keys of the config that can be gone to. */
  @property({ attribute: false }) goes: (part: Part) => boolean = ({ key }) => key !== null;
  /** What a part's sentence goes on with. */
  @property({ attribute: false }) more: (part: Part) => string = () => '';

  /** The next drawing is of the same, opened or closed: what is in both moves to its new place, what is new appears. */
  @property({ type: Boolean }) moves = false;

  /** The one that Tab reaches. */
  @state() private current: string | null = null;

  override connectedCallback(): void {
    super.connectedCallback();
    this.setAttribute('place', document.body.dataset['place'] ?? 'side');
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has('scene') && !this.scene.parts.some(({ id }) => id === this.current)) this.current = null;
  }

  protected override updated(changed: PropertyValues<this>): void {
    const before = changed.get('scene');
    if (before !== undefined && this.moves && !prefersCalm()) this.moveFrom(before);
  }

  private moveFrom({ parts }: Scene): void {
    const of = (all: readonly Part[]): ReadonlyMap<string | null, Part> => new Map(all.map((part) => [part.id, part]));
    const [old, now] = [of(parts), of(this.scene.parts)];
    const elements = this.renderRoot.querySelectorAll<SVGElement>('[data-of], [data-part], [data-ground]');
    for (const element of elements) {
      const id = element.getAttribute('data-of') ?? element.getAttribute('data-part');
      const [from, to] = [old.get(id), now.get(id)];
      const moved = from && to && { transform: `translate(${from.x - to.x}px, ${from.y - to.y}px)` };
      element.animate(moved ? [moved, { transform: 'none' }] : [{ opacity: 0 }, { opacity: 1 }], MOTION_MS);
    }
  }

  protected override render(): TemplateResult {
    const { width, height, title, ground, parts } = this.scene;
    const current = this.current ?? parts[0]?.id;
    // A picture that hears of the focus would be a stop of Tab by itself: what is around it hears.
    return html`<div
      @keydown=${this.onKey}
      @click=${this.onClick}
      @pointerover=${this.onPointer}
      @pointerleave=${this.onPointer}
      @focusin=${this.onFocus}
      @focusout=${() => emit(this, LOOK, null)}
    ><svg role="listbox" aria-label=${title} width=${width} height=${height} viewBox="0 0 ${width} ${height}">
      <defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0.5 7.5 4 0 7.5z"></path></marker></defs>
      <g aria-hidden="true"><g data-ground>${guard([ground], () => groundShapes(ground))}</g>${parts.map((part) => svg`<g class="box" data-of=${part.id}>${guard([part], () => partShapes(part.shapes))}</g>`)}</g>
      ${parts.map((part) => this.renderPart(part, part.id === current))}
    </svg></div>`;
  }

  /** Lies over what is drawn of it: its sentence says in words what stands there in numbers. */
  private renderPart(part: Part, current: boolean): TemplateResult {
    const lit = this.lit.has(part.id);
    const { id, x, y, width, height, shapes } = part;
    const [outline] = shapes;
    return svg`<rect
      class="part ${this.goes(part) ? 'goes' : ''} ${lit ? 'lit' : ''}"
      data-part=${id}
      x=${x}
      y=${y}
      width=${width}
      height=${height}
      rx=${outline?.shape === 'rect' ? outline.radius : 0}
      role="option"
      aria-selected=${lit}
      aria-label="${part.says}${this.more(part)}"
      tabindex=${current ? 0 : -1}
    ></rect>`;
  }

  private elements(): SVGRectElement[] {
    return [...this.renderRoot.querySelectorAll<SVGRectElement>('.part')];
  }

  private partAt(event: Event): Part | undefined {
    const id = event.target instanceof Element ? event.target.closest('.part')?.getAttribute('data-part') : null;
    return this.scene.parts.find((part) => part.id === id);
  }

  private readonly onKey = (event: KeyboardEvent): void => {
    const part = this.partAt(event);
    if (!part) return;
    const at = this.scene.parts.indexOf(part);
    const last = this.scene.parts.length - 1;
    const next = {
      ArrowDown: Math.min(last, at + 1),
      ArrowRight: Math.min(last, at + 1),
      ArrowUp: Math.max(0, at - 1),
      ArrowLeft: Math.max(0, at - 1),
      Home: 0,
      End: last,
    }[event.key];
    if (next !== undefined) this.elements()[next]?.focus();
    else if (event.key === 'Enter' || event.key === ' ') emit(this, CHOOSE, part);
    else return;
    event.preventDefault();
  };

  private readonly onClick = (event: MouseEvent): void => {
    const part = this.partAt(event);
    if (part) emit(this, CHOOSE, part);
  };

  private readonly onPointer = (event: PointerEvent): void => {
    const pointed = event.type === 'pointerleave' ? undefined : this.partAt(event);
    emit(this, LOOK, pointed ?? this.focused() ?? null);
  };

  private readonly onFocus = (event: FocusEvent): void => {
    const part = this.partAt(event);
    this.current = part?.id ?? null;
    emit(this, LOOK, part ?? null);
  };

  private focused(): Part | undefined {
    const id = (this.renderRoot as ShadowRoot).activeElement?.getAttribute('data-part');
    return this.scene.parts.find((part) => part.id === id);
  }
}
