/** What is asked before something is fetched from the Hub. The same words wherever it is kept. */

import { l10n } from 'vscode';
import { LEAST_HEADER_BYTES } from '../../hub/headerBytes';
import { HubError } from '../../hub/hubError';
import type { HubWeights } from '../../hub/hubModel';
import { formatBytes, formatSize } from '../../model/units';
import type { Announcement } from '../../stores/hubFolder';
import { asksForConfigs, stopAskingForConfigs } from '../settings';
import { ask } from '../sinks';

/** Files that a question names. */
const MOST_NAMED = 8;

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
      ...(weights.files > 0 ? [l10n.t('Its weights ({0}) stay there.', formatSize(weights.bytes))] : []),
      ...headersText(weights),
      kept,
    ],
    fetchIt,
    always,
  );
  if (answer === always) await stopAskingForConfigs();
  return answer !== undefined;
}

/** What reading the headers may fetch. */
function headersText({ files, headers }: HubWeights): readonly string[] {
  const { safetensors, gguf } = headers;
  return [
    ...(safetensors > 0
      ? [
          l10n.t(
            'Headers of safetensors are read when a view needs them: about {0}, at most {1}.',
            formatSize(Math.min(safetensors, files * LEAST_HEADER_BYTES)),
            formatSize(safetensors),
          ),
        ]
      : []),
    ...(gguf > 0
      ? [
          l10n.t(
            'The header of a GGUF file has its tokenizer, too: at most {0} for each that you open.',
            formatSize(gguf),
          ),
        ]
      : []),
  ];
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
  async ask(key: string, what: Omit<Announcement, 'files'>): Promise<void> {
    if (this.allowed.has(key)) return;
    const asking = this.asking.get(key) ?? allows({ ...what, files: [] }, this.kept);
    this.asking.set(key, asking);
    const answer = await asking.finally(() => this.asking.delete(key));
    if (!answer) throw nothingFetched();
    this.allowed.add(key);
  }
}

export function nothingFetched(): HubError {
  return new HubError('cancelled', l10n.t('Nothing was fetched.'), '');
}
