/** Convert Attention…: the config's KV heads as an undoable edit. Weights are not converted, and nobody is left to think so. */

import { commands, l10n, window } from 'vscode';
import { divisorsOf } from '../../model/divisors';
import { planCache } from '../../cache/plan';
import { convertHeads, convertibleHeads } from '../../reading/convertHeads';
import { headVariant } from '../../model/attention';
import { inAllBytes, perTokenText, ratioText, sizeInAllText } from '../../present/sizeText';
import { applyConfigEdit } from '../configEdit';
import { COMMANDS } from '../ids';
import type { Services } from '../services';
import { scenarioSetting } from '../settings';
import { tell, warn } from '../sinks';
import { BACK } from './flow';
import { type Choice, ONLY, pickOne } from './pick';
import { count, requestOf, type Subject, subjectOf, title } from './subject';

export interface ConvertRequest {
  readonly kvHeads?: number;
}

/** True when the config was changed. */
export async function convertAttention(services: Services, uri: unknown, argument: unknown): Promise<boolean> {
  const subject = await subjectOf(services, uri);
  if (!subject) return false;
  if (subject.stale) return refuse(l10n.t('The config is not valid JSON at the moment.'));
  const kvHeads = count(requestOf<ConvertRequest>(argument)?.kvHeads) ?? (await askHeads(services, subject));
  if (kvHeads === null) return false;
  if (kvHeads === MEASURE) {
    await commands.executeCommand(COMMANDS.measureConversion, subject.document.uri);
    return false;
  }
  const conversion = convertHeads(subject.reading, kvHeads);
  if (typeof conversion === 'string') return refuse(l10n.t('This config cannot be converted: {0}.', conversion));
  if (!(await applyConfigEdit(subject.document, conversion.edits)))
    return refuse(l10n.t('The document cannot be changed.'));
  await window.showTextDocument(subject.document, { preview: false });
  const compare = l10n.t('Compare');
  const text = l10n.t(
    'The config now says {0}. Its weights were not converted: k_proj and v_proj need another shape, and training.',
    conversion.reading.spec.variant,
  );
  void tell(text, compare).then((answer) => {
    if (answer === compare) void commands.executeCommand(COMMANDS.compareVariants, subject.document.uri);
  });
  return true;
}

function refuse(message: string): false {
  warn(message);
  return false;
}

/** The answer "first see what it loses". */
const MEASURE = 'measure';

async function askHeads({ compute }: Services, subject: Subject): Promise<number | typeof MEASURE | null> {
  const queryHeads = convertibleHeads(subject.reading);
  const choices = queryHeads === null ? [] : headChoices(subject, queryHeads);
  if (choices.length === 0) {
    const reason = convertHeads(subject.reading, 1);
    refuse(
      l10n.t(
        'This config cannot be converted: {0}.',
        typeof reason === 'string' ? reason : l10n.t('its layers have different numbers of heads'),
      ),
    );
    return null;
  }
  const picked = await pickOne<number | typeof MEASURE>({
    title: title(l10n.t('Convert Attention'), subject),
    placeholder: l10n.t('Changes the config (one step to undo); weights are not converted'),
    place: ONLY,
    // Layers cannot be run in the browser.
    choices: compute
      ? [
          ...choices,
          {
            label: l10n.t('Measure what a conversion loses…'),
            description: l10n.t('runs a layer on some text, before and after; changes nothing'),
            value: MEASURE,
          },
        ]
      : choices,
  });
  return picked === undefined || picked === BACK ? null : picked;
}

function headChoices(subject: Subject, queryHeads: number): Choice<number>[] {
  const scenario = scenarioSetting(subject.document);
  const before = planCache(subject.reading.spec, scenario);
  return divisorsOf(queryHeads)
    .reverse()
    .flatMap((kvHeads): Choice<number>[] => {
      const conversion = convertHeads(subject.reading, kvHeads);
      if (typeof conversion === 'string') return [];
      const after = planCache(conversion.reading.spec, scenario);
      const variant = headVariant({ queryHeads, kvHeads });
      const edits = conversion.edits
        .map(({ path, value }) => `${path.at(-1) ?? ''}: ${JSON.stringify(value).slice(0, 40)}`)
        .join(', ');
      return [
        {
          label: variant === 'GQA' ? l10n.t('GQA-{0}: groups of {1}', kvHeads, queryHeads / kvHeads) : variant,
          description: [perTokenText(after), sizeInAllText(after), ratioText(inAllBytes(before), inAllBytes(after))]
            .filter((part) => part !== '')
            .join(' · '),
          detail: edits,
          value: kvHeads,
        },
      ];
    });
}
