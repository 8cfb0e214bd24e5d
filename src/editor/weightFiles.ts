/** GGUF and safetensors files: choosing one, and what its header says. The compute process reads it. */

import { type CancellationToken, l10n, type Uri, window } from 'vscode';
import type { WeightsSummary } from '../shared/weightsContract';
import type { Services } from './services';
import { taughtFamilies } from './settings';

/** Where the header of a file is read for longest. */
const DEADLINE_MS = 60_000;

export function isWeightFile(uri: Uri): boolean {
  return /\.(?:gguf|safetensors)$/i.test(uri.path);
}

export async function chooseWeightFile(title: string): Promise<Uri | undefined> {
  const files = await window.showOpenDialog({ filters: { [l10n.t('Weights')]: ['gguf', 'safetensors'] }, title });
  return files?.[0];
}

/** @throws Error where no weight file can be read here, RpcError where this one cannot. */
export async function weightsSummary(
  { compute }: Pick<Services, 'compute'>,
  file: Uri,
  token?: CancellationToken,
): Promise<WeightsSummary> {
  if (!compute || file.scheme !== 'file') throw new Error(l10n.t('Weight files cannot be read here.'));
  const controller = new AbortController();
  const listening = token?.onCancellationRequested(() => controller.abort());
  try {
    const process = await compute.get();
    const options = { signal: controller.signal, deadlineMs: DEADLINE_MS };
    return await process.call('weights/summary', { path: file.fsPath, families: taughtFamilies() }, options);
  } finally {
    listening?.dispose();
  }
}
