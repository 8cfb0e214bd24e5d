/** What is asked before a conversion is measured: on which weights where the config has none beside it, which layer, on which text. */

import { l10n, Uri, workspace } from 'vscode';
import { isHeaded } from '../model/attention';
import { CONVERSION_PROMPT } from '../present/conversionText';
import { kindTitle } from '../present/words';
import { readModelConfig, type Reading } from '../reading/read';
import { type BACK, type Place, runFlow, type Step } from './palette/flow';
import { askText, type Choice, pickOne } from './palette/pick';

/** Arguments of the command, for tests and key bindings; people are asked for what is missing. */
export interface MeasureConversionRequest {
  readonly layer?: number;
  readonly prompt?: string;
  /** Where no weights lie beside the config: a sample model's, or random ones in the config's shapes. */
  readonly weights?: 'sample' | 'random';
}

/** Whose weights are measured. */
export type MeasuredWeights = 'own' | 'sample' | 'random';

export interface ConversionQuestion {
  readonly weights: MeasuredWeights;
  readonly layer: number;
  readonly text: string;
}

/** The one with most to convert: every head has its own K and V. */
const SAMPLE = 'mha';

/** Its folder, and what it is called. */
export function conversionSample(samples: Uri): { readonly folder: Uri; readonly name: string } {
  return { folder: Uri.joinPath(samples, SAMPLE), name: l10n.t('MHA sample model') };
}

type Answers = { readonly [K in keyof ConversionQuestion]: ConversionQuestion[K] | null };

export interface AskedConfig {
  readonly reading: Reading;
  readonly name: string;
  /** Weights were found beside it. */
  readonly weights: boolean;
  /** The folder of the sample models. */
  readonly samples: Uri;
}

/** Null where the user left. */
export async function askConversion(
  config: AskedConfig,
  request: MeasureConversionRequest,
): Promise<ConversionQuestion | null> {
  const title = l10n.t('Measure What a Conversion Loses · {0}', config.name);
  const initial: Answers = {
    weights: config.weights ? 'own' : (request.weights ?? null),
    layer: request.layer ?? null,
    text: request.prompt ?? null,
  };
  const steps: Step<Answers>[] = [];
  if (initial.weights === null)
    steps.push(async (answers, place) => {
      const weights = await askWeights(title, place, config.reading);
      return typeof weights === 'string' ? { ...answers, weights } : weights;
    });
  if (initial.layer === null && !(initial.weights !== 'sample' && config.reading.spec.layers.length === 1))
    steps.push(async (answers, place) => {
      const reading = answers.weights === 'sample' ? await sampleReading(config.samples) : config.reading;
      const layer = reading ? await askLayer(title, place, reading) : 0;
      return typeof layer === 'number' ? { ...answers, layer } : layer;
    });
  if (initial.text === null)
    steps.push(async (answers, place) => {
      const text = await askText({
        title,
        place,
        placeholder: l10n.t('On which text'),
        prompt: l10n.t(
          'What the conversion loses is measured on this text: the longer it is, the more reliable the result. Nothing is trained.',
        ),
        before: answers.text ?? CONVERSION_PROMPT,
        problem: (typed) => (typed.trim() === '' ? l10n.t('Enter some text.') : null),
      });
      return typeof text === 'string' ? { ...answers, text } : text;
    });
  const answers = await runFlow(initial, steps);
  if (answers === undefined) return null;
  const { weights, layer, text } = answers;
  return weights === null || text === null ? null : { weights, layer: layer ?? 0, text };
}

async function askWeights(
  title: string,
  place: Place,
  reading: Reading,
): Promise<'sample' | 'random' | typeof BACK | undefined> {
  const choices: Choice<'sample' | 'random'>[] = [
    {
      label: l10n.t('Measure on a sample model'),
      description: l10n.t('about 7 s'),
      detail: l10n.t(
        'Trained heads, of the small MHA model that comes with Headlight: they show what conversions lose',
      ),
      value: 'sample',
    },
    {
      label: l10n.t('Measure on random weights'),
      description: takesMinutes(reading) ? l10n.t('minutes') : l10n.t('seconds'),
      detail: l10n.t(
        'In the shapes of this config: shows what is possible and how long it takes, but says nothing about this model',
      ),
      value: 'random',
    },
  ];
  return pickOne({ title, placeholder: l10n.t('No weights were found next to this config'), place, choices });
}

/** Singular vectors of larger matrices (rows of K and V of all heads) are what takes long. */
const QUICK_ROWS = 768;

function takesMinutes({ spec }: Reading): boolean {
  return spec.layers.some(
    ({ attention }) => isHeaded(attention) && attention.kvHeads * (attention.keyDim + attention.valueDim) > QUICK_ROWS,
  );
}

async function sampleReading(samples: Uri): Promise<Reading | null> {
  const bytes = await workspace.fs.readFile(Uri.joinPath(conversionSample(samples).folder, 'config.json'));
  return readModelConfig(new TextDecoder().decode(bytes));
}

async function askLayer(title: string, place: Place, { spec }: Reading): Promise<number | typeof BACK | undefined> {
  return pickOne({
    title,
    placeholder: l10n.t('Which of its {0} layers', spec.layers.length),
    place,
    choices: spec.layers.map(({ index, attention }) => ({
      label: l10n.t('Layer {0}', index),
      description: kindTitle(attention.kind),
      value: index,
    })),
  });
}
