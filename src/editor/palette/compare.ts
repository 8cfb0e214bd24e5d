/** Compare Attention Variants, Compare with Another Config…, Export Comparison…: the same rows, asked for in different ways. */

import { commands, l10n, Uri, window, workspace } from 'vscode';
import { divisorsOf } from '../../model/divisors';
import { DEFAULT_LATENT, parseVariant, variantProblem, type VariantRequest } from '../../cache/variants';
import type { Reading } from '../../reading/read';
import { isHeaded } from '../../model/attention';
import type { Scenario } from '../../model/scenario';
import { comparisonCsv, comparisonDocument, comparisonTitle } from '../../present/comparisonText';
import { formatDelta, formatSeconds } from '../../present/quantities';
import { guessMark, inAllBytes, perTokenText, ratioText, scopedText } from '../../present/sizeText';
import { workloadText } from '../../present/words';
import {
  changesNothing,
  compareDesigns,
  type ComparedModel,
  type Comparison,
  type ComparisonRow,
  requestText,
} from '../../serving/comparison';
import { deviceOf } from '../../serving/hardware';
import { COMMANDS } from '../ids';
import type { Services } from '../services';
import { gpuSetting } from '../settings';
import { type OtherConfig, otherConfigs, readOther, revisions } from './others';
import { BACK, runFlow } from './flow';
import { type Choice, ONLY, pickMany, pickOne, separator } from './pick';
import { type ResultAction, showResults } from './results';
import {
  count,
  remember,
  remembered,
  requestOf,
  scenarioFor,
  showPage,
  type Subject,
  subjectOf,
  texts,
  title,
  type WorkloadRequest,
} from './subject';
import { elementAt } from '../../model/elementAt';
import { visibleJson } from '../../model/visibleText';
import { tell } from '../sinks';
import { writeWhole } from '../writing';

/** What callers of the commands get: plain numbers. */
export interface ComparedRow {
  readonly label: string;
  /** Null where not every layer was understood. */
  readonly bytesPerToken: number | null;
  readonly cacheBytes: number | null;
  readonly ratio: number | null;
  readonly parametersDelta: number | null;
  readonly projectionFlops: number | null;
  readonly exact: boolean;
}

export interface CompareVariantsRequest extends WorkloadRequest {
  /** `mha`, `gqa:8`, `mqa`, `mla:512+64`. */
  readonly as?: readonly string[];
}

export interface CompareWithRequest extends WorkloadRequest {
  readonly with?: readonly Uri[];
  /** Earlier versions in git, the newest that differ. */
  readonly revisions?: number;
}

export type ExportFormat = 'markdown' | 'csv' | 'json' | 'png';

export interface ExportRequest extends CompareVariantsRequest, CompareWithRequest {
  readonly format?: ExportFormat;
  readonly target?: Uri;
}

/** A comparison of this window, so that it can be exported after it was looked at. */
let latest: { readonly subject: string; readonly models: readonly ComparedModel[] } | null = null;

export async function compareVariants(
  services: Services,
  uri: unknown,
  argument: unknown,
): Promise<readonly ComparedRow[] | null> {
  const subject = await subjectOf(services, uri);
  if (!subject) return null;
  const request = requestOf<CompareVariantsRequest>(argument);
  const scenario = scenarioFor(subject.document, request ?? {});
  const asked = request && variants(request.as);
  if (asked) {
    const comparison = compared(
      subject,
      [{ name: null, title: subject.name, reading: subject.reading, requests: asked }],
      scenario,
    );
    await showComparisonPage(services, subject, comparison);
    return rowsOf(comparison);
  }
  const result = await runFlow<{ readonly requests: readonly VariantRequest[] }>({ requests: [] }, [
    async (state, place) => {
      const before = texts(remembered(services, 'variants')) ?? usualRequests(subject.reading).map(requestText);
      const { base, choices } = variantChoices(subject, scenario);
      const picked = await pickMany({
        title: title(l10n.t('Compare Attention Variants'), subject),
        placeholder: l10n.t(
          'Now {0}: {1} at {2}',
          subject.reading.spec.variant,
          base ? sizes(base) : '?',
          workloadText(scenario),
        ),
        place,
        choices,
        before: (value) => before.includes(requestText(value)),
      });
      if (picked === undefined || picked === BACK) return picked;
      remember(services, 'variants', picked.map(requestText));
      return { ...state, requests: picked };
    },
    async (state, place) => {
      const comparison = compared(
        subject,
        [{ name: null, title: subject.name, reading: subject.reading, requests: state.requests }],
        scenario,
      );
      const shown = await showComparison(services, subject, comparison, place);
      return shown === true ? state : shown;
    },
  ]);
  return result
    ? rowsOf(
        compareDesigns(
          [{ name: null, title: subject.name, reading: subject.reading, requests: result.requests }],
          scenario,
        ),
      )
    : null;
}

export async function compareWith(
  services: Services,
  uri: unknown,
  argument: unknown,
): Promise<readonly ComparedRow[] | null> {
  const subject = await subjectOf(services, uri);
  if (!subject) return null;
  const request = requestOf<CompareWithRequest>(argument);
  const scenario = scenarioFor(subject.document, request ?? {});
  const given = request && (await givenOthers(services, subject, request));
  if (given) {
    const comparison = compared(subject, modelsOf(subject, given), scenario);
    await showComparisonPage(services, subject, comparison);
    return rowsOf(comparison);
  }
  const result = await runFlow<{ readonly others: readonly OtherConfig[] }>({ others: [] }, [
    async (state, place) => {
      const before = texts(remembered(services, 'with')) ?? [];
      const picked = await pickMany({
        title: title(l10n.t('Compare with Another Config'), subject),
        placeholder: l10n.t('Open files, the workspace, well-known models, earlier revisions'),
        place,
        choices: otherChoices(services, subject, scenario),
        before: (value) => value !== 'file' && before.includes(value.id),
      });
      if (picked === undefined || picked === BACK) return picked;
      const others = [
        ...picked.filter((value) => value !== 'file'),
        ...(picked.includes('file') ? await askFiles(services) : []),
      ];
      if (others.length === 0) return undefined;
      remember(services, 'with', others.map(({ id }) => id).slice(0, 20));
      return { ...state, others };
    },
    async (state, place) => {
      const shown = await showComparison(
        services,
        subject,
        compared(subject, modelsOf(subject, state.others), scenario),
        place,
      );
      return shown === true ? state : shown;
    },
  ]);
  return result ? rowsOf(compareDesigns(modelsOf(subject, result.others), scenario)) : null;
}

/** Writes the comparison that was looked at last (or the usual one) to a file, or opens it where there is no file to write. */
export async function exportComparison(services: Services, uri: unknown, argument: unknown): Promise<Uri | null> {
  const subject = await subjectOf(services, uri);
  if (!subject) return null;
  const request = requestOf<ExportRequest>(argument) ?? {};
  const scenario = scenarioFor(subject.document, request);
  const others = await givenOthers(services, subject, request);
  const own: ComparedModel = {
    name: null,
    title: subject.name,
    reading: subject.reading,
    requests: variants(request.as) ?? usualRequests(subject.reading),
  };
  const models = others
    ? modelsOf(subject, others)
    : !request.as && latest?.subject === subject.document.uri.toString()
      ? latest.models
      : [own];
  const comparison = compared(subject, models, scenario);
  const format = request.format ?? (await askFormat(services, subject, comparison));
  if (!format) return null;
  if (format === 'png') {
    // A picture has text, and only the page has fonts.
    await commands.executeCommand(COMMANDS.openPanel, subject.document.uri, 'compare');
    void tell(l10n.t("The panel's Compare view draws the picture: save it from there."));
    return null;
  }
  const target =
    request.target ??
    (await window.showSaveDialog({ defaultUri: beside(subject, format), title: l10n.t('Export Comparison') }));
  if (!target) return null;
  await writeWhole(target, new TextEncoder().encode(exportText(subject, comparison, format)));
  const open = l10n.t('Open');
  void tell(l10n.t('The comparison was written to {0}.', workspace.asRelativePath(target)), open).then((answer) => {
    if (answer === open) void window.showTextDocument(target);
  });
  return target;
}

/** Null where nobody named any. */
async function givenOthers(
  services: Services,
  { document }: Subject,
  request: CompareWithRequest,
): Promise<OtherConfig[] | null> {
  const wanted = count(request.revisions);
  if (wanted !== null) return (await revisions(services, document)).slice(0, wanted);
  if (!Array.isArray(request.with)) return null;
  const uris = request.with.filter((other) => other instanceof Uri);
  return (await Promise.all(uris.map((other) => readOther(services, other)))).filter((other) => other !== null);
}

function exportText(subject: Subject, comparison: Comparison, format: Exclude<ExportFormat, 'png'>): string {
  switch (format) {
    case 'markdown':
      return comparisonDocument(subject.name, comparison).source;
    case 'csv':
      return comparisonCsv(comparison);
    case 'json': {
      const { workload, engine, kvDtype } = comparison.scenario;
      return `${visibleJson({ ...workload, engine, kvDtype, rows: rowsOf(comparison) }, 2)}\n`;
    }
  }
}

async function askFormat(services: Services, subject: Subject, comparison: Comparison): Promise<ExportFormat | null> {
  const rows = l10n.t('{0} rows', comparison.rows.length);
  const choices: Choice<ExportFormat>[] = [
    { label: 'Markdown', description: rows, detail: l10n.t('A table, as shown'), value: 'markdown' },
    { label: 'CSV', description: rows, detail: l10n.t('Plain numbers, for spreadsheets'), value: 'csv' },
    { label: 'JSON', description: rows, detail: l10n.t('Plain numbers, for programs'), value: 'json' },
    { label: 'PNG', detail: l10n.t('A picture: drawn by the panel, saved from its Compare view'), value: 'png' },
  ];
  const before = remembered(services, 'format');
  const picked = await pickOne({
    title: title(l10n.t('Export Comparison'), subject),
    placeholder: l10n.t('Format'),
    place: ONLY,
    choices,
    before: (value) => value === before,
  });
  if (picked === undefined || picked === BACK) return null;
  remember(services, 'format', picked);
  return picked;
}

const EXTENSIONS: Readonly<Record<Exclude<ExportFormat, 'png'>, string>> = { markdown: 'md', csv: 'csv', json: 'json' };

function beside({ document, name }: Subject, format: Exclude<ExportFormat, 'png'>): Uri {
  const file = `${name.replace(/[^\w.-]/g, '_').slice(0, 60)}-comparison.${EXTENSIONS[format]}`;
  const folder = workspace.getWorkspaceFolder(document.uri) ?? workspace.workspaceFolders?.[0];
  return folder ? Uri.joinPath(folder.uri, file) : Uri.file(file);
}

/** A comparison that people look at: it is what an export writes next. */
function compared(subject: Subject, models: readonly ComparedModel[], scenario: Scenario): Comparison {
  latest = { subject: subject.document.uri.toString(), models };
  return compareDesigns(models, scenario, deviceOf(gpuSetting(subject.document)));
}

function modelsOf(subject: Subject, others: readonly OtherConfig[]): ComparedModel[] {
  return [
    { name: subject.name, reading: subject.reading, requests: [] },
    ...others.map(({ name, reading }): ComparedModel => ({ name, reading, requests: [] })),
  ];
}

function rowsOf({ rows }: Comparison): ComparedRow[] {
  return rows.map(({ label, plan, ratio, parametersDelta, projectionFlops }) => ({
    label,
    bytesPerToken: plan.bytesPerToken,
    cacheBytes: plan.cacheBytes,
    ratio,
    parametersDelta,
    projectionFlops,
    exact: plan.exact,
  }));
}

function showComparisonPage(services: Services, subject: Subject, comparison: Comparison): Promise<void> {
  const markdown = comparisonDocument(subject.name, comparison);
  return showPage(services, subject, l10n.t('Comparison'), markdown, comparisonCsv(comparison));
}

async function showComparison(
  services: Services,
  subject: Subject,
  comparison: Comparison,
  place: { readonly step: number; readonly steps: number },
): ReturnType<typeof showResults> {
  const rows = comparison.rows.map((row) => ({
    label: row.label,
    description: [sizes(row), ratioText(inAllBytes(elementAt(comparison.rows, 0).plan), inAllBytes(row.plan))]
      .filter((part) => part !== '')
      .join(' · '),
    detail: rowDetail(row),
  }));
  const open: ResultAction = {
    label: l10n.t('Open as a Page'),
    icon: 'open-preview',
    run: () => showComparisonPage(services, subject, comparison),
  };
  const save: ResultAction = {
    label: l10n.t('Export…'),
    icon: 'export',
    run: () => commands.executeCommand(COMMANDS.exportComparison, subject.document.uri),
  };
  const panel: ResultAction = {
    label: l10n.t('Show in the Panel'),
    icon: 'graph',
    run: () => commands.executeCommand(COMMANDS.openPanel, subject.document.uri, 'compare'),
  };
  return showResults({ title: comparisonTitle(comparison), rows, actions: [open, save, panel] }, place);
}

function rowDetail({ label, request, plan, parametersDelta, decode }: ComparisonRow): string {
  return [
    ...(request === null && !label.includes(plan.spec.variant) ? [plan.spec.variant] : []),
    ...(request === null || !parametersDelta ? [] : [l10n.t('attention weights {0}', formatDelta(parametersDelta))]),
    ...(decode === null ? [] : [l10n.t('decode step at least {0}', formatSeconds(decode.timeS))]),
    ...(plan.exact ? [] : [l10n.t('not exact')]),
  ].join(' · ');
}

function variants(asked: unknown): VariantRequest[] | null {
  return texts(asked)?.flatMap((text) => parseVariant(text) ?? []) ?? null;
}

const USUAL: readonly VariantRequest[] = [
  { kind: 'mha' },
  { kind: 'gqa', groups: 8 },
  { kind: 'mqa' },
  { kind: 'mla', ...DEFAULT_LATENT },
];

function usualRequests(reading: Reading): VariantRequest[] {
  return USUAL.filter(
    (request) => variantProblem(reading.spec, request) === null && !changesNothing(reading.spec, request),
  );
}

/** Every design that the model can have, each with what it would cost; and the model as it is. */
function variantChoices(
  subject: Subject,
  scenario: Scenario,
): { readonly base: ComparisonRow | undefined; readonly choices: readonly Choice<VariantRequest>[] } {
  const { reading } = subject;
  const heads = reading.spec.layers
    .map(({ attention }) => attention)
    .find((attention) => isHeaded(attention) || attention.kind === 'latent');
  const queryHeads = heads && 'queryHeads' in heads ? heads.queryHeads : 0;
  const groups = divisorsOf(queryHeads).filter((divisor) => divisor > 1 && divisor < queryHeads);
  const requests: VariantRequest[] = [
    { kind: 'mha' },
    ...groups.reverse().map((each): VariantRequest => ({ kind: 'gqa', groups: each })),
    { kind: 'mqa' },
    { kind: 'mla', ...DEFAULT_LATENT },
    { kind: 'mla', latentDim: 256, ropeDim: 32 },
  ];
  const other = requests.filter((request) => !changesNothing(reading.spec, request));
  const { rows } = compareDesigns([{ name: null, reading, requests: other }], scenario);
  const [base, ...made] = rows;
  const choices = made.flatMap((row): Choice<VariantRequest>[] =>
    row.request && base ? [{ label: row.label, ...preview(row, base), value: row.request }] : [],
  );
  return { base, choices };
}

function preview(row: ComparisonRow, base: ComparisonRow): { readonly description: string; readonly detail: string } {
  const parameters = row.parametersDelta ? [l10n.t('attention weights {0}', formatDelta(row.parametersDelta))] : [];
  return {
    description: sizes(row),
    detail: [ratioText(inAllBytes(base.plan, 'cacheBytes'), inAllBytes(row.plan, 'cacheBytes')), ...parameters]
      .filter((part) => part !== '')
      .join(' · '),
  };
}

function sizes({ plan }: Pick<ComparisonRow, 'plan'>): string {
  const perToken = perTokenText(plan);
  const total = scopedText(plan);
  return perToken === total ? total : `${guessMark(plan)}${total} · ${perToken}`;
}

/** Configs to choose from, each with its sizes beside the subject's. */
export async function* otherChoices(
  services: Services,
  subject: Subject,
  scenario: Scenario,
): AsyncGenerator<readonly Choice<OtherConfig | 'file'>[]> {
  const all: Choice<OtherConfig | 'file'>[] = [];
  const file: Choice<OtherConfig | 'file'> = { label: l10n.t('Choose a file…'), value: 'file' };
  for await (const { heading, configs } of otherConfigs(services, subject.document)) {
    if (configs.length === 0) continue;
    all.push(separator(heading));
    for (const other of configs) {
      const [base, row] = compareDesigns(
        [
          { name: null, title: subject.name, reading: subject.reading, requests: [] },
          { name: other.name, reading: other.reading, requests: [] },
        ],
        scenario,
      ).rows;
      if (!base || !row) continue;
      // What a well-known model is about begins with its design.
      const variant = other.id.startsWith('preset:') ? '' : other.reading.spec.variant;
      const detail = [other.detail, variant, ratioText(inAllBytes(base.plan), inAllBytes(row.plan))]
        .filter((part) => part !== '')
        .join(' · ');
      all.push({ label: other.name, description: sizes(row), detail, value: other });
    }
    yield [...all, separator(l10n.t('Elsewhere')), file];
  }
  yield [...all, separator(l10n.t('Elsewhere')), file];
}

export async function askFiles(services: Services, many = true): Promise<OtherConfig[]> {
  const picked = await window.showOpenDialog({
    canSelectMany: many,
    filters: { JSON: ['json'] },
    title: l10n.t('Configs to Compare With'),
  });
  const read = await Promise.all((picked ?? []).slice(0, 20).map((uri) => readOther(services, uri)));
  return read.filter((other) => other !== null);
}
