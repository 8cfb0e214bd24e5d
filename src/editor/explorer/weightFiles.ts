/** GGUF and safetensors files: a read-only document of what their headers say. The compute process reads them. */

import { type CancellationToken, l10n, Uri, window } from 'vscode';
import { weightsMarkdown } from '../../present/weightsText';
import type { WeightsSummary } from '../../shared/weightsContract';
import { documentOf, heading, type Markdown, sentenceText } from '../../present/markdown';
import { quantFileBeside } from '../quantFiles';
import type { Services } from '../services';
import { gpuSetting, scenarioSetting, taughtFamilies } from '../settings';
import { warn, withProgress } from '../sinks';

/** Where the header of a file is read for longest. */
const DEADLINE_MS = 60_000;

export function isWeightFile(uri: Uri): boolean {
  return /\.(?:gguf|safetensors)$/i.test(uri.path);
}

/** Opens the summary; the command of the explorer's context menu. */
export async function estimateWeights(services: Services, uri: unknown): Promise<string | null> {
  const file = uri instanceof Uri ? uri : await askFile();
  if (!file) return null;
  const problem = refusal(services, file);
  if (problem !== null) {
    warn(problem);
    return null;
  }
  const name = file.path.split('/').at(-1) ?? file.path;
  const markdown = await withProgress(l10n.t('Reading {0}', name), (_report, token) =>
    summaryOf(services, file, name, token),
  );
  await services.pages.show({ kind: l10n.t('Weights'), name, subject: file.toString(), markdown });
  return markdown.source;
}

async function askFile(): Promise<Uri | undefined> {
  const [file] =
    (await window.showOpenDialog({
      filters: { [l10n.t('Weights')]: ['gguf', 'safetensors'] },
      title: l10n.t('Estimate From a Weight File'),
    })) ?? [];
  return file;
}

function refusal({ compute }: Services, file: Uri): string | null {
  if (!isWeightFile(file)) return l10n.t('This is no GGUF or safetensors file.');
  if (!compute) return l10n.t('Weight files cannot be read in the browser: open the folder in desktop VS Code.');
  return file.scheme === 'file'
    ? null
    : l10n.t('Weight files are read from disk only: this one is on a virtual file system.');
}

/** What the headers say. Never throws: what went wrong is the text. */
async function summaryOf(services: Services, file: Uri, name: string, token: CancellationToken): Promise<Markdown> {
  const failed = (message: string): Markdown => documentOf([heading(1, name), sentenceText(message)]);
  try {
    const summary = await weightsSummary(services, file, token);
    const quantFile = await quantFileBeside(file);
    return weightsMarkdown(name, summary, scenarioSetting(), gpuSetting(), {
      families: taughtFamilies(),
      ...(quantFile ? { quantFile } : {}),
    });
  } catch (error) {
    return failed(error instanceof Error ? error.message : l10n.t('The file could not be read.'));
  }
}

export async function weightsSummary(
  { compute }: Services,
  file: Uri,
  token: CancellationToken,
): Promise<WeightsSummary> {
  if (!compute) throw new Error(l10n.t('Weight files cannot be read here.'));
  const controller = new AbortController();
  const listening = token.onCancellationRequested(() => controller.abort());
  try {
    return await (await compute.get()).call(
      'weights/summary',
      { path: file.fsPath, families: taughtFamilies() },
      { signal: controller.signal, deadlineMs: DEADLINE_MS },
    );
  } finally {
    listening.dispose();
  }
}
