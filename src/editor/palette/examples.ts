/**
 * Open a Worked Example…: a model, a scenario and a view, as lectures on attention and articles work them out, so that their numbers can be
 * found again under the conventions that make them come out. The scenario is in the settings, so what it was can be put back.
 */

import { commands, l10n, Uri } from 'vscode';
import { ENGINE_NAMES } from '../../model/scenario';
import { formatInteger, type Units } from '../../model/units';
import type { PanelView } from '../../shared/panelViews';
import { COMMANDS, SETTINGS } from '../ids';
import type { Services } from '../services';
import { exchangeSettings } from '../settings';
import { tell } from '../sinks';
import { BACK } from './flow';
import { ONLY, pickOne } from './pick';

interface Example {
  readonly label: string;
  /** What to look at in it. */
  readonly says: string;
  /** In media/. */
  readonly file: string;
  /** Of the one sequence; null: any. */
  readonly tokens: number | null;
  readonly units: Units;
  readonly view: PanelView;
}

/** Each has what a text calls one row of a table, or one picture. */
function examples(): readonly Example[] {
  const side = l10n.t('MHA, GQA, MQA and MLA side by side');
  return [
    {
      label: l10n.t('GPT-3 175B at 1,024 tokens'),
      says: side,
      file: 'presets/gpt-3-175b.json',
      tokens: 1024,
      units: 'GiB',
      view: 'compare',
    },
    {
      label: l10n.t('GPT-3 175B at its own context, 2,048 tokens'),
      says: side,
      file: 'presets/gpt-3-175b.json',
      tokens: 2048,
      units: 'GiB',
      view: 'compare',
    },
    {
      label: l10n.t('DeepSeek-V3 at 100,000 tokens'),
      says: side,
      file: 'presets/deepseek-v3.json',
      tokens: 100_000,
      units: 'GB',
      view: 'compare',
    },
    {
      label: l10n.t('DeepSeek-V2 as it is often described: 32 heads, 30 layers'),
      says: l10n.t('MHA and MLA, per token'),
      file: 'examples/deepseek-v2-wiki/config.json',
      tokens: 1,
      units: 'GiB',
      view: 'compare',
    },
    {
      label: l10n.t('Falcon 7B, a model with MQA'),
      says: l10n.t('one K and V for 71 query heads'),
      file: 'presets/falcon-7b.json',
      tokens: null,
      units: 'GiB',
      view: 'overview',
    },
    {
      label: l10n.t('Llama 3 8B, a model with GQA'),
      says: l10n.t('K and V of 32 heads in 8 groups of 4'),
      file: 'presets/llama-3-8b.json',
      tokens: null,
      units: 'GiB',
      view: 'heads',
    },
  ];
}

/** True when one was opened. `argument`: the file of one, for key bindings and tests. */
export async function openExample({ context }: Services, argument: unknown): Promise<boolean> {
  const all = examples();
  const example = all.find(({ file }) => file === argument) ?? (await askExample(all));
  if (!example) return false;
  const { file, tokens, units, view } = example;
  const putBack = await exchangeSettings({
    ...(tokens === null ? {} : { [SETTINGS.tokens]: tokens }),
    [SETTINGS.batch]: 1,
    [SETTINGS.kvDtype]: 'auto',
    [SETTINGS.engine]: 'intrinsic',
    [SETTINGS.tp]: 1,
    [SETTINGS.units]: units,
  });
  await commands.executeCommand(COMMANDS.openPanelBeside, Uri.joinPath(context.extensionUri, 'media', file), view);
  if (putBack) {
    const back = l10n.t('Restore Scenario');
    const text = l10n.t('The scenario is now that of the example: {0}.', scenarioText(example));
    void tell(text, back).then((answer) => {
      if (answer === back) void putBack();
    });
  }
  return true;
}

async function askExample(all: readonly Example[]): Promise<Example | null> {
  const picked = await pickOne<Example>({
    title: l10n.t('Open a Worked Example'),
    placeholder: l10n.t('Opens the model in the panel and sets the scenario; one click restores the scenario'),
    place: ONLY,
    choices: all.map((example) => ({
      label: example.label,
      description: example.says,
      detail: scenarioText(example),
      value: example,
    })),
  });
  return picked === undefined || picked === BACK ? null : picked;
}

function scenarioText({ tokens, units }: Example): string {
  const size = tokens === null ? '' : `1 × ${formatInteger(tokens)} · `;
  return l10n.t('{0}16-bit cache · {1} · one device · {2}', size, ENGINE_NAMES.intrinsic, units);
}
