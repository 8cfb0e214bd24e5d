/** The drawing of a model: the stack of its layers, and each kind of layer with its block, which opens and closes. */

import { css, html, LitElement, nothing, type PropertyValues, type TemplateResult } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { figureOf, parametersText } from '../../../src/drawing/figure';
import type { LegendEntry } from '../../../src/drawing/legend';
import { type KindPiece, kindPieces, kindScene, stackScene } from '../../../src/drawing/pieces';
import type { Part, Scene } from '../../../src/drawing/scene';
import { type StepBoxes, stepBoxes } from '../../../src/drawing/stepBoxes';
import { stepFigure } from '../../../src/drawing/stepFigure';
import { MOST } from '../../../src/drawing/stepMarks';
import { measuredBy } from '../../../src/drawing/textWidth';
import { type Anatomy, anatomyOf } from '../../../src/serving/anatomy/anatomy';
import { type Flight, flightOf, flightRequest } from '../../../src/serving/anatomy/flight';
import type { PanelBeside } from '../../../src/shared/panelContract';
import '../../charts/figure/element';
import { inkColor, inkStyles } from '../../charts/figure/inks';
import { advanceIn } from '../../charts/figure/measure';
import { Actions } from '../../platform/actions';
import { keep, restored } from '../../platform/editorApi';
import { host } from '../../platform/host';
import { prefersCalm } from '../../platform/motion';
import type { PanelState, PanelStore } from '../../platform/store';
import { followWidth } from '../../platform/width';
import { base, controls } from '../../styles/base';
import { kindBackground, kindOutline } from '../../styles/kinds';
import type { OverviewModel } from '../overview/viewModel';
import { columnsOf } from './columns';
import { figuresIn, showLit, TABS_HEIGHT } from './cursor';
import { type AskedFlight, keptFlight } from './flight';
import { KeyPlaces } from './keyPlaces';
import { legendOf } from './legend';
import { PICTURE_WIDTH, pictureActions } from './picture';

const KEPT = 'architecture';
const KEPT_FLIGHT = 'flight';
/** Width from which on the stack stands beside the blocks. */
const WIDE = 640;
const STACK = 250;
const GAP = 24;
const NARROWEST_BLOCK = 320;
const WIDEST_BLOCK = 560;
/** Blocks of so many kinds are open at first where there is room; else the one that most layers have. */
const OPEN_AT_FIRST = 4;
/** What the read-out at the bottom may cover. */
const READOUT_HEIGHT = 96;
/** In the page's timeline: from new numbers or a new width to a drawing in the page, not yet laid out. */
const DRAWN_MEASURE = 'headlight:drawn';

/** What differs from another config comes when it is first asked for. */
let difference: Promise<unknown> | null = null;

/** Everything that is drawn, from a model and a width. */
interface Drawn {
  readonly anatomy: Anatomy;
  readonly stack: Scene;
  readonly pieces: readonly KindPiece[];
  readonly blocks: readonly Scene[];
  readonly columns: readonly (readonly number[])[];
  readonly wide: boolean;
  readonly block: number;
  readonly legend: readonly LegendEntry[];
  /** The step that was asked for; null where the boxes say their parameters. */
  readonly flight: Flight | null;
  readonly steps: StepBoxes | null;
}

@customElement('headlight-drawing')
export class DrawingView extends LitElement {
  static override readonly styles = [
    base,
    controls,
    inkStyles,
    css`
      .above { display: flex; flex-wrap: wrap; gap: 2px 16px; align-items: baseline; padding: 6px 0 8px; border-top: 1px solid var(--line); }
      .legend { display: flex; flex-wrap: wrap; gap: 0 14px; }
      .legend li { display: flex; align-items: center; gap: 6px; line-height: 20px; }
      .key { width: 10px; height: 10px; flex: none; border-radius: 2px; }
      .key.outlined { box-shadow: inset 0 0 0 1px var(--edge); }
      .figure.wide { display: flex; align-items: start; gap: ${GAP}px; }
      .figure:not(.wide) .blocks { margin-top: 16px; }
      .blocks { display: flex; gap: ${GAP}px; align-items: start; }
      .column { display: flex; flex-direction: column; gap: 12px; }
      section { border-top: 1px solid var(--line); padding-top: 6px; }
      .most { font-weight: 600; font-size: 12px; }
      section.lit h2 { color: var(--vscode-textLink-foreground); }
      h2 button { display: flex; align-items: baseline; gap: 8px; width: 100%; border-radius: 2px; }
      h2 button::after { content: '▸'; margin-left: auto; font-size: 10px; color: var(--vscode-descriptionForeground); }
      h2 button[aria-expanded='true']::after { content: '▾'; }
      h2 button:hover::after { color: var(--vscode-textLink-foreground); }
      h2 .key { width: 14px; align-self: center; border-radius: 0; }
      .fold { display: grid; grid-template-rows: 1fr; transition: grid-template-rows 150ms, visibility 150ms; }
      .fold[inert] { grid-template-rows: 0fr; visibility: hidden; }
      .fold > div { overflow: hidden; min-height: 0; }
      :host(.calm) .fold { transition: none; }
      .actions { display: flex; flex-wrap: wrap; gap: 4px 16px; padding-top: 12px; }
      /* Lies over the drawing and takes no room of it; what is below it can be pointed at all the same. */
      .readout { position: sticky; bottom: 0; z-index: 1; height: 0; pointer-events: none; }
      .readout > div { position: absolute; bottom: 0; left: 0; right: 0; max-height: ${READOUT_HEIGHT}px; overflow: hidden; padding: 6px 0; background: var(--ground); border-top: 1px solid var(--line); }
      .readout p { max-width: 110ch; overflow-wrap: anywhere; }
    `,
  ];

  @property({ attribute: false }) store!: PanelStore;
  @property({ attribute: false }) panel!: PanelState;
  @property({ attribute: false }) model!: OverviewModel;

  @state() private width = 0;
  /** What was opened and closed by hand, by the title of the kind. */
  @state() private choices: Readonly<Record<string, boolean>> = keptChoices();
  @state() private asked = keptFlight(restored(KEPT_FLIGHT));
  @state() private looked: Part | null = null;
  private readonly actions = new Actions(this);

  private drawn: Drawn | null = null;
  private stopCursor: (() => void) | undefined;
  /** The line of the cursor that was shown last. */
  private line: number | null = null;
  private places = new KeyPlaces(null);

  constructor() {
    super();
    followWidth(this, (width) => (this.width = width));
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.setAttribute('place', document.body.dataset['place'] ?? 'side');
    this.classList.toggle('calm', prefersCalm());
    // What gets the focus is not to lie below the read-out, or below the tabs.
    document.documentElement.style.scrollPadding = `${TABS_HEIGHT}px 0 ${READOUT_HEIGHT}px`;
    this.stopCursor = this.store.followCursor(() => this.requestUpdate());
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    document.documentElement.style.scrollPadding = '';
    this.stopCursor?.();
  }

  /** The config that the followed one is drawn beside; null where it is drawn alone. */
  private get beside(): PanelBeside | null {
    const { beside, config } = this.panel;
    return beside !== null && beside.of === config?.id ? beside : null;
  }

  protected override willUpdate(changed: PropertyValues): void {
    if (this.beside)
      difference ??= import('./difference').catch((error: unknown) => {
        difference = null;
        this.actions.problem = error instanceof Error ? error.message : String(error);
      });
    if (changed.has('model')) this.places = new KeyPlaces(this.panel.followed);
    // `asked` is private, and Lit's types know public names alone.
    const names: readonly PropertyKey[] = ['model', 'width', 'asked'];
    if (!names.some((name) => changed.has(name)) || this.width === 0) return;
    const start = performance.now();
    this.drawn = this.draw();
    void this.updateComplete.then(async () => {
      await Promise.all(figuresIn(this.renderRoot).map((figure) => figure.updateComplete));
      performance.clearMeasures(DRAWN_MEASURE);
      performance.measure(DRAWN_MEASURE, { start, end: performance.now() });
    });
  }

  protected override updated(): void {
    const line = this.store.cursorLine;
    if (line === this.line) return;
    this.line = line;
    void showLit(this.renderRoot);
  }

  private draw(): Drawn {
    const { width, model } = this;
    const { reading, plan } = model;
    const known = this.drawn?.anatomy;
    const { tokens } = plan.scenario.workload;
    const anatomy =
      known?.spec === reading.spec && known.tokens === tokens && known.kvDtype === plan.kvDtype
        ? known
        : anatomyOf(reading, plan.kvDtype, tokens);
    const wide = width >= WIDE;
    const room = wide ? width - STACK - GAP : width;
    const count = Math.max(1, Math.min(anatomy.kinds.length, Math.floor((room + GAP) / (NARROWEST_BLOCK + GAP))));
    const block = Math.min(WIDEST_BLOCK, Math.floor((room - (count - 1) * GAP) / count));
    const flight = this.flightAt(anatomy);
    const steps = flight && stepBoxes(flight);
    const step = flight && steps ? stepFigure(flight, steps) : undefined;
    return measuredBy(advanceIn(this), () => {
      const blocks = anatomy.kinds.map((_, place) => kindScene(anatomy, place, block, step));
      const stack = stackScene(anatomy, wide ? STACK : width, step);
      const heights = blocks.map(({ height }) => height);
      return {
        anatomy,
        stack,
        pieces: kindPieces(anatomy),
        blocks,
        columns: columnsOf(heights, count),
        wide,
        block,
        legend: legendOf(anatomy, [stack, ...blocks]),
        flight,
        steps,
      };
    });
  }

  private flightAt(anatomy: Anatomy): Flight | null {
    const { asked, model, panel } = this;
    if (!asked) return null;
    const device = panel.settings?.device?.device ?? null;
    const request = flightRequest(model.reading, model.plan.scenario, asked.step, device, null, anatomy.count);
    return flightOf(anatomy, { ...request, tokens: asked.tokens });
  }

  protected override render(): TemplateResult | typeof nothing {
    const { drawn, beside } = this;
    if (beside)
      return html`<headlight-difference .store=${this.store} .panel=${this.panel} .model=${this.model} .beside=${beside}></headlight-difference><span class="error" role="alert">${this.actions.problem}</span>`;
    if (!drawn) return nothing;
    const { anatomy, stack, blocks, columns, wide, block, legend, flight, steps } = drawn;
    const lit = this.places.litBy(this.store.cursorLine, [stack, ...blocks]);
    return html`
      <div class="above small">
        <span>${parametersText(anatomy)}</span>
        <ul class="legend" aria-label="Marks">${legend.map(({ ink, text, outlined }) => html`<li><span class="key ${outlined ? 'outlined' : ''}" .style=${`background: ${inkColor(ink)}`}></span>${text}</li>`)}</ul>
      </div>
      <headlight-flight
        .asked=${this.asked}
        .flight=${flight}
        .boxes=${steps}
        .tokens=${anatomy.tokens}
        .width=${this.width}
        @headlight-flight=${(event: CustomEvent<AskedFlight>) => keep(KEPT_FLIGHT, (this.asked = event.detail))}
      ></headlight-flight>
      <div class="figure ${wide ? 'wide' : ''}" @headlight-look=${(event: CustomEvent<Part | null>) => (this.looked = event.detail)}>
        ${this.renderFigure(stack, lit)}
        <div class="blocks">
          ${columns.map((places) => html`<div class="column" .style=${`width: ${block}px`}>${places.map((place) => this.renderBlock(drawn, place, lit))}</div>`)}
        </div>
      </div>
      <div class="actions small">
        <button class="link" @click=${() => void this.actions.attempt(() => host.call('panel/chooseBeside', null))}>Beside another…</button>
        ${pictureActions(this.actions, `${this.panel.config?.name ?? 'model'}-architecture`, () => this.picture())}
      </div>
      <div class="readout" aria-hidden="true">${this.looked === null ? nothing : this.renderReadout(this.looked)}</div>
    `;
  }

  private renderBlock(
    { pieces, blocks }: Drawn,
    place: number,
    lit: ReadonlySet<string>,
  ): TemplateResult | typeof nothing {
    const [piece, scene] = [pieces[place], blocks[place]];
    if (!piece || !scene) return nothing;
    const { letter, title, lines, attention } = piece;
    const open = this.isOpen(place);
    const hidden = !open && scene.parts.some(({ id }) => lit.has(id));
    return html`<section class=${hidden ? 'lit' : ''} aria-labelledby="kind-${letter}">
      <h2 id="kind-${letter}"><button aria-expanded=${open} aria-controls="block-${letter}" @click=${() => this.toggle(place)}><span class="key" .style=${`background: ${kindBackground(attention)}; box-shadow: ${kindOutline(attention)}`}></span><span>${letter} · ${title}</span></button></h2>
      ${lines.map((line) => html`<p class="small">${line}</p>`)}
      ${this.renderMost(place)}
      <div class="fold" id="block-${letter}" ?inert=${!open}><div>${this.renderFigure(scene, lit)}</div></div>
    </section>`;
  }

  /** Above the block: it may be closed. */
  private renderMost(place: number): TemplateResult | typeof nothing {
    const most = this.drawn?.steps?.boxes.filter((box) => box.kind === place && box.most) ?? [];
    return most.length === 0
      ? nothing
      : html`<p class="most">${MOST}: ${most.map(({ title }) => title).join(', ')}</p>`;
  }

  private renderFigure(scene: Scene, lit: ReadonlySet<string>): TemplateResult {
    return html`<headlight-figure
      .scene=${scene}
      .lit=${lit}
      .goes=${this.goes}
      .more=${this.more}
      @headlight-choose-part=${(event: CustomEvent<Part>) => this.choose(event.detail)}
    ></headlight-figure>`;
  }

  /** What the sentence of a part says, and where it leads. */
  private renderReadout(part: Part): TemplateResult {
    const goes = this.goesText(part);
    return html`<div><p>${part.says}</p>${goes === '' ? nothing : html`<p class="small">Enter or a click goes to ${goes}</p>`}</div>`;
  }

  /** "num_key_value_heads, line 17". */
  private goesText(part: Part): string {
    const place = this.places.first(part);
    return place ? `${place.key.split('.').at(-1)}, line ${place.range.line}` : '';
  }

  private readonly more = (part: Part): string => {
    const goes = this.goesText(part);
    return goes === '' ? '' : `; ${goes}`;
  };

  private isOpen(place: number): boolean {
    const { pieces, wide } = this.drawn ?? { pieces: [], wide: false };
    const piece = pieces[place];
    if (!piece) return false;
    const chosen = this.choices[piece.title];
    if (chosen !== undefined) return chosen;
    const most = Math.max(...pieces.map(({ layers }) => layers));
    return (wide && pieces.length <= OPEN_AT_FIRST) || pieces.findIndex(({ layers }) => layers === most) === place;
  }

  private toggle(place: number): void {
    const title = this.drawn?.pieces[place]?.title;
    if (title === undefined) return;
    this.choices = { ...this.choices, [title]: !this.isOpen(place) };
    keep(KEPT, this.choices);
  }

  /** Goes to the line that decided it; a run of layers opens the block of its kind, too. */
  private choose(part: Part): void {
    const [drawing, , letter] = part.id.split('.');
    const kind = drawing === 'stack' ? (this.drawn?.pieces.findIndex((piece) => piece.letter === letter) ?? -1) : -1;
    if (kind >= 0 && !this.isOpen(kind)) this.toggle(kind);
    const place = this.places.first(part);
    const { config } = this.panel;
    if (!place || !config) return;
    const { offset, length } = place.range;
    void host.call('panel/reveal', { id: config.id, offset, length });
  }

  private readonly goes = (part: Part): boolean => this.places.first(part) !== null;

  /** The whole figure with its caption, as `headlight draw` writes it. */
  private picture(): Scene | null {
    const { drawn } = this;
    if (!drawn) return null;
    const name = this.panel.config?.name ?? '';
    const { modelType } = drawn.anatomy.spec;
    const { flight } = drawn;
    return figureOf(flight?.anatomy ?? drawn.anatomy, {
      ...(flight ? { step: stepFigure(flight) } : {}),
      width: PICTURE_WIDTH,
      name,
      source: `From ${name}, model type ${modelType}`,
    });
  }
}

function keptChoices(): Readonly<Record<string, boolean>> {
  const kept = restored(KEPT);
  if (typeof kept !== 'object' || kept === null) return {};
  return Object.fromEntries(
    Object.entries(kept).filter((entry): entry is [string, boolean] => typeof entry[1] === 'boolean'),
  );
}
