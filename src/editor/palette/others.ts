/** Configs that one can be compared with: open files, the workspace, well-known models that are bundled, earlier revisions. */

import { CancellationTokenSource, l10n, type TextDocument, type Uri, workspace } from 'vscode';
import { readModelConfig, type Reading } from '../../reading/read';
import { NAMED_LIMIT, scanConfigs } from '../explorer/scan';
import { configText, presets } from '../configFiles';
import { configName, shownPath } from '../names';
import { quantFileBeside } from '../quantFiles';
import type { Services } from '../services';
import { taughtFamilies } from '../settings';
import { revisionsOf } from './revisions';

export interface OtherConfig {
  /** The same one next time. */
  readonly id: string;
  readonly name: string;
  /** Where it is. */
  readonly detail: string;
  readonly reading: Reading;
}

export interface OtherConfigs {
  readonly heading: string;
  readonly configs: readonly OtherConfig[];
}

/** The quickest first. */
export async function* otherConfigs(services: Services, subject: TextDocument): AsyncGenerator<OtherConfigs> {
  const open = openConfigs(services, subject);
  yield { heading: l10n.t('Open'), configs: open };
  yield { heading: l10n.t('Earlier revisions of this file'), configs: await revisions(services, subject) };
  yield { heading: l10n.t('Well-known models'), configs: await wellKnown(services).catch(() => []) };
  const known = new Set([subject.uri.toString(), ...open.map(({ id }) => id)]);
  yield {
    heading: l10n.t('In the workspace'),
    configs: (await workspaceConfigs(services)).filter(({ id }) => !known.has(id)),
  };
}

function openConfigs({ readings }: Services, subject: TextDocument): OtherConfig[] {
  return workspace.textDocuments.flatMap((document): OtherConfig[] => {
    if (document === subject || document.uri.scheme === 'git') return [];
    const found = readings.of(document);
    return found ? [other(document.uri, found.reading)] : [];
  });
}

async function workspaceConfigs({ platform }: Services): Promise<OtherConfig[]> {
  const source = new CancellationTokenSource();
  try {
    const { configs } = await scanConfigs(
      { folder: null, asked: false, read: { families: taughtFamilies() }, cpuMs: () => platform.cpuMs() },
      source.token,
    );
    return configs.slice(0, NAMED_LIMIT).map(({ uri, reading }) => other(uri, reading));
  } finally {
    source.dispose();
  }
}

/** Earlier versions in git, newest first. */
export async function revisions({ log }: Services, subject: TextDocument): Promise<OtherConfig[]> {
  const found = await revisionsOf(subject, log);
  const quantFile = await quantFileBeside(subject.uri);
  return found.flatMap(({ id, label, detail, text }): OtherConfig[] => {
    const reading = readModelConfig(text, { families: taughtFamilies(), ...(quantFile ? { quantFile } : {}) });
    return reading ? [{ id: `git:${id}`, name: `${configName(subject.uri)} @ ${label}`, detail, reading }] : [];
  });
}

async function wellKnown({ context }: Services): Promise<OtherConfig[]> {
  const found = await Promise.all(
    (await presets(context.extensionUri)).map(async ({ uri, file, name, detail }): Promise<OtherConfig | null> => {
      const text = await configText(uri);
      const reading = text === null ? null : readModelConfig(text, { families: taughtFamilies() });
      return reading && { id: `preset:${file}`, name, detail, reading };
    }),
  );
  return found.filter((preset) => preset !== null);
}

/** A config by its place; null where there is none. */
export async function readOther({ readings }: Services, uri: Uri): Promise<OtherConfig | null> {
  try {
    const found = await readings.settled(await workspace.openTextDocument(uri));
    return found && other(uri, found.reading);
  } catch {
    return null;
  }
}

function other(uri: Uri, reading: Reading): OtherConfig {
  return { id: uri.toString(), name: configName(uri), detail: shownPath(uri), reading };
}
