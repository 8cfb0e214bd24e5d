/** The config that the followed one is drawn beside, read once: it stays as it is while the followed one is edited. */

import { planCache } from '../../../src/cache/plan';
import type { Scenario } from '../../../src/model/scenario';
import { readModelConfig, type Reading } from '../../../src/reading/read';
import { type Anatomy, anatomyOf } from '../../../src/serving/anatomy/anatomy';
import type { PanelBeside, PanelSettings } from '../../../src/shared/panelContract';
import { readOptions } from '../../platform/readOptions';

export class BesideAnatomy {
  private read: {
    readonly text: string;
    readonly quantText: string | undefined;
    readonly families: PanelSettings['families'] | undefined;
    readonly reading: Reading | null;
  } | null = null;
  private made: Anatomy | null = null;

  /** Null where it is no model config. */
  of(beside: PanelBeside, settings: PanelSettings | null, scenario: Scenario): Anatomy | null {
    const reading = this.reading(beside, settings);
    if (!reading || reading.spec.layers.length === 0) return null;
    const { kvDtype } = planCache(reading.spec, scenario);
    const { tokens } = scenario.workload;
    const { made } = this;
    if (made?.spec === reading.spec && made.tokens === tokens && made.kvDtype === kvDtype) return made;
    this.made = anatomyOf(reading, kvDtype, tokens);
    return this.made;
  }

  private reading(beside: PanelBeside, settings: PanelSettings | null): Reading | null {
    const { text, quantText } = beside;
    const families = settings?.families;
    const { read } = this;
    if (read && read.text === text && read.quantText === quantText && read.families === families) return read.reading;
    const reading = readModelConfig(text, readOptions(beside, settings)) ?? null;
    this.read = { text, quantText, families, reading };
    return reading;
  }
}
