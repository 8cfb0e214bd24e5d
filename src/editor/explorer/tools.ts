/** Tools for chat assistants in the editor: the numbers of the same core, as bounded text. They read; they change nothing. */

import {
  type CancellationToken,
  l10n,
  type LanguageModelToolInvocationOptions,
  type LanguageModelToolResult,
  type PreparedToolInvocation,
  Uri,
  workspace,
} from 'vscode';
import { boundedText } from '../boundedText';
import { parseEngine } from '../../cache/engines/choose';
import { planCache } from '../../cache/plan';
import { DEFAULT_LATENT, parseVariant, variantProblem, type VariantRequest } from '../../cache/variants';
import type { ConfigDocument } from '../../config/document';
import { lintReading } from '../../lint/lint';
import { readModelConfig, type Reading } from '../../reading/read';
import { isKvDtype } from '../../model/dtype';
import type { Scenario } from '../../model/scenario';
import { comparisonText } from '../../present/comparisonText';
import { fitLine } from '../../present/fitText';
import { codeSpan, filled } from '../../present/markdown';
import { planText } from '../../present/planText';
import { compareDesigns, type ComparedModel } from '../../serving/comparison';
import { fitModel } from '../../serving/fit';
import { deviceOf } from '../../serving/hardware';
import { countParameters } from '../../serving/parameters/count';
import type { ToolName } from '../ids';
import { configName } from '../names';
import { quantFileBeside } from '../quantFiles';
import type { Services } from '../services';
import { gpuSetting, scenarioSetting, taughtFamilies } from '../settings';
import { toolQuestion, toolResult } from '../sinks';
import { isWeightFile, weightsSummary } from '../weightFiles';

/** Longer answers are cut: they go into a prompt. Characters. */
const MOST_TEXT = 8_000;
const MOST_CONFIG = 200_000;
const MOST_PATHS = 8;
const MOST_PROBLEMS = 40;

/** As the schemas of package.json say; every field may be anything, for a model wrote it. */
export type ToolInput = Readonly<Record<string, unknown>>;

/** What went wrong, for the assistant to tell or mend. */
class ToolError extends Error {}

export function prepareTool(tool: ToolName, { input }: { readonly input: ToolInput }): PreparedToolInvocation {
  const about = whatOf(input);
  const title = {
    headlight_estimate: l10n.t('Estimate KV cache'),
    headlight_compare: l10n.t('Compare attention designs'),
    headlight_lint: l10n.t('Check a model config'),
  }[tool];
  return toolQuestion({
    running: `${title}: ${about}`,
    title,
    message: filled(l10n.t('Headlight reads {0} and computes; nothing is changed.'), codeSpan(about)),
  });
}

function whatOf(input: ToolInput): string {
  const paths = pathsOf(input);
  return paths.length > 0 ? paths.join(', ').slice(0, 200) : l10n.t('the given config text');
}

export async function invokeTool(
  services: Services,
  tool: ToolName,
  { input }: LanguageModelToolInvocationOptions<ToolInput>,
  token: CancellationToken,
): Promise<LanguageModelToolResult> {
  const text = await answer(services, tool, input, token).catch((error: unknown) => {
    // Said, not thrown: the assistant can ask again with what was missing.
    if (error instanceof ToolError) return `Error: ${error.message}`;
    throw error;
  });
  return toolResult(text.length > MOST_TEXT ? `${text.slice(0, MOST_TEXT)}\n… (cut)` : text);
}

async function answer(services: Services, tool: ToolName, input: ToolInput, token: CancellationToken): Promise<string> {
  switch (tool) {
    case 'headlight_estimate':
      return estimateText(await oneModel(services, input, token), scenarioOf(input), gpuOf(input));
    case 'headlight_compare':
      return compareText(await models(services, input, token), input);
    case 'headlight_lint':
      return lintText(await oneModel(services, input, token), input);
  }
}

interface Named {
  readonly name: string;
  readonly reading: Reading;
}

function estimateText({ name, reading }: Named, scenario: Scenario, gpu: string): string {
  const plan = planCache(reading.spec, scenario);
  const device = deviceOf(gpu);
  const fit = device && fitModel({ reading, device, scenario, weights: null });
  const parameters = countParameters(reading)?.total ?? null;
  const { bytesPerToken, cacheBytes, stateBytes, totalBytes, kvDtype, exact } = plan;
  const numbers = {
    modelType: reading.spec.modelType,
    variant: reading.spec.variant,
    ...scenario.workload,
    engine: scenario.engine,
    release: plan.setup.release.id,
    kvDtype,
    bytesPerToken,
    cacheBytes,
    stateBytes,
    totalBytes,
    parameters,
    exact,
  };
  return [
    name,
    planText(plan),
    ...(fit
      ? [
          `on ${fit.device.name}, weights ${fit.weights.exact ? '' : 'estimated '}${fit.weights.bytes} B: ${fitLine(fit)}`,
        ]
      : []),
    JSON.stringify(numbers),
  ].join('\n');
}

function compareText(named: readonly Named[], input: ToolInput): string {
  const asked = list(input['as']);
  const requests = asked.map((text): VariantRequest => {
    const request = parseVariant(text);
    if (!request) throw new ToolError(`"as" takes mha, gqa:G, mqa and mla:R+D, not ${text.slice(0, 40)}`);
    return request;
  });
  const alone = named.length === 1;
  const usual: VariantRequest[] = [
    { kind: 'mha' },
    { kind: 'gqa', groups: 8 },
    { kind: 'mqa' },
    { kind: 'mla', ...DEFAULT_LATENT },
  ];
  const compared = named.map(({ name, reading }): ComparedModel => {
    const wanted =
      asked.length > 0
        ? requests
        : alone
          ? usual.filter((request) => variantProblem(reading.spec, request) === null)
          : [];
    return { name: alone ? null : name, reading, requests: wanted };
  });
  const comparison = compareDesigns(compared, scenarioOf(input), deviceOf(gpuOf(input)));
  const leftOut = comparison.leftOut.map(({ problem }) => `left out: ${problem}`);
  const rows = comparison.rows.map(({ label, plan, ratio }) => ({
    label,
    bytesPerToken: plan.bytesPerToken,
    cacheBytes: plan.cacheBytes,
    ratio,
    exact: plan.exact,
  }));
  return [comparisonText(comparison), ...leftOut, JSON.stringify(rows)].join('\n');
}

function lintText({ name, reading }: Named, input: ToolInput): string {
  const tp = whole(input['tensorParallel']);
  const problems = lintReading(reading, { kvDtype: scenarioOf(input).kvDtype, ...(tp === null ? {} : { tp }) });
  if (problems.length === 0) return `${name}: no problems`;
  const lines = problems
    .slice(0, MOST_PROBLEMS)
    .map(
      ({ severity, rule, range, message, fix }) =>
        `line ${range?.line ?? 1}: ${severity}: ${message} [${rule}]${fix ? ` Fix: ${fix.title}` : ''}`,
    );
  const more = problems.length - lines.length;
  return [`${name}: ${problems.length} problems`, ...lines, ...(more > 0 ? [`and ${more} more`] : [])].join('\n');
}

async function oneModel(services: Services, input: ToolInput, token: CancellationToken): Promise<Named> {
  const [first] = await models(services, input, token);
  if (!first) throw new ToolError('give path (in the workspace) or config (its text)');
  return first;
}

async function models(services: Services, input: ToolInput, token: CancellationToken): Promise<Named[]> {
  const paths = pathsOf(input);
  if (paths.length > MOST_PATHS) throw new ToolError(`at most ${MOST_PATHS} paths at a time`);
  const named = await Promise.all(paths.map((path) => atPath(services, path, token)));
  const { config } = input;
  if (typeof config === 'string' && config !== '')
    named.push({ name: 'the given config', reading: parse('the given config', config) });
  if (named.length === 0) throw new ToolError('give path (in the workspace) or config (its text)');
  return named;
}

function pathsOf(input: ToolInput): string[] {
  const { path } = input;
  return [...(typeof path === 'string' && path !== '' ? [path] : []), ...list(input['paths'])];
}

/** A file of the workspace: a config, a folder that holds one, a GGUF or safetensors file. Nothing outside of it is read. */
async function atPath(services: Services, path: string, token: CancellationToken): Promise<Named> {
  const uri = inWorkspace(path);
  if (!uri) throw new ToolError(`${path.slice(0, 200)} is not in the workspace`);
  if (isWeightFile(uri)) {
    const { config } = await weightsSummary(services, uri, token).catch((error: unknown) => {
      throw new ToolError(error instanceof Error ? error.message : 'the file could not be read');
    });
    if (!config) throw new ToolError(`${path} has no config`);
    return { name: path, reading: parse(path, config.text, await quantFileBeside(uri)) };
  }
  for (const candidate of uri.path.endsWith('.json')
    ? [uri]
    : [Uri.joinPath(uri, 'config.json'), Uri.joinPath(uri, 'params.json'), uri]) {
    const open = workspace.textDocuments.find((document) => document.uri.toString() === candidate.toString());
    const text = open?.getText() ?? (await boundedText(candidate, MOST_CONFIG * 4));
    if (text !== null)
      return { name: configName(candidate), reading: parse(path, text, await quantFileBeside(candidate)) };
  }
  throw new ToolError(`${path.slice(0, 200)} could not be read, or is too large`);
}

function inWorkspace(path: string): Uri | null {
  for (const folder of workspace.workspaceFolders ?? []) {
    const absolute = path.startsWith('/') || /^[A-Za-z]:[\\/]/.test(path);
    const uri = absolute ? folder.uri.with({ path: Uri.file(path).path }) : Uri.joinPath(folder.uri, path);
    // joinPath has resolved "..": what is left must lie under the folder.
    if (workspace.getWorkspaceFolder(uri)) return uri;
  }
  return null;
}

function parse(name: string, text: string, quantFile?: ConfigDocument): Reading {
  if (text.length > MOST_CONFIG * 4) throw new ToolError(`${name} is too long`);
  const reading = readModelConfig(text, { families: taughtFamilies(), ...(quantFile ? { quantFile } : {}) });
  if (!reading) throw new ToolError(`${name.slice(0, 200)} is not a model config`);
  return reading;
}

function scenarioOf(input: ToolInput): Scenario {
  const { engine, kvDtype } = input;
  const chosen = typeof engine === 'string' ? parseEngine(engine) : null;
  if (chosen?.engine === null) throw new ToolError(`engine ${chosen.problem}`);
  const scenario = scenarioSetting(undefined, chosen?.engine);
  return {
    ...scenario,
    ...(chosen ? { release: chosen.release } : {}),
    workload: {
      tokens: whole(input['tokens']) ?? scenario.workload.tokens,
      batch: whole(input['batch']) ?? scenario.workload.batch,
    },
    kvDtype: typeof kvDtype === 'string' && isKvDtype(kvDtype) ? kvDtype : scenario.kvDtype,
    sharding: { ...scenario.sharding, tp: whole(input['tensorParallel']) ?? scenario.sharding.tp },
  };
}

function gpuOf({ gpu }: ToolInput): string {
  return typeof gpu === 'string' && deviceOf(gpu) ? gpu : gpuSetting();
}

/** 1 to 2^40. */
function whole(value: unknown): number | null {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 1 && value <= 2 ** 40 ? value : null;
}

function list(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((entry) => typeof entry === 'string').slice(0, 20) : [];
}
