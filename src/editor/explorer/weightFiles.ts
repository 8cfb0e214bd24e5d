/** GGUF and safetensors files: a read-only document of what their headers say. The compute process reads them. */

import { l10n, Uri, window } from 'vscode';
import { weightsMarkdown } from '../../present/weightsText';
import type { WeightsSummary } from '../../shared/weightsContract';
import { documentOf, heading, type Markdown, sentenceText } from '../../present/markdown';
import { MODEL_SCHEME } from '../ids';
import { configName } from '../names';
import { quantFileBeside } from '../quantFiles';
import type { Services } from '../services';
import { gpuSetting, scenarioSetting, taughtFamilies } from '../settings';
import { warn, withProgress } from '../sinks';
import { chooseWeightFile, isWeightFile, weightsSummary } from '../weightFiles';

/** Opens the summary; the command of the explorer's context menu. */
export async function estimateWeights(services: Services, uri: unknown): Promise<string | null> {
  const model = modelOf(uri);
  if (model) return estimateModel(services, model);
  const file = uri instanceof Uri ? uri : await chooseWeightFile(l10n.t('Estimate From a Weight File'));
  if (!file) return null;
  const problem = refusal(services, file);
  if (problem !== null) {
    warn(problem);
    return null;
  }
  const name = file.path.split('/').at(-1) ?? file.path;
  const markdown = await withProgress(l10n.t('Reading {0}', name), (_report, token) =>
    summaryOf(file, name, () => weightsSummary(services, file, token)),
  );
  if (markdown === null) return null;
  await services.pages.show({ kind: l10n.t('Weights'), name, subject: file.toString(), markdown });
  return markdown.source;
}

/** A config of a store, or of the Hub, that the command is about. */
function modelOf(uri: unknown): Uri | null {
  const asked = uri instanceof Uri ? uri : window.activeTextEditor?.document.uri;
  return asked?.scheme === MODEL_SCHEME ? asked : null;
}

async function estimateModel(services: Services, uri: Uri): Promise<string | null> {
  const name = configName(uri);
  const markdown = await withProgress(l10n.t('Reading {0}', name), async (_report, token) => {
    const controller = new AbortController();
    token.onCancellationRequested(() => controller.abort());
    const models = await services.models.get();
    return summaryOf(uri, name, () => models.summary(uri, controller.signal));
  });
  if (markdown === null) {
    warn(l10n.t('No weights of this model were found: download them, or open the model by its name on the Hub.'));
    return null;
  }
  await services.pages.show({ kind: l10n.t('Weights'), name, subject: uri.toString(), markdown });
  return markdown.source;
}

function refusal({ compute }: Services, file: Uri): string | null {
  if (!isWeightFile(file)) return l10n.t('This is not a GGUF or safetensors file.');
  if (!compute) return l10n.t('Weight files cannot be read in the browser: open the folder in desktop VS Code.');
  return file.scheme === 'file'
    ? null
    : l10n.t('Weight files are read from disk only: this one is on a virtual file system.');
}

/** What the headers say; null where there are none. Never throws: what went wrong is the text. */
async function summaryOf(
  file: Uri,
  name: string,
  read: () => Promise<WeightsSummary | null>,
): Promise<Markdown | null> {
  const failed = (message: string): Markdown => documentOf([heading(1, name), sentenceText(message)]);
  try {
    const summary = await read();
    if (summary === null) return null;
    const quantFile = await quantFileBeside(file);
    return weightsMarkdown(name, summary, scenarioSetting(), gpuSetting(), {
      families: taughtFamilies(),
      ...(quantFile ? { quantFile } : {}),
    });
  } catch (error) {
    return failed(error instanceof Error ? error.message : l10n.t('The file could not be read.'));
  }
}
