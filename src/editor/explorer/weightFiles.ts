/** GGUF and safetensors files: a read-only document of what their headers say. The compute process reads them. */

import { type CancellationToken, l10n, Uri, ViewColumn, window, workspace } from 'vscode';
import { weightsMarkdown } from '../../present/weightsText';
import type { WeightsSummary } from '../../shared/weightsContract';
import { documentOf, heading, sentenceText } from '../../present/markdown';
import { SUMMARY_SCHEME } from '../ids';
import { quantFileBeside } from '../quantFiles';
import type { Services } from '../services';
import { gpuSetting, scenarioSetting, taughtFamilies } from '../settings';
import { warn } from '../sinks';

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
  const document = await workspace.openTextDocument(summaryUri(file));
  await window.showTextDocument(document, { viewColumn: ViewColumn.Active, preview: true });
  return document.getText();
}

/** Named like the file, so that the tab says which. */
function summaryUri(file: Uri): Uri {
  return Uri.from({ scheme: SUMMARY_SCHEME, path: `${file.path}.md`, query: file.toString() });
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

/** The text of a summary document. Never throws: what went wrong is the text. */
export async function summaryText(services: Services, uri: Uri, token: CancellationToken): Promise<string> {
  const file = Uri.parse(uri.query);
  const problem = refusal(services, file);
  const name = file.path.split('/').at(-1) ?? file.path;
  const failed = (message: string): string => documentOf([heading(1, name), sentenceText(message)]).source;
  if (problem !== null) return failed(problem);
  try {
    const summary = await weightsSummary(services, file, token);
    const quantFile = await quantFileBeside(file);
    return weightsMarkdown(name, summary, scenarioSetting(), gpuSetting(), {
      families: taughtFamilies(),
      ...(quantFile ? { quantFile } : {}),
    }).source;
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
      { path: file.fsPath },
      { signal: controller.signal, deadlineMs: DEADLINE_MS },
    );
  } finally {
    listening.dispose();
  }
}
