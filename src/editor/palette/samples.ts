/** Open Sample Models: four small siblings (MHA, GQA, MQA, MLA) with trained weights, copied to a folder or opened where they lie. */

import { commands, l10n, Uri, window, workspace } from 'vscode';
import type { Services } from '../services';
import { complain } from '../sinks';
import { BACK } from './flow';
import { type Choice, ONLY, pickOne } from './pick';
import { requestOf } from './subject';

export interface SamplesRequest {
  /** Copies them into a new folder in this one. */
  readonly target?: Uri;
  /** Opens the config of one, read-only. */
  readonly open?: string;
}

type Choices = { readonly kind: 'copy' } | { readonly kind: 'open'; readonly name: string };

/** Folders of media/samples. */
const about = (): Readonly<Record<string, string>> => ({
  mha: l10n.t('every head with its own K and V'),
  gqa: l10n.t('heads in groups that share K and V'),
  mqa: l10n.t('one K and V for all heads'),
  mla: l10n.t('one latent vector for all heads'),
});

/** The folder of the copy, or the config that was opened. */
export async function openSamples({ context }: Services, argument: unknown): Promise<Uri | null> {
  const root = Uri.joinPath(context.extensionUri, 'media', 'samples');
  const request = requestOf<SamplesRequest>(argument);
  if (request?.target) return copyTo(root, request.target);
  if (request?.open !== undefined) return openReadOnly(root, request.open);
  const picked = await pickOne<Choices>({
    title: l10n.t('Open Sample Models'),
    placeholder: l10n.t('Four models that differ only in their attention, trained on the same text'),
    place: ONLY,
    choices: [
      {
        label: l10n.t('Copy all into a folder…'),
        detail: l10n.t('To edit them and run their heads'),
        value: { kind: 'copy' },
      },
      ...Object.entries(about()).map(
        ([name, text]): Choice<Choices> => ({
          label: l10n.t('Open {0}, read-only', name.toUpperCase()),
          description: text,
          value: { kind: 'open', name },
        }),
      ),
    ],
  });
  if (picked === undefined || picked === BACK) return null;
  if (picked.kind === 'open') return openReadOnly(root, picked.name);
  const [folder] =
    (await window.showOpenDialog({
      canSelectFolders: true,
      canSelectFiles: false,
      openLabel: l10n.t('Copy Here'),
      title: l10n.t('Where to Copy the Sample Models'),
    })) ?? [];
  return folder ? copyTo(root, folder) : null;
}

async function copyTo(root: Uri, folder: Uri): Promise<Uri | null> {
  const target = Uri.joinPath(folder, 'headlight-samples');
  try {
    await workspace.fs.copy(root, target, { overwrite: false });
  } catch {
    complain(
      l10n.t(
        'The sample models could not be copied to {0}: the folder exists already, or cannot be written to.',
        target.path,
      ),
    );
    return null;
  }
  await window.showTextDocument(Uri.joinPath(target, 'gqa', 'config.json'), { preview: false });
  return target;
}

async function openReadOnly(root: Uri, name: string): Promise<Uri | null> {
  if (!/^[\w-]+$/.test(name)) return null;
  const uri = Uri.joinPath(root, name, 'config.json');
  await window.showTextDocument(uri, { preview: false });
  // In place, so that the weights are beside it; the files of an extension are not to be edited.
  await commands.executeCommand('workbench.action.files.setActiveEditorReadonlyInSession');
  return uri;
}
