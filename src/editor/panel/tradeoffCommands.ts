/** What trade-offs ask and show in the editor: whose weights, where to, which text; progress; a page of text. */

import { commands, l10n, Uri, window, workspace } from 'vscode';
import { ANCHORS } from '../../insight/tradeoff/anchors';
import { visible } from '../../model/visibleText';
import { svgFile } from '../../present/svg';
import { tradeoffCurve } from '../../present/tradeoffCurve';
import { tradeoffCsv, tradeoffMarkdown } from '../../present/tradeoffMarkdown';
import { USUAL_SWEPT_TOKENS } from '../../shared/limits';
import { RpcError } from '../../shared/rpcError';
import type { TradeoffAsk } from '../../shared/tradeoffState';
import type { ResultPages } from '../resultPages';
import { scenarioSetting } from '../settings';
import { complain, pickFrom, tell, withProgress } from '../sinks';
import type { Shown } from './shown';
import type { TradeoffRuns } from './tradeoffRuns';

const usualAsk = (source: string, tokens = USUAL_SWEPT_TOKENS): TradeoffAsk => ({
  source,
  text: null,
  tokens,
  probes: true,
  others: [],
});

/** Begins where it is plain on whose weights; else the view asks. */
export async function startBeside({ tradeoff, heads }: Shown): Promise<void> {
  const sources = await heads.list();
  if (sources.some(({ origin, problem }) => origin === 'beside' && problem === null))
    void tradeoff.start(usualAsk('beside'));
}

/** Arguments of the command, for tests and key bindings. */
interface TradeoffPageRequest {
  /** Id of a source; people are asked where the config has no weights. */
  readonly source?: string;
  /** Of the text, at most. */
  readonly tokens?: number;
}

/** True when a page was shown. */
export async function measuredPage(panel: Shown, pages: ResultPages, request: unknown): Promise<boolean> {
  const { tradeoff } = panel;
  const { current } = panel.following;
  if (!current) {
    complain(l10n.t("Open a model's config.json first."));
    return false;
  }
  const asked = requestIn(request);
  const source = asked.source ?? (await askSource(panel));
  if (source === null) return false;
  await withProgress(l10n.t('Headlight: measuring what {0} would lose', current.name), async (report, token) => {
    let shown = 0;
    const stop = tradeoff.listen(
      () => undefined,
      (running) => {
        if (running === null) return;
        const fraction = Math.max(shown, running.fraction ?? shown);
        report(100 * (fraction - shown), running.message);
        shown = fraction;
      },
    );
    token.onCancellationRequested(() => tradeoff.stop());
    try {
      await tradeoff.start(usualAsk(source, asked.tokens));
    } finally {
      stop();
    }
  });
  const { failure } = tradeoff.shown;
  if (failure !== null) complain(l10n.t('What {0} would lose could not be measured: {1}', current.name, failure));
  return showTradeoffPage(tradeoff, pages, current.uri);
}

function requestIn(request: unknown): TradeoffPageRequest {
  const { source, tokens } = (typeof request === 'object' && request !== null ? request : {}) as Record<
    string,
    unknown
  >;
  return {
    ...(typeof source === 'string' && { source }),
    ...(typeof tokens === 'number' && { tokens }),
  };
}

async function askSource({ heads }: Shown): Promise<string | null> {
  const sources = (await heads.list()).filter(({ problem }) => problem === null);
  const beside = sources.find(({ origin }) => origin === 'beside');
  if (beside) return beside.id;
  const picked = await pickFrom(
    l10n.t('No weights were found next to this config. Measure which?'),
    sources.map(({ id, label }) => ({ id, label })),
  );
  return picked?.id ?? null;
}

/** What was found so far; false where there is nothing yet. */
export async function showTradeoffPage(
  tradeoff: TradeoffRuns,
  pages: ResultPages,
  uri: Uri | undefined,
): Promise<boolean> {
  const sweep = tradeoff.sweep();
  const { state } = tradeoff.shown;
  if (sweep === null || state === null) return false;
  const { workload: scenario } = scenarioSetting(uri);
  const picture = tradeoffCurve(sweep, ANCHORS);
  const page = {
    scenario,
    seeded: state.seeded,
    missing: state.asked.length - state.outcomes.filter(({ method }) => !method.startsWith('budget:')).length,
  };
  await pages.show({
    kind: l10n.t('What would I lose'),
    name: sweep.model,
    subject: `${uri?.toString() ?? ''} ${state.ask.source}`,
    markdown: tradeoffMarkdown(sweep, { ...page, picture }),
    plain: tradeoffMarkdown(sweep, { ...page, picture: null }),
    csv: tradeoffCsv(sweep, scenario),
    ...(picture === null ? {} : { picture: svgFile(picture) }),
  });
  return true;
}

/** Longer texts are cut before they are tokenised: more tokens than are ever measured. Bytes. */
const MOST_TEXT_BYTES = 1_000_000;

export async function chooseText(
  tradeoff: TradeoffRuns,
): Promise<{ readonly id: string; readonly name: string } | null> {
  const [chosen] =
    (await window.showOpenDialog({
      canSelectFiles: true,
      title: l10n.t('Text to measure damage on'),
      openLabel: l10n.t('Measure on This Text'),
    })) ?? [];
  if (!chosen) return null;
  const bytes = await workspace.fs.readFile(chosen);
  const text = new TextDecoder().decode(bytes.subarray(0, MOST_TEXT_BYTES));
  if (text.trim() === '' || text.includes('\0')) throw new RpcError('invalidInput', 'That file does not hold text.');
  const name = visible(chosen.path.split('/').at(-1) ?? chosen.path).slice(0, 100);
  return { id: tradeoff.addText({ name, text }), name };
}

/** Asks for a folder and writes the converted model into one of its own there; its name, or null when the user changed their mind. */
export async function exportTradeoff(tradeoff: TradeoffRuns, ask: TradeoffAsk, method: string): Promise<string | null> {
  const { state } = tradeoff.shown;
  const known = state?.outcomes.find((one) => one.method === method);
  if (state === null || known === undefined || 'refused' in known)
    throw new RpcError('conflict', 'That method was not measured yet.');
  const [parent] =
    (await window.showOpenDialog({
      canSelectFiles: false,
      canSelectFolders: true,
      title: l10n.t('Folder to write the converted model into'),
      openLabel: l10n.t('Export Here'),
    })) ?? [];
  if (!parent) return null;
  if (parent.scheme !== 'file')
    throw new RpcError('invalidInput', 'A model can only be written to a folder of this machine.');
  const folder = await freeFolder(parent, `${plainName(state.model)}-${plainName(method)}`);
  await tradeoff.export(ask, method, folder.fsPath);
  const name = folder.path.split('/').at(-1) ?? '';
  const open = l10n.t('Open Its Config');
  void tell(l10n.t('{0} was written, with a model card that says what it lost.', name), open).then((answer) => {
    if (answer === open) void commands.executeCommand('vscode.open', Uri.joinPath(folder, 'config.json'));
  });
  return name;
}

function plainName(text: string): string {
  return (
    text
      .replace(/[^\w.-]+/g, '-')
      .replace(/^[.-]+|[.-]+$/g, '')
      .slice(0, 60) || 'model'
  );
}

/** The name, or with a number behind it where that is taken. */
async function freeFolder(parent: Uri, name: string): Promise<Uri> {
  for (let count = 1; ; count++) {
    const folder = Uri.joinPath(parent, count === 1 ? name : `${name}-${count}`);
    const taken = await workspace.fs.stat(folder).then(
      () => true,
      () => false,
    );
    if (!taken) return folder;
  }
}
