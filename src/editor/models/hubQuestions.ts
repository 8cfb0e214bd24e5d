/** What is asked before something is fetched from the Hub. The same words wherever it is kept. */

import { l10n } from 'vscode';
import { HubError } from '../../hub/hubError';
import { formatBytes, formatSize } from '../../model/units';
import type { Announcement } from '../../stores/hubFolder';
import { asksForConfigs, stopAskingForConfigs } from '../settings';
import { ask } from '../sinks';

/** Files that a question names. */
const MOST_NAMED = 8;
/** Headers of weights are read in pieces of this size at least: `LEAST_BYTES` of src/weights/partsFile.ts. */
const HEADER_BYTES = 64 * 1024;

/**
 * Asks, unless it was said not to for configs and headers.
 * @param kept Where what is fetched stays, as a sentence.
 */
export async function allows({ name, host, files, weights }: Announcement, kept: string): Promise<boolean> {
  if (!asksForConfigs()) return true;
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  const named = [...files].sort((a, b) => b.bytes - a.bytes).slice(0, MOST_NAMED);
  const more = files.length - named.length;
  const fetchIt = l10n.t('Fetch');
  const always = l10n.t("Fetch, and Don't Ask Again for Configs");
  const answer = await ask(
    files.length > 0
      ? l10n.t('Fetch {0} of {1} from {2}?', formatSize(bytes), name, host)
      : l10n.t('Read the headers of the weights of {0} from {1}?', name, host),
    [
      ...named.map((file) => `${file.path} · ${formatBytes(file.bytes)}`),
      ...(more > 0 ? [l10n.t('and {0} more', more)] : []),
      ...(files.length > 0 ? [''] : []),
      ...(weights.files > 0
        ? [
            l10n.t(
              'Its weights ({0}) stay there. Their headers, about {1}, are read when a view needs them.',
              formatSize(weights.bytes),
              formatSize(weights.files * HEADER_BYTES),
            ),
          ]
        : files.length > 0
          ? []
          : [
              l10n.t(
                'Headers say which tensors the weight files have: about {0} for each file.',
                formatSize(HEADER_BYTES),
              ),
            ]),
      kept,
    ],
    fetchIt,
    always,
  );
  if (answer === always) await stopAskingForConfigs();
  return answer !== undefined;
}

/** Models whose headers may be read in this session: each is asked for once, however many of its headers are read. */
export class HeaderLeave {
  private readonly allowed = new Set<string>();
  private readonly asking = new Map<string, Promise<boolean>>();

  constructor(private readonly kept: string) {}

  /** Its first question said it. */
  give(key: string): void {
    this.allowed.add(key);
  }

  /** @throws HubError `cancelled` where the answer is no */
  async ask(key: string, name: string, host: string): Promise<void> {
    if (this.allowed.has(key)) return;
    const what = { name, host, files: [], weights: { files: 0, bytes: 0 } };
    const asking = this.asking.get(key) ?? allows(what, this.kept);
    this.asking.set(key, asking);
    const answer = await asking.finally(() => this.asking.delete(key));
    if (!answer) throw nothingFetched();
    this.allowed.add(key);
  }
}

export function nothingFetched(): HubError {
  return new HubError('cancelled', l10n.t('Nothing was fetched.'), '');
}
