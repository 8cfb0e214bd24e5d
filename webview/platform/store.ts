/**
 * What the page knows: the followed config, read here; the settings; the what-if changes that lie on top. Every view derives its
 * numbers from this and nothing else.
 */

import { follow, type FollowedReading } from '../../src/reading/follow';
import { showUnits } from '../../src/model/units';
import type { Reading } from '../../src/reading/read';
import type { PanelBeside, PanelConfig, PanelCursor, PanelInit, PanelSettings } from '../../src/shared/panelContract';
import type { PanelView } from '../../src/shared/panelViews';
import type { Host } from './host';
import { readOptions } from './readOptions';
import { Observed } from './observed';

export interface PanelState {
  /** Null until the host answered. */
  readonly settings: PanelSettings | null;
  readonly config: PanelConfig | null;
  /** Null where there is no config, or it is no model config. */
  readonly followed: FollowedReading | null;
  /** What it is drawn beside; it may be for a config that is not followed any more. */
  readonly beside: PanelBeside | null;
  readonly view: PanelView;
  /** Why the host could not be asked, else null. */
  readonly problem: string | null;
}

/** The host's part loads at the first panel. */
const READY_DEADLINE_MS = 30_000;

const AT_FIRST: PanelState = {
  settings: null,
  config: null,
  followed: null,
  beside: null,
  view: 'architecture',
  problem: null,
};

export class PanelStore extends Observed<PanelState> {
  private lastGood: { readonly id: string; readonly reading: Reading } | null = null;

  /** Apart from the state: a cursor that moves changes no number, so no view is made anew. */
  private cursorNow: PanelCursor | null = null;
  private readonly cursorListeners = new Set<() => void>();

  /** When the newest text arrived, in the page's timeline. */
  arrivedAt = 0;

  constructor(private readonly host: Host) {
    super(AT_FIRST);
    host.on('config', (config) => {
      this.arrivedAt = performance.now();
      this.setConfig(config);
    });
    host.on('cursor', (cursor) => this.setCursor(cursor));
    host.on('beside', (beside) => this.update({ beside }));
    host.on('settings', (settings) => this.setSettings(settings));
    host.on('view', (view) => this.show(view));
  }

  async start(): Promise<void> {
    let init: PanelInit;
    try {
      init = await this.host.call('panel/ready', null, { deadlineMs: READY_DEADLINE_MS });
    } catch (error) {
      this.update({ problem: error instanceof Error ? error.message : String(error) });
      return;
    }
    showUnits(init.settings.units);
    this.current = {
      ...this.current,
      settings: init.settings,
      beside: init.beside,
      problem: null,
      ...(init.view === null ? {} : { view: init.view }),
    };
    this.setConfig(init.config);
    this.setCursor(init.cursor);
  }

  /** Line of the cursor in the followed config, from 1; null where it has none. */
  get cursorLine(): number | null {
    return this.cursorNow !== null && this.cursorNow.id === this.current.config?.id ? this.cursorNow.line : null;
  }

  /** The result stops listening. */
  followCursor(listener: () => void): () => void {
    this.cursorListeners.add(listener);
    return () => this.cursorListeners.delete(listener);
  }

  show(view: PanelView): void {
    this.update({ view });
  }

  private setCursor(cursor: PanelCursor | null): void {
    this.cursorNow = cursor;
    for (const listener of this.cursorListeners) listener();
  }

  private setSettings(settings: PanelSettings): void {
    showUnits(settings.units);
    this.current = { ...this.current, settings };
    this.setConfig(this.current.config);
  }

  private setConfig(config: PanelConfig | null): void {
    this.update({ config, followed: config ? this.read(config) : null });
  }

  private read(config: PanelConfig): FollowedReading | null {
    const known = this.lastGood?.id === config.id ? this.lastGood.reading : null;
    const { result, lastGood } = follow(config.text, known, readOptions(config, this.current.settings));
    this.lastGood = lastGood && { id: config.id, reading: lastGood };
    return result;
  }
}
