/** Fit to GPU…: what of a device weights and cache take, how much fits, what limits decoding. */

import { l10n, type Uri } from 'vscode';
import { planCache } from '../../cache/plan';
import type { Scenario } from '../../model/scenario';
import { weightFormatOf } from '../../model/weightFormat';
import { formatSize } from '../../model/units';
import { fitLine, fitMarkdown, onEach, partTexts, rowText } from '../../present/fitText';
import { possibleDecode } from '../../serving/roofline';
import { roomText } from '../../present/verdictText';
import { formatSeconds } from '../../present/quantities';
import { notKnownText } from '../../present/sizeText';
import { sentence } from '../../present/words';
import { type FitReport, type FitRequest, fitModel } from '../../serving/fit';
import type { Device } from '../../serving/device';
import { fitMatrix, type MatrixRow } from '../../serving/fitMatrix';
import { deviceOf, DEVICES } from '../../serving/hardware';
import { type Suggestion, suggestionsFor } from '../../serving/suggestions';
import type { WeightBytes } from '../../serving/weights';
import { MODEL_SCHEME, SETTINGS } from '../ids';
import type { Services } from '../services';
import { gpuSetting, writeScenario } from '../settings';
import { weightsOfConfig } from '../weightConfigs';
import { BACK, runFlow } from './flow';
import { type Choice, pickOne, separator } from './pick';
import { showResults } from './results';
import {
  count,
  remember,
  remembered,
  requestOf,
  scenarioFor,
  showPage,
  type Subject,
  subjectOf,
  title,
  type WorkloadRequest,
} from './subject';

export interface FitRequestArguments extends WorkloadRequest {
  /** Id of `src/serving/hardware.json`. */
  readonly gpu?: string;
  /** Number of devices (tensor parallelism). */
  readonly devices?: number;
  /** A format of weights to assume, as `--weights` takes it. */
  readonly weights?: string;
}

interface FitState {
  readonly device: Device | null;
  readonly scenario: Scenario;
}

const DEVICE_COUNTS = [1, 2, 4, 8, 16];

export async function fitToGpu(services: Services, uri: unknown, argument: unknown): Promise<FitReport | null> {
  const subject = await subjectOf(services, uri);
  if (!subject) return null;
  const request = requestOf<FitRequestArguments>(argument);
  const format = request?.weights === undefined ? null : weightFormatOf(request.weights);
  if (request?.weights !== undefined && !format) {
    services.log.warn(`Fit to GPU: ${request.weights} is not a weight format`);
    return null;
  }
  const weights = await storedWeights(services, subject.document.uri);
  const scenario = { ...scenarioFor(subject.document, request ?? {}), ...(format ? { weights: format } : {}) };
  const fitOf = (device: Device, at: Scenario): FitRequest => ({
    reading: subject.reading,
    device,
    scenario: at,
    weights,
  });
  const report = (device: Device, at: Scenario): FitReport | null => fitModel(fitOf(device, at));
  const asked = request?.gpu === undefined ? null : deviceOf(request.gpu);
  if (asked) {
    const at = withDevices(scenario, count(request?.devices) ?? scenario.sharding.tp);
    const found = report(asked, at);
    if (found)
      await showPage(
        services,
        subject,
        l10n.t('Fit'),
        fitMarkdown(subject.name, found, at, suggestionsFor(fitOf(asked, at), found)),
      );
    return found;
  }
  const result = await runFlow<FitState>({ device: null, scenario }, [
    async (state, place) => {
      const before = remembered(services, 'gpu') ?? gpuSetting(subject.document);
      const rows = fitMatrix({ reading: subject.reading, scenario: state.scenario, weights }, DEVICES);
      const choice = (row: MatrixRow): Choice<Device> => {
        const { device } = row;
        const found = report(device, state.scenario);
        return {
          label: device.name,
          description: rowText(row),
          ...(found ? { detail: fitLine(found) } : {}),
          value: device,
        };
      };
      const of = (some: readonly MatrixRow[], label: string): Choice<Device>[] =>
        some.length === 0 ? [] : [separator<Device>(label), ...some.map(choice)];
      const choices = [
        ...of(
          rows.filter((row) => row.fitsFrom !== null),
          l10n.t('Fits (smallest first)'),
        ),
        ...of(
          rows.filter((row) => row.fitsFrom === null),
          l10n.t('Does not fit on up to 16 devices'),
        ),
      ];
      const picked = await pickOne({
        title: title(l10n.t('Fit to GPU'), subject),
        placeholder: l10n.t('Device'),
        place,
        choices,
        before: ({ id }) => id === before,
      });
      if (picked === undefined || picked === BACK) return picked;
      remember(services, 'gpu', picked.id);
      return { ...state, device: picked };
    },
    async (state, place) => {
      const { device } = state;
      if (!device) return undefined;
      const choices = DEVICE_COUNTS.map((devices): Choice<number> => {
        const found = report(device, withDevices(scenario, devices));
        return { label: `${devices} × ${device.name}`, ...(found ? preview(found) : {}), value: devices };
      });
      const before = remembered(services, 'devices') ?? scenario.sharding.tp;
      const picked = await pickOne({
        title: title(l10n.t('Fit to GPU'), subject),
        placeholder: l10n.t('Number of devices (tensor parallelism)'),
        place,
        choices,
        before: (value) => value === before,
      });
      if (picked === undefined || picked === BACK) return picked;
      remember(services, 'devices', picked);
      return { ...state, scenario: withDevices(scenario, picked) };
    },
    async (state, place) => {
      const { device, scenario: at } = state;
      const found = device && report(device, at);
      const suggestions = device && found ? suggestionsFor(fitOf(device, at), found) : [];
      const shown = await showFit(services, subject, found, suggestions, state, place);
      return shown === true ? state : shown;
    },
  ]);
  return result?.device ? report(result.device, result.scenario) : null;
}

function withDevices(scenario: Scenario, tp: number): Scenario {
  return { ...scenario, sharding: { ...scenario.sharding, tp } };
}

/** Exact bytes where the weights lie beside the config; else they are estimated, and the report says so. */
export async function storedWeights({ compute, log, models }: Services, uri: Uri): Promise<WeightBytes | null> {
  try {
    if (uri.scheme === MODEL_SCHEME) return await (await models.get()).weights(uri);
    const path = configPath(uri);
    if (!compute || path === null) return null;
    return await (await compute.get()).call('weights/beside', { path }, { deadlineMs: 10_000 });
  } catch (error) {
    log.warn(`weights beside the config: ${error instanceof Error ? error.message : 'not read'}`);
    return null;
  }
}

/** Of a config on this machine's disk, or of the GGUF file that it was read from. */
function configPath(uri: Uri): string | null {
  const file = weightsOfConfig(uri) ?? uri;
  return file.scheme === 'file' ? file.fsPath : null;
}

/** Every device, by maker. */
export function deviceChoices<T>(choice: (device: Device) => Choice<T>): Choice<T>[] {
  const vendors = [...new Set(DEVICES.map(({ vendor }) => vendor))];
  return vendors.flatMap((vendor) => [
    separator<T>(vendor),
    ...DEVICES.filter((device) => device.vendor === vendor).map(choice),
  ]);
}

function preview(report: FitReport): { readonly description: string; readonly detail: string } {
  const decode = possibleDecode(report);
  const step = decode ? ` · ${l10n.t('decode step at least {0}', formatSeconds(decode.timeS))}` : '';
  return { description: `${formatSize(report.device.memoryBytes)}${step}`, detail: fitLine(report) };
}

async function showFit(
  services: Services,
  subject: Subject,
  report: FitReport | null,
  suggestions: readonly Suggestion[],
  { device, scenario }: FitState,
  place: { readonly step: number; readonly steps: number },
): ReturnType<typeof showResults> {
  if (!report || !device) {
    const plan = planCache(subject.reading.spec, scenario);
    return showResults(
      {
        title: subject.name,
        rows: [],
        actions: [
          {
            label: plan.known
              ? l10n.t('The parameters of this model cannot be counted, and there are no weights beside its config')
              : notKnownText(plan),
            icon: 'warning',
            run: () => undefined,
          },
        ],
      },
      place,
    );
  }
  return showResults(
    {
      title: `${subject.name} · ${report.devices} × ${device.name}`,
      rows: [
        { label: fitLine(report), description: '' },
        ...partTexts(report).map(([name, size, how]) => ({ label: sentence(name), description: size, detail: how })),
        {
          label: l10n.t('Cache'),
          description: l10n.t('{0} of {1}', `${formatSize(report.cacheBytes)}${onEach(report)}`, roomText(report)),
        },
        ...suggestions.map(({ text }) => ({ label: l10n.t('Would fit with {0}', text), description: '' })),
      ],
      actions: [
        {
          label: l10n.t('Open as a Page'),
          icon: 'open-preview',
          run: () =>
            showPage(services, subject, l10n.t('Fit'), fitMarkdown(subject.name, report, scenario, suggestions)),
        },
        {
          label: l10n.t('Use as my scenario'),
          icon: 'settings-gear',
          run: async () => {
            await writeScenario(SETTINGS.gpu, device.id);
            await writeScenario(SETTINGS.tp, scenario.sharding.tp);
          },
        },
      ],
    },
    place,
  );
}
