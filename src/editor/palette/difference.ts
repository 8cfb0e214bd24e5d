/** Draw Difference…: the architecture of a config beside another one, in the panel. */

import { commands, l10n, Uri } from 'vscode';
import { elementAt } from '../../model/elementAt';
import type { PanelBeside } from '../../shared/panelContract';
import { COMMANDS } from '../ids';
import type { Services } from '../services';
import { askFiles, otherChoices } from './compare';
import { BACK } from './flow';
import { type OtherConfig, readOther, revisions } from './others';
import { ONLY, pickOne } from './pick';
import { count, remember, remembered, requestOf, scenarioFor, type Subject, subjectOf, title } from './subject';

/** Answers to what would be asked. */
export interface DifferenceRequest {
  /** The config of before. */
  readonly with?: Uri;
  /** An earlier version in git: 1 is the newest that differs. */
  readonly revision?: number;
}

/** What is drawn beside what; null where nothing was chosen. */
export interface DrawnDifference {
  readonly before: string;
  readonly after: string;
}

export async function drawDifference(
  services: Services,
  uri: unknown,
  argument: unknown,
): Promise<DrawnDifference | null> {
  const subject = await subjectOf(services, uri);
  if (!subject) return null;
  const request = requestOf<DifferenceRequest>(argument);
  const other = (request && (await given(services, subject, request))) ?? (await ask(services, subject));
  if (!other) return null;
  const name = other.name === subject.name ? l10n.t('{0} (before)', other.name) : other.name;
  const { document, options } = other.reading;
  const beside: Omit<PanelBeside, 'of'> = {
    name,
    text: document.text,
    ...(options.quantFile ? { quantText: options.quantFile.text } : {}),
  };
  // Two models beside each other have more room there than in the side bar.
  await commands.executeCommand(COMMANDS.openPanelBeside, subject.document.uri, 'architecture', beside);
  return { before: name, after: subject.name };
}

async function given(
  services: Services,
  { document }: Subject,
  request: Partial<DifferenceRequest>,
): Promise<OtherConfig | null> {
  const wanted = count(request.revision);
  if (wanted !== null) return (await revisions(services, document))[wanted - 1] ?? null;
  return request.with instanceof Uri ? readOther(services, request.with) : null;
}

async function ask(services: Services, subject: Subject): Promise<OtherConfig | null> {
  const before = remembered(services, 'differenceFrom');
  const picked = await pickOne({
    title: title(l10n.t('Draw Difference'), subject),
    placeholder: l10n.t('What it is drawn beside: an open file, an earlier revision, a well-known model'),
    place: ONLY,
    choices: otherChoices(services, subject, scenarioFor(subject.document, {})),
    before: (value) => value !== 'file' && value.id === before,
  });
  if (picked === undefined || picked === BACK) return null;
  const chosen = picked === 'file' ? await askFiles(services, false) : [picked];
  if (chosen.length === 0) return null;
  const other = elementAt(chosen, 0);
  remember(services, 'differenceFrom', other.id);
  return other;
}
