/**
 * Will It Fit?…: a model by its name (no file need be open), the type of its weights, engine, cache, tokens and devices, one question
 * after the other or in one line, and whether it fits.
 */

import { l10n, Uri } from 'vscode';
import { engineChoices, parseEngine } from '../../cache/engines/choose';
import { planCache } from '../../cache/plan';
import { KV_DTYPES, type KvDtype } from '../../model/dtype';
import type { Scenario } from '../../model/scenario';
import { formatInteger } from '../../model/units';
import { AS_FILED, type WeightFormat } from '../../model/weightFormat';
import { fitLine, fitMarkdown, matrixMarkdown, partTexts, rowText } from '../../present/fitText';
import { guessMark, notKnownText, scopedText } from '../../present/sizeText';
import { layersText, verdictSentence } from '../../present/verdictText';
import { engineText, refusalText, sentence, workloadText } from '../../present/words';
import { type Reading, readModelConfig } from '../../reading/read';
import type { Device } from '../../serving/device';
import { type FitReport, type FitRequest, fitModel } from '../../serving/fit';
import { fitMatrix, fitsFrom, type MatrixRow } from '../../serving/fitMatrix';
import { DEVICES } from '../../serving/hardware';
import { type FitQuestion, parseQuestion } from '../../serving/question';
import { suggestionsFor } from '../../serving/suggestions';
import type { WeightBytes } from '../../serving/weights';
import { configInSight } from '../activeReading';
import { configText, presets } from '../configFiles';
import { SETTINGS } from '../ids';
import { configName } from '../names';
import type { Services } from '../services';
import { gpuSetting, scenarioSetting, taughtFamilies, writeEngine, writeScenario } from '../settings';
import { complain } from '../sinks';
import { chooseWeightFile, isWeightFile, weightsSummary } from '../weightFiles';
import { parseTypedCount } from '../../model/typedCount';
import { storedWeights } from './fit';
import { BACK, runFlow, type Step } from './flow';
import { type Choice, pickOne, separator } from './pick';
import { showResults } from './results';
import { requestOf } from './subject';
import { weightChoices } from './weightChoices';

/** A model to ask about. */
interface Model {
  readonly name: string;
  readonly reading: Reading;
  /** Of its files, where there are any. */
  readonly weights: WeightBytes | null;
}

/** Where a model is taken from: read when it is chosen. */
interface Source {
  readonly name: string;
  readonly detail: string;
  readonly open: () => Promise<Model | null>;
}

interface State {
  readonly model: Model | null;
  readonly scenario: Scenario;
  readonly device: Device | null;
  /** All was said in one line: nothing is left to ask. */
  readonly said: boolean;
}

export interface WillItFitRequest {
  /** A whole question: answered without asking. */
  readonly question?: string;
}

const title = (model: Model | null): string =>
  model ? l10n.t('Will It Fit? · {0}', model.name) : l10n.t('Will It Fit?');

/** The report of what was asked; null where it is not known, or nothing was chosen. */
export async function willItFit(services: Services, uri: unknown, argument: unknown): Promise<FitReport | null> {
  const sources = await sourcesOf(services);
  const scope = configInSight(services.readings)?.source;
  const initial: State = { model: null, scenario: scenarioSetting(scope), device: null, said: false };
  const asked = requestOf<WillItFitRequest>(argument)?.question;
  const file = uri instanceof Uri && isWeightFile(uri) ? await fromWeightFile(services, uri) : null;
  const first = file ? { ...initial, model: file } : initial;
  if (typeof asked === 'string') {
    const said = await stateOf(parsed(asked, sources), first, gpuSetting(scope));
    return said?.device ? reportOf(said, said.device) : null;
  }
  const result = await runFlow<State>(first, [
    ...(file ? [] : [askModel(services, sources, gpuSetting(scope))]),
    askWeights,
    askEngine,
    askCache,
    askWorkload,
    askDevices,
    showAnswer(services),
  ]);
  return result?.device ? reportOf(result, result.device) : null;
}

async function sourcesOf(services: Services): Promise<readonly Source[]> {
  const { readings, context } = services;
  const seen = configInSight(readings);
  const open: Source[] = seen
    ? [
        {
          name: configName(seen.source.uri),
          detail: l10n.t('the open config'),
          open: async () => ({
            name: configName(seen.source.uri),
            reading: seen.reading,
            weights: await storedWeights(services, seen.source.uri),
          }),
        },
      ]
    : [];
  const bundled = (await presets(context.extensionUri)).map(
    ({ uri, name, detail }): Source => ({ name, detail, open: () => fromConfig(services, uri, name, false) }),
  );
  const samples = ['mha', 'gqa', 'mqa', 'mla'].map((name): Source => {
    const uri = Uri.joinPath(context.extensionUri, 'media', 'samples', name, 'config.json');
    const label = l10n.t('Sample model: {0}', name.toUpperCase());
    return { name: label, detail: l10n.t('bundled, with weights'), open: () => fromConfig(services, uri, label, true) };
  });
  return [...open, ...bundled, ...samples];
}

async function fromConfig(services: Services, uri: Uri, name: string, weighs: boolean): Promise<Model | null> {
  const text = await configText(uri);
  const reading = text === null ? null : readModelConfig(text, { families: taughtFamilies() });
  return reading && { name, reading, weights: weighs ? await storedWeights(services, uri) : null };
}

/** The model in a GGUF file, or beside a safetensors file; null (and said) where there is none. */
async function fromWeightFile(services: Services, uri: Uri): Promise<Model | null> {
  const name = uri.path.split('/').at(-1) ?? uri.path;
  try {
    const { config, weights } = await weightsSummary(services, uri);
    const reading = config && readModelConfig(config.text, { families: taughtFamilies() });
    if (!reading) throw new Error(l10n.t('It does not say which model it holds.'));
    return { name, reading, weights };
  } catch (error) {
    complain(`${name}: ${error instanceof Error ? error.message : l10n.t('The file could not be read.')}`);
    return null;
  }
}

async function askWeightFile(services: Services): Promise<Model | null> {
  const uri = await chooseWeightFile(l10n.t('Choose a Weight File'));
  return uri ? fromWeightFile(services, uri) : null;
}

function parsed(text: string, sources: readonly Source[]): FitQuestion<Source> {
  const models = sources.map((source) => ({ name: source.name, value: source }));
  return parseQuestion(text, { models, devices: DEVICES });
}

/** What was said, on top of the settings; null where no model was named, or it cannot be read. */
async function stateOf(
  question: FitQuestion<Source>,
  { model: given, scenario }: State,
  gpu: string,
): Promise<State | null> {
  const model = (await question.model?.open()) ?? given;
  return model && { model, said: true, ...setUp(question, scenario, gpu) };
}

function setUp(
  { weights, kvDtype, engine, release, device, devices, tokens, batch }: FitQuestion<Source>,
  scenario: Scenario,
  gpu: string,
): Pick<State, 'scenario' | 'device'> {
  const { release: before, options, ...others } = scenario;
  const same = engine === null || engine === scenario.engine;
  return {
    device: device ?? DEVICES.find(({ id }) => id === gpu) ?? null,
    scenario: {
      ...others,
      ...(same && before !== undefined && release === null ? { release: before } : {}),
      ...(same && options ? { options } : {}),
      ...(release === null ? {} : { release }),
      ...(engine === null ? {} : { engine }),
      ...(weights === null ? {} : { weights }),
      kvDtype: kvDtype ?? scenario.kvDtype,
      workload: { tokens: tokens ?? scenario.workload.tokens, batch: batch ?? scenario.workload.batch },
      sharding: { ...scenario.sharding, tp: devices ?? scenario.sharding.tp },
    },
  };
}

type Answer =
  | { readonly kind: 'source'; readonly source: Source }
  | { readonly kind: 'file' }
  | { readonly kind: 'question'; readonly question: FitQuestion<Source> };

function askModel(services: Services, sources: readonly Source[], gpu: string): Step<State> {
  return async (state, place) => {
    const answer = await pickOne<Answer>({
      title: title(null),
      placeholder: l10n.t(
        'Model, or everything in one line: Llama-3.1-405B, fp8 weights and cache, 8 × H100, 131,072 × 32',
      ),
      place,
      choices: [
        ...sources.map(
          (source): Choice<Answer> => ({
            label: source.name,
            description: source.detail,
            value: { kind: 'source', source },
          }),
        ),
        separator(l10n.t('From Disk')),
        { label: l10n.t('Choose a GGUF or safetensors file…'), value: { kind: 'file' } },
      ],
      typed: (text) => {
        const question = parsed(text, sources);
        if (!question.model || question.unknown.length > 0) return null;
        // A name alone is in the list.
        const { model: _model, unknown: _unknown, ...set } = question;
        if (Object.values(set).every((value) => value === null)) return null;
        const { device, scenario } = setUp(question, state.scenario, gpu);
        return {
          label: question.model.name,
          description: device ? setUpText(scenario, device) : '',
          value: { kind: 'question', question },
        };
      },
    });
    if (answer === undefined || answer === BACK) return answer;
    if (answer.kind === 'question') return (await stateOf(answer.question, state, gpu)) ?? undefined;
    const model = answer.kind === 'file' ? await askWeightFile(services) : await answer.source.open();
    return model ? { ...state, model, said: false } : undefined;
  };
}

/** "8 × H100 SXM 80GB · weights as fp8 · 32 × 131,072 tokens · cache in fp8 · vLLM 2026-08". */
function setUpText(scenario: Scenario, device: Device): string {
  const { sharding, weights, kvDtype } = scenario;
  return [
    `${formatInteger(sharding.tp)} × ${device.name}`,
    weights ? l10n.t('weights as {0}', weights) : l10n.t('weights as the file says'),
    workloadText(scenario),
    l10n.t('cache in {0}', kvDtype),
    engineText(scenario),
  ].join(' · ');
}

const askWeights: Step<State> = async (state, place) => {
  const { model, said, scenario } = state;
  if (said) return state;
  const picked = await pickOne<WeightFormat | typeof AS_FILED>({
    title: title(model),
    placeholder: l10n.t('Type of the weights'),
    place,
    choices: weightChoices(model?.reading ?? null, model?.weights ?? null),
    before: (value) => value === (scenario.weights ?? AS_FILED),
  });
  if (picked === undefined || picked === BACK) return picked;
  const { weights: _before, ...others } = scenario;
  return { ...state, scenario: { ...others, ...(picked === AS_FILED ? {} : { weights: picked }) } };
};

/** What the cache would take, beside a choice. */
function cacheText({ model }: State, scenario: Scenario): string {
  if (!model) return '';
  const plan = planCache(model.reading.spec, scenario);
  return refusalText(plan) ?? `${guessMark(plan)}${scopedText(plan)}`;
}

const askEngine: Step<State> = async (state, place) => {
  if (state.said) return state;
  const { scenario } = state;
  type Engine = Pick<Scenario, 'engine' | 'release'>;
  const choices = engineChoices().map((value): Choice<Engine> => {
    return { label: engineText(value), description: cacheText(state, withEngine(scenario, value)), value };
  });
  const picked = await pickOne<Engine>({
    title: title(state.model),
    placeholder: l10n.t('Engine'),
    place,
    choices,
    before: ({ engine, release }) => engine === scenario.engine && release === scenario.release,
  });
  if (picked === undefined || picked === BACK) return picked;
  return { ...state, scenario: withEngine(scenario, picked) };
};

/** Options are those of one engine. */
function withEngine(scenario: Scenario, engine: Pick<Scenario, 'engine' | 'release'>): Scenario {
  const { options, release: _release, ...others } = scenario;
  return { ...others, ...(engine.engine === scenario.engine && options ? { options } : {}), ...engine };
}

const askCache: Step<State> = async (state, place) => {
  if (state.said) return state;
  const { scenario } = state;
  const picked = await pickOne<KvDtype>({
    title: title(state.model),
    placeholder: l10n.t('Element type of the KV cache'),
    place,
    choices: KV_DTYPES.map((kvDtype) => ({
      label: kvDtype,
      description: cacheText(state, { ...scenario, kvDtype }),
      value: kvDtype,
    })),
    before: (value) => value === scenario.kvDtype,
  });
  if (picked === undefined || picked === BACK) return picked;
  return { ...state, scenario: { ...scenario, kvDtype: picked } };
};

const WORKLOADS = [
  [8_192, 1],
  [32_768, 1],
  [131_072, 1],
  [8_192, 32],
  [32_768, 32],
  [131_072, 32],
] as const;

const askWorkload: Step<State> = async (state, place) => {
  if (state.said) return state;
  const { scenario } = state;
  const choice = (tokens: number, batch: number): Choice<Scenario> => {
    const value = { ...scenario, workload: { tokens, batch } };
    return { label: workloadText(value), description: cacheText(state, value), value };
  };
  const { tokens, batch } = scenario.workload;
  const listed = WORKLOADS.some(([t, b]) => t === tokens && b === batch);
  const picked = await pickOne<Scenario>({
    title: title(state.model),
    placeholder: l10n.t('Tokens per sequence × sequences at once: choose or type, such as 131072 × 32'),
    place,
    choices: [...(listed ? [] : [choice(tokens, batch)]), ...WORKLOADS.map(([t, b]) => choice(t, b))],
    before: ({ workload }) => workload.tokens === tokens && workload.batch === batch,
    typed: (text) => {
      const alone = parseTypedCount(text);
      const { tokens: many, batch: few } = parseQuestion<never>(text, { models: [], devices: [] });
      const asked = alone ?? many;
      return asked === null ? null : choice(asked, few ?? 1);
    },
  });
  if (picked === undefined || picked === BACK) return picked;
  return { ...state, scenario: picked };
};

interface OnDevices {
  readonly device: Device;
  readonly devices: number;
}

/** Each device with the fewest on which it fits, the smallest set-up first; any other number is typed. */
const askDevices: Step<State> = async (state, place) => {
  const { model, said, scenario } = state;
  if (said || !model) return state;
  const rows = matrixOf(state);
  const shown = (device: Device, devices: number): Choice<OnDevices> => {
    const report = reportOf({ ...state, scenario: withDevices(scenario, devices) }, device);
    return {
      label: `${formatInteger(devices)} × ${device.name}`,
      description: report ? fitLine(report) : '',
      value: { device, devices },
    };
  };
  const of = (some: readonly MatrixRow[], heading: string): Choice<OnDevices>[] =>
    some.length === 0
      ? []
      : [
          separator(heading),
          ...some.map((row): Choice<OnDevices> => {
            const devices = row.fitsFrom ?? scenario.sharding.tp;
            return {
              label: `${formatInteger(devices)} × ${row.device.name}`,
              description: rowText(row),
              value: { device: row.device, devices },
            };
          }),
        ];
  const tight = (row: MatrixRow): boolean => row.cells.some(({ verdict }) => verdict === 'tight');
  const picked = await pickOne<OnDevices>({
    title: title(model),
    placeholder: l10n.t('Devices that fit, smallest first: choose or type, such as 8 × H100'),
    place,
    choices: [
      ...of(
        rows.filter(({ fitsFrom: from }) => from !== null),
        l10n.t('Fits'),
      ),
      ...of(
        rows.filter((row) => row.fitsFrom === null && tight(row)),
        l10n.t('Tight'),
      ),
      ...of(
        rows.filter((row) => row.fitsFrom === null && !tight(row)),
        l10n.t('Does not fit on up to 16 devices'),
      ),
    ],
    typed: (text) => {
      const { device, devices } = parseQuestion<never>(text, { models: [], devices: DEVICES });
      return device && devices !== null && /^\s*\d/.test(text) ? shown(device, devices) : null;
    },
  });
  if (picked === undefined || picked === BACK) return picked;
  return { ...state, device: picked.device, scenario: withDevices(scenario, picked.devices) };
};

function withDevices(scenario: Scenario, tp: number): Scenario {
  return { ...scenario, sharding: { ...scenario.sharding, tp } };
}

function requestFor({ model, scenario }: State, device: Device): FitRequest | null {
  return model && { reading: model.reading, device, scenario, weights: model.weights };
}

function reportOf(state: State, device: Device): FitReport | null {
  const request = requestFor(state, device);
  return request && fitModel(request);
}

function matrixOf({ model, scenario }: State): readonly MatrixRow[] {
  return model ? fitMatrix({ reading: model.reading, scenario, weights: model.weights }, DEVICES) : [];
}

const showAnswer =
  ({ pages }: Services): Step<State> =>
  async (state, place) => {
    const { model, device, scenario } = state;
    const request = device && requestFor(state, device);
    if (!model || !device || !request) return undefined;
    const report = fitModel(request);
    if (!report) {
      const plan = planCache(model.reading.spec, scenario);
      const label = plan.known ? l10n.t('The weights of this model are not known') : notKnownText(plan);
      const actions = [{ label, icon: 'warning', run: () => undefined }] as const;
      const shown = await showResults({ title: title(model), rows: [], actions }, place);
      return shown === true ? state : shown;
    }
    const suggestions = suggestionsFor(request, report);
    const verdict = verdictSentence(report, report.fits ? null : fitsFrom(request));
    const shown = await showResults(
      {
        title: `${title(model)} · ${setUpText(scenario, device)}`,
        rows: [
          // A list shows one line of each: the reason has its own.
          ...verdict.split(/, (?=\d|none)/).map((part) => ({ label: sentence(part), description: '' })),
          { label: sentence(fitLine(report)), description: '' },
          ...partTexts(report).map(([name, size, how]) => ({ label: sentence(name), description: size, detail: how })),
          ...(report.layers ? [{ label: sentence(layersText(report.layers)), description: '' }] : []),
          ...suggestions.map(({ text }) => ({ label: l10n.t('Would fit with {0}', text), description: '' })),
        ],
        actions: [
          {
            label: l10n.t('Show the whole answer'),
            icon: 'open-preview',
            run: () =>
              pages.show({
                kind: l10n.t('Fit'),
                name: model.name,
                subject: model.name,
                markdown: fitMarkdown(model.name, report, scenario, suggestions),
              }),
          },
          {
            label: l10n.t('Show all devices and numbers of devices'),
            icon: 'table',
            run: () =>
              pages.show({
                kind: l10n.t('Fit by device'),
                name: model.name,
                subject: model.name,
                markdown: matrixMarkdown(model.name, matrixOf(state), scenario, report.weights),
              }),
          },
          {
            label: l10n.t('Use as my scenario'),
            icon: 'settings-gear',
            run: () => writeAll(scenario, device),
          },
        ],
      },
      place,
    );
    return shown === true ? state : shown;
  };

/** Everything that was chosen becomes a setting. */
async function writeAll(scenario: Scenario, device: Device): Promise<void> {
  const { workload, kvDtype, weights, sharding, engine, release } = scenario;
  const chosen = parseEngine(release === undefined ? engine : `${engine}@${release}`);
  if (chosen.engine !== null) await writeEngine(chosen);
  await writeScenario(SETTINGS.tokens, workload.tokens);
  await writeScenario(SETTINGS.batch, workload.batch);
  await writeScenario(SETTINGS.kvDtype, kvDtype);
  await writeScenario(SETTINGS.weights, weights ?? AS_FILED);
  await writeScenario(SETTINGS.tp, sharding.tp);
  await writeScenario(SETTINGS.gpu, device.id);
}
