/** What a change does: the same numbers before and after, as strings and as lengths of bars. */

import { releaseOf, setupOf } from '../../../src/cache/engines/options';
import { readEngineOptions } from '../../../src/cache/engines/parseOptions';
import { allocationRule } from '../../../src/cache/engines/register';
import type { CachePlan } from '../../../src/cache/plan';
import type { Reading } from '../../../src/reading/read';
import { type EngineOptions, isEngineRule, type Scenario } from '../../../src/model/scenario';
import { AS_FILED } from '../../../src/model/weightFormat';
import { formatSize, formatInteger, formatChange } from '../../../src/model/units';
import { sentence } from '../../../src/present/words';
import { formatSeconds } from '../../../src/present/quantities';
import { inAllBytes, laterBytesPerToken, sizeInAllText, sizeText } from '../../../src/present/sizeText';
import { possibleDecode } from '../../../src/serving/roofline';
import type { Fit } from '../../../src/serving/capacity';
import type { PanelSettings, ScenarioChange } from '../../../src/shared/panelContract';
import { serving } from '../overview/serving';
import { type Gpu, type OverviewModel, overviewModel } from '../overview/viewModel';
import type { SourcedDevice } from '../../../src/serving/device';

/** The scenario that controls have changed, on top of the settings. */
export interface Setting extends Gpu {
  readonly scenario: Scenario;
}

/** `devices`: those that the host told of; until it did, the settings' own is known alone. */
export function settingOf(
  settings: PanelSettings,
  change: ScenarioChange,
  devices: readonly SourcedDevice[] = [],
): Setting {
  const { scenario } = settings;
  const gpu = change.gpu ?? settings.gpu;
  const engine = change.engine ?? scenario.engine;
  const set: Partial<Scenario> = engine === scenario.engine ? scenario : {};
  const { weights: filed, ...others } = scenario;
  const weights = change.weights ?? filed ?? AS_FILED;
  return {
    gpu,
    device: gpu === settings.gpu ? settings.device : (devices.find(({ device }) => device.id === gpu) ?? null),
    scenario: {
      ...others,
      ...(weights === AS_FILED ? {} : { weights }),
      workload: { batch: change.batch ?? scenario.workload.batch, tokens: change.tokens ?? scenario.workload.tokens },
      kvDtype: change.kvDtype ?? scenario.kvDtype,
      engine,
      release: setupOf(allocationRule(engine), change.release ?? set.release).release.id,
      options: change.options ?? set.options ?? settings.engineOptions[engine] ?? {},
      sharding: { ...scenario.sharding, tp: change.tp ?? scenario.sharding.tp },
    },
  };
}

/** Without what the settings say already. */
export function realChange(settings: PanelSettings, change: ScenarioChange): ScenarioChange {
  const { engine } = change;
  // What the engine would be started as by the settings, whichever it is.
  const { release, options } = settingOf(settings, engine === undefined ? {} : { engine }).scenario;
  const now: Readonly<Record<keyof ScenarioChange, unknown>> = {
    batch: settings.scenario.workload.batch,
    tokens: settings.scenario.workload.tokens,
    kvDtype: settings.scenario.kvDtype,
    weights: settings.scenario.weights ?? AS_FILED,
    engine: settings.scenario.engine,
    release,
    options: comparable(options),
    gpu: settings.gpu,
    tp: settings.scenario.sharding.tp,
  };
  return Object.fromEntries(
    Object.entries(change).filter(
      ([key, value]) =>
        value !== undefined &&
        (key === 'options' ? comparable(change.options) : value) !== now[key as keyof ScenarioChange],
    ),
  );
}

function comparable(options: EngineOptions | undefined): string {
  return JSON.stringify(Object.entries(options ?? {}).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** A change out of a state that an older version may have written: what is no value of today is left out. */
export function keptChange(kept: unknown): ScenarioChange {
  if (typeof kept !== 'object' || kept === null) return {};
  const { engine, release, options, ...values } = kept as ScenarioChange;
  // Release and options mean nothing without their engine.
  if (engine === undefined || !isEngineRule(engine)) return values;
  const rule = allocationRule(engine);
  const known = release === undefined ? null : releaseOf(rule, release);
  return {
    ...values,
    engine,
    ...(known ? { release: known.id } : {}),
    ...(options ? { options: readEngineOptions(rule, options).options } : {}),
  };
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

export function modelOf(reading: Reading, setting: Setting): OverviewModel {
  return overviewModel(reading, setting.scenario, setting, serving);
}

export function resultRows(before: OverviewModel, after: OverviewModel): readonly ResultRow[] {
  const fit = (name: string, of: (model: OverviewModel) => Fit | undefined): ResultRow[] => {
    const [old, now] = [of(before), of(after)];
    return old && now ? [fitRow(name, old, now)] : [];
  };
  const step = ({ report }: OverviewModel): number | undefined => (report ? possibleDecode(report)?.timeS : undefined);
  const [oldStep, newStep] = [step(before), step(after)];
  const split = [before, after].some(({ plan }) => plan.everywhere.devices > 1);
  const rows = [
    sizeRow('per token', 'bytesPerToken', before.plan, after.plan),
    ...growthRow(before.plan, after.plan),
    inAllRow(before.plan, after.plan),
    ...(split ? [sizeRow('per device', 'totalBytes', before.plan, after.plan)] : []),
    ...fit('sequences', (model) => model.report?.concurrentSequences),
    ...fit('max context', (model) => model.report?.longestContext),
    ...(oldStep !== undefined && newStep !== undefined ? [row('decode step', oldStep, newStep, formatSeconds)] : []),
  ];
  // What does not start has no numbers to compare with.
  return before.plan.refused === null
    ? rows
    : rows.map((each) => ({ ...each, before: 'refused', ratio: '', same: false, bars: null }));
}

function sizeRow(name: string, size: 'bytesPerToken' | 'totalBytes', before: CachePlan, after: CachePlan): ResultRow {
  if (before.known && after.known) return row(name, before[size], after[size], formatSize);
  const [old, now] = [sizeText(before, size), sizeText(after, size)];
  return { name, before: old, after: now, ratio: '', same: old === now, bars: null };
}

/** Where a window bounds layers on a side: what a token adds beyond all windows. */
function growthRow(before: CachePlan, after: CachePlan): ResultRow[] {
  const [old, now] = [laterBytesPerToken(before), laterBytesPerToken(after)];
  if (old === null || now === null || (old === before.bytesPerToken && now === after.bytesPerToken)) return [];
  return [row('beyond windows', old, now, formatSize)];
}

function inAllRow(before: CachePlan, after: CachePlan): ResultRow {
  const [old, now] = [inAllBytes(before), inAllBytes(after)];
  if (old !== null && now !== null) return row('in total', old, now, formatSize);
  const [oldText, nowText] = [sizeInAllText(before), sizeInAllText(after)];
  return { name: 'in total', before: oldText, after: nowText, ratio: '', same: oldText === nowText, bars: null };
}

function row(name: string, before: number, after: number, format: (value: number) => string): ResultRow {
  const most = Math.max(before, after);
  return {
    name,
    before: format(before),
    after: format(after),
    ratio: before === after ? '' : formatChange(before, after, format),
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

/** What the engine's rule takes for granted at this scenario: what is noted of the file itself stands in the overview. */
export function assumed({ notes, spec }: Pick<CachePlan, 'notes' | 'spec'>): readonly string[] {
  return notes.filter((note) => !note.inexact && !spec.notes.includes(note)).map(({ text }) => `${sentence(text)}.`);
}

/** For the live region: "In total 1 GiB, ÷ 4". */
export function resultSentence(rows: readonly ResultRow[]): string {
  const perToken = rows.find(({ name }) => name === 'per token');
  const total = rows.find(({ name }) => name === 'in total');
  if (!perToken || !total) return '';
  const part = ({ name, after, ratio }: ResultRow): string =>
    `${name} ${after}${ratio === '' ? ', unchanged' : `, ${ratio}`}`;
  return `${part(perToken)}; ${part(total)}`;
}
