/** What lens, hints, status and problems are about: the reading of a document and its plan, made once per version and scenario. */

import { type Event, EventEmitter, type TextDocument, workspace } from 'vscode';
import { type CachePlan, planCache } from '../../cache/plan';
import type { FollowedReading } from '../../reading/follow';
import type { Scenario } from '../../model/scenario';
import type { FitLine } from '../../present/lensText';
import { fitModel } from '../../serving/fit';
import { deviceOf } from '../../serving/hardware';
import { SETTINGS } from '../ids';
import { Owner } from '../lifecycle';
import type { Readings } from '../readings';
import type { Platform } from '../services';
import { gpuSetting, scenarioSetting } from '../settings';

export interface Insight {
  readonly found: FollowedReading;
  readonly plan: CachePlan;
  /** What fits beside the weights; null where the weights cannot be estimated. Computed at the first use. */
  fit(): FitLine | null;
}

/** How often each kind of work was done, so that tests can tell that none was, and the processor's milliseconds that it took. */
export type WorkCounts = Record<
  'plans' | 'fits' | 'lenses' | 'hints' | 'lints' | 'completions' | 'pythonScans' | 'cpuMs',
  number
>;

export class Insights extends Owner {
  readonly counts: WorkCounts = {
    plans: 0,
    fits: 0,
    lenses: 0,
    hints: 0,
    lints: 0,
    completions: 0,
    pythonScans: 0,
    cpuMs: 0,
  };
  private readonly known = new WeakMap<FollowedReading, { readonly generation: number; readonly insight: Insight }>();
  private readonly scenarios = new Map<string, { readonly scenario: Scenario; readonly gpu: string }>();
  private readonly changed = this.own(new EventEmitter<void>());
  /** A setting or a file beside a config changed: what was shown may not hold any more. */
  readonly onDidChange: Event<void> = this.changed.event;
  /** Counts changes of settings: what was made before one is made again. */
  private generation = 0;

  constructor(
    private readonly readings: Readings,
    private readonly platform: Pick<Platform, 'cpuMs'>,
  ) {
    super();
    this.own(
      workspace.onDidChangeConfiguration((event) => {
        if (!event.affectsConfiguration(SETTINGS.section)) return;
        this.scenarios.clear();
        this.generation++;
        this.changed.fire();
      }),
    );
    this.own(readings.onDidChange(() => this.changed.fire()));
    this.own(workspace.onDidCloseTextDocument((document) => this.scenarios.delete(document.uri.toString())));
  }

  /** Does a piece of work on an edit, and adds what it took to the counts. */
  measured<T>(work: () => T): T {
    const [clock, cpu] = [performance.now(), this.platform.cpuMs()];
    try {
      return work();
    } finally {
      this.counts.cpuMs += Math.min(performance.now() - clock, this.platform.cpuMs() - cpu);
    }
  }

  /** Null for every document that is no model config. */
  of(document: TextDocument): Insight | null {
    const found = this.readings.of(document);
    if (!found) return null;
    const known = this.known.get(found);
    if (known?.generation === this.generation) return known.insight;
    const insight = this.make(document, found);
    this.known.set(found, { generation: this.generation, insight });
    return insight;
  }

  private make(document: TextDocument, found: FollowedReading): Insight {
    const { scenario, gpu } = this.scenarioOf(document);
    this.counts.plans++;
    const plan = planCache(found.reading.spec, scenario);
    let fit: { readonly value: FitLine | null } | undefined;
    return {
      found,
      plan,
      fit: () => {
        fit ??= { value: this.fit(found, scenario, gpu) };
        return fit.value;
      },
    };
  }

  private fit({ reading }: FollowedReading, scenario: Scenario, gpu: string): FitLine | null {
    const device = deviceOf(gpu);
    if (!device || reading.spec.layers.length === 0) return null;
    this.counts.fits++;
    const report = fitModel({ reading, device, scenario, weights: null });
    return (
      report && {
        deviceName: device.name,
        devices: report.devices,
        ...(report.weights.chosen ? { weights: report.weights.chosen.format } : {}),
        weightsFit: report.high.cacheBudgetBytes > 0,
        sequences: report.low.concurrentSequences,
        atMost: report.high.concurrentSequences,
      }
    );
  }

  private scenarioOf(document: TextDocument): { readonly scenario: Scenario; readonly gpu: string } {
    const key = document.uri.toString();
    const known = this.scenarios.get(key);
    if (known) return known;
    const made = { scenario: scenarioSetting(document), gpu: gpuSetting(document) };
    this.scenarios.set(key, made);
    return made;
  }
}
