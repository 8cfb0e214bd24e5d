/** Show KV Cache at…: another workload than that of the settings, for a look. */

import { l10n } from 'vscode';
import { planCache, type CachePlan } from '../../cache/plan';
import { ENGINES, type EngineRule, type Scenario } from '../../model/scenario';
import { formatBytes, formatInteger } from '../../model/units';
import { cacheAtMarkdown } from '../../present/cacheAtText';
import { allAlike, threeText } from '../../present/scopeText';
import { scopedText } from '../../present/sizeText';
import { engineText, inexactText, workloadText } from '../../present/words';
import { SETTINGS } from '../ids';
import type { Services } from '../services';
import { writeScenario } from '../settings';
import { type BACK, runFlow, type Step } from './flow';
import { type Choice, pickOne, typedCount } from './pick';
import { showResults } from './results';
import {
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

export interface CacheAtRow {
  readonly engine: EngineRule;
  readonly release: string;
  /** Null where not every layer was understood. */
  readonly neededBytes: number | null;
  readonly steadyBytes: number | null;
  readonly reservedBytes: number | null;
}

export interface CacheAt {
  readonly tokens: number;
  readonly batch: number;
  readonly bytesPerToken: number | null;
  /** Under the scenario's rule. */
  readonly totalBytes: number | null;
  /** Under every rule. */
  readonly engines: readonly CacheAtRow[];
}

const TOKENS = [1_024, 4_096, 8_192, 32_768, 131_072, 262_144, 1_048_576];
const BATCHES = [1, 2, 4, 8, 16, 32, 64, 128, 256];

export async function showCacheAt(services: Services, uri: unknown, argument: unknown): Promise<CacheAt | null> {
  const subject = await subjectOf(services, uri);
  if (!subject) return null;
  const request = requestOf<WorkloadRequest>(argument);
  if (request) {
    const scenario = scenarioFor(subject.document, request);
    await showPage(
      services,
      subject,
      l10n.t('KV cache'),
      cacheAtMarkdown(subject.name, subject.reading.spec, scenario, rulesOf(subject, scenario)),
    );
    return cacheAt(subject, scenario);
  }
  const scenario = await runFlow(scenarioFor(subject.document, {}), [
    askTokens(services, subject),
    askBatch(services, subject),
    showAt(services, subject),
  ]);
  return scenario ? cacheAt(subject, scenario) : null;
}

function cacheAt(subject: Subject, scenario: Scenario): CacheAt {
  const { totalBytes, bytesPerToken } = planCache(subject.reading.spec, scenario);
  const engines = plans(subject, scenario).map((plan): CacheAtRow => {
    const { neededBytes, steadyBytes, reservedBytes } = plan;
    return { engine: plan.engine.id, release: plan.setup.release.id, neededBytes, steadyBytes, reservedBytes };
  });
  return { ...scenario.workload, bytesPerToken, totalBytes, engines };
}

function askTokens(services: Services, subject: Subject): Step<Scenario> {
  return async (scenario, place) => {
    const trained = subject.reading.spec.contextLength?.value;
    const counts = [
      ...new Set([...TOKENS, scenario.workload.tokens, ...(trained === undefined ? [] : [trained])]),
    ].sort((a, b) => a - b);
    const at = (tokens: number): Scenario => ({ ...scenario, workload: { ...scenario.workload, tokens } });
    const choice = (tokens: number): Choice<number> => ({
      label: l10n.t('{0} tokens', formatInteger(tokens)),
      description: preview(subject, at(tokens)),
      ...(tokens === trained ? { detail: l10n.t('the trained context') } : {}),
      value: tokens,
    });
    const picked = await ask(services, 'tokens', scenario.workload.tokens, {
      title: title(l10n.t('Show KV Cache at'), subject),
      placeholder: l10n.t('Tokens per sequence: choose or type a number'),
      place,
      counts,
      choice,
    });
    return typeof picked === 'number' ? at(picked) : picked;
  };
}

function askBatch(services: Services, subject: Subject): Step<Scenario> {
  return async (scenario, place) => {
    const at = (batch: number): Scenario => ({ ...scenario, workload: { ...scenario.workload, batch } });
    const picked = await ask(services, 'batch', scenario.workload.batch, {
      title: title(l10n.t('Show KV Cache at'), subject),
      placeholder: l10n.t('Sequences at the same time: choose or type a number'),
      place,
      counts: BATCHES,
      choice: (batch) => ({
        label: l10n.t('{0} at once', formatInteger(batch)),
        description: preview(subject, at(batch)),
        value: batch,
      }),
    });
    return typeof picked === 'number' ? at(picked) : picked;
  };
}

interface CountQuestion {
  readonly title: string;
  readonly placeholder: string;
  readonly place: { readonly step: number; readonly steps: number };
  readonly counts: readonly number[];
  choice(value: number): Choice<number>;
}

async function ask(
  services: Services,
  name: string,
  fallback: number,
  { counts, choice, ...question }: CountQuestion,
): Promise<number | typeof BACK | undefined> {
  const before = remembered(services, name) ?? fallback;
  const picked = await pickOne({
    ...question,
    choices: counts.map(choice),
    before: (value) => value === before,
    typed: typedCount(choice),
  });
  if (typeof picked === 'number') remember(services, name, picked);
  return picked;
}

function preview({ reading }: Subject, scenario: Scenario): string {
  return scopedText(planCache(reading.spec, scenario), 'totalBytes', formatBytes);
}

function showAt(services: Services, subject: Subject): Step<Scenario> {
  return async (scenario, place) => {
    const { workload } = scenario;
    const shown = await showResults(
      {
        title: `${subject.name} · ${workloadText(scenario)}`,
        rows: plans(subject, scenario).map((plan) => ({
          label: engineText(plan.scenario),
          description: scopedText(plan, 'steadyBytes', formatBytes),
          detail: threeNumbers(plan),
        })),
        actions: [
          {
            label: l10n.t('Open as a Page'),
            icon: 'open-preview',
            run: () =>
              showPage(
                services,
                subject,
                l10n.t('KV cache'),
                cacheAtMarkdown(subject.name, subject.reading.spec, scenario, rulesOf(subject, scenario)),
              ),
          },
          {
            label: l10n.t('Use as my scenario'),
            icon: 'settings-gear',
            run: async () => {
              await writeScenario(SETTINGS.tokens, workload.tokens);
              await writeScenario(SETTINGS.batch, workload.batch);
            },
          },
        ],
      },
      place,
    );
    return shown === true ? scenario : shown;
  };
}

function plans(subject: Subject, scenario: Scenario): CachePlan[] {
  return rulesOf(subject, scenario).map((each) => planCache(subject.reading.spec, each));
}

/** The same workload under every engine, each as its own settings start it. */
function rulesOf({ document }: Subject, { workload }: Scenario): Scenario[] {
  return ENGINES.map((engine) => scenarioFor(document, workload, engine));
}

function threeNumbers(plan: CachePlan): string {
  const { kvDtype, exact } = plan;
  if (!plan.known) return `${kvDtype} · ${inexactText(plan)}`;
  const numbers = allAlike(plan) ? l10n.t('needed, occupied and reserved are the same') : threeText(plan);
  return `${kvDtype} · ${numbers}${exact ? '' : ` · ${l10n.t('not exact')}`}`;
}
