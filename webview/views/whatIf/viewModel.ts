/** What a change does: the same numbers before and after, as strings and as lengths of bars. */

import type { CachePlan } from '../../../src/cache/plan';
import type { Reading } from '../../../src/reading/read';
import type { Scenario } from '../../../src/model/scenario';
import { formatBinary, formatInteger, formatRatio } from '../../../src/model/units';
import { formatSeconds } from '../../../src/present/quantities';
import { sizeText } from '../../../src/present/sizeText';
import type { Fit } from '../../../src/serving/capacity';
import type { PanelSettings, ScenarioChange } from '../../../src/shared/panelContract';
import { serving } from '../overview/serving';
import { type OverviewModel, overviewModel } from '../overview/viewModel';
import { sourcedDevice } from '../../../src/serving/hardware';

/** The scenario that controls have changed, on top of the settings. */
export interface Setting {
  readonly scenario: Scenario;
  readonly gpu: string;
}

export function settingOf(settings: PanelSettings, change: ScenarioChange): Setting {
  const { scenario, gpu } = settings;
  return {
    gpu: change.gpu ?? gpu,
    scenario: {
      workload: { batch: change.batch ?? scenario.workload.batch, tokens: change.tokens ?? scenario.workload.tokens },
      kvDtype: change.kvDtype ?? scenario.kvDtype,
      engine: change.engine ?? scenario.engine,
      sharding: { ...scenario.sharding, tp: change.tp ?? scenario.sharding.tp },
    },
  };
}

/** Without what the settings say already. */
export function realChange(settings: PanelSettings, change: ScenarioChange): ScenarioChange {
  const now: Required<ScenarioChange> = {
    batch: settings.scenario.workload.batch,
    tokens: settings.scenario.workload.tokens,
    kvDtype: settings.scenario.kvDtype,
    engine: settings.scenario.engine,
    gpu: settings.gpu,
    tp: settings.scenario.sharding.tp,
  };
  return Object.fromEntries(
    Object.entries(change).filter(([key, value]) => value !== undefined && value !== now[key as keyof ScenarioChange]),
  );
}

export interface ResultRow {
  readonly name: string;
  readonly before: string;
  readonly after: string;
  /** "÷ 4", "same" */
  readonly ratio: string;
  readonly same: boolean;
  /** Of the longer bar; null where there is no number. */
  readonly bars: { readonly before: number; readonly after: number } | null;
}

export function modelOf(reading: Reading, { scenario, gpu }: Setting): OverviewModel {
  return overviewModel(reading, scenario, { gpu, device: sourcedDevice(gpu) }, serving);
}

export function resultRows(before: OverviewModel, after: OverviewModel): readonly ResultRow[] {
  const fit = (name: string, of: (model: OverviewModel) => Fit | undefined): ResultRow[] => {
    const [old, now] = [of(before), of(after)];
    return old && now ? [fitRow(name, old, now)] : [];
  };
  const [oldStep, newStep] = [before.report?.decode?.timeS, after.report?.decode?.timeS];
  return [
    sizeRow('per token', 'bytesPerToken', before.plan, after.plan),
    sizeRow('in all', 'totalBytes', before.plan, after.plan),
    ...fit('sequences', (model) => model.report?.concurrentSequences),
    ...fit('max context', (model) => model.report?.longestContext),
    ...(oldStep !== undefined && newStep !== undefined ? [row('decode step', oldStep, newStep, formatSeconds)] : []),
  ];
}

function sizeRow(name: string, size: 'bytesPerToken' | 'totalBytes', before: CachePlan, after: CachePlan): ResultRow {
  if (before.known && after.known) return row(name, before[size], after[size], formatBinary);
  const [old, now] = [sizeText(before, size), sizeText(after, size)];
  return { name, before: old, after: now, ratio: '', same: old === now, bars: null };
}

function row(name: string, before: number, after: number, format: (value: number) => string): ResultRow {
  const most = Math.max(before, after);
  return {
    name,
    before: format(before),
    after: format(after),
    ratio: before === after ? '' : formatRatio(before, after),
    same: before === after,
    bars: most > 0 && Number.isFinite(most) ? { before: before / most, after: after / most } : null,
  };
}

function fitRow(name: string, before: Fit, after: Fit): ResultRow {
  if (before.kind === 'count' && after.kind === 'count') return row(name, before.value, after.value, formatInteger);
  const value = (fit: Fit): number => (fit.kind === 'none' ? 0 : Number.NaN);
  return {
    name,
    before: fitText(before),
    after: fitText(after),
    ratio: '',
    same: before.kind === after.kind,
    bars: Number.isNaN(value(before) + value(after))
      ? null
      : { before: before.kind === 'count' ? 1 : 0, after: after.kind === 'count' ? 1 : 0 },
  };
}

function fitText(fit: Fit): string {
  return fit.kind === 'count' ? formatInteger(fit.value) : fit.kind === 'none' ? 'none' : 'any';
}

/** For the live region: "In all 1 GiB, ÷ 4". */
export function resultSentence(rows: readonly ResultRow[]): string {
  const [perToken, total] = rows;
  if (!perToken || !total) return '';
  const part = ({ name, after, ratio }: ResultRow): string =>
    `${name} ${after}${ratio === '' ? ', unchanged' : `, ${ratio}`}`;
  return `${part(perToken)}; ${part(total)}`;
}
