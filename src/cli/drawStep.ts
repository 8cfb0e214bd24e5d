/** `draw --flight`: prefill or a decode step in the figure, or its numbers. */

import { stepBoxes } from '../drawing/stepBoxes';
import { growthRows, stepSentences } from '../drawing/stepFigure';
import type { Scenario } from '../model/scenario';
import { json, line, type TerminalText } from '../present/terminal';
import type { Reading } from '../reading/read';
import type { Anatomy } from '../serving/anatomy/anatomy';
import { type Flight, flightOf, flightRequest, type Step, STEPS } from '../serving/anatomy/flight';
import type { Device } from '../serving/device';
import { deviceOf, DEVICES } from '../serving/hardware';
import { localWeights } from '../weights/localWeights';
import type { OptionTable, ParsedArguments } from './arguments';
import { UsageError } from './errors';
import { STANDARD_INPUT } from './modelFiles';
import type { CliOutput } from './output';

export const STEP_OPTIONS: OptionTable = { flight: { type: 'string' }, gpu: { type: 'string' } };

/** What means nothing in a figure without a step. */
const OF_STEPS = ['gpu', 'json', 'batch', 'opt', 'weights', 'tp', 'pp', 'dcp', 'dp-attention'];

export interface AskedStep {
  readonly step: Step;
  readonly device: Device | null;
}

/** Null where no step is asked for. */
export function askedStep(values: ParsedArguments['values']): AskedStep | null {
  const { flight, gpu } = values;
  const device = typeof gpu === 'string' ? deviceOf(gpu) : null;
  if (gpu !== undefined && !device)
    throw new UsageError(`--gpu must be one of ${DEVICES.map(({ id }) => id).join(', ')}`);
  const step = STEPS.find((known) => known === flight);
  if (flight !== undefined && !step) throw new UsageError(`--flight takes ${STEPS.join(' or ')}`);
  const idle = step ? undefined : OF_STEPS.find((name) => values[name] !== undefined);
  if (idle !== undefined) throw new UsageError(`--${idle} needs --flight ${STEPS.join(' or ')}`);
  return step ? { step, device } : null;
}

export async function flightIn(
  { step, device }: AskedStep,
  { reading, file }: { readonly reading: Reading; readonly file: string },
  scenario: Scenario,
  anatomy: Anatomy,
  err: CliOutput['err'],
): Promise<Flight> {
  const stored =
    scenario.weights === undefined && file !== STANDARD_INPUT
      ? await localWeights(file, (text) => err(line(text)))
      : null;
  return flightOf(anatomy, flightRequest(reading, scenario, step, device, stored, anatomy.count));
}

/** All numbers of a step; null where one is not known. */
export function flightJson(flight: Flight): TerminalText {
  const { step, batch, tokens, device, devices, format, whole, time, unknownLayers } = flight;
  const { boxes, limit, timeS } = stepBoxes(flight);
  return json({
    step,
    batch,
    tokens,
    kvDtype: flight.anatomy.kvDtype,
    device: device?.id ?? null,
    devices,
    format,
    whole: { ...whole, ...timeJson(time) },
    boxAfterBoxTimeS: timeS,
    limit,
    boxes: boxes.map(({ work, time: own, ...box }) => ({ ...box, ...work, ...timeJson(own) })),
    growth: growthRows(flight).rows.map(({ title, text, bytes, window }) => ({ title, text, bytes, window })),
    unknownLayers,
    says: stepSentences(flight, { limit }),
  });
}

function timeJson(time: Flight['time']): { readonly timeS: number | null; readonly limitedBy: string | null } {
  return { timeS: time?.timeS ?? null, limitedBy: time?.limitedBy ?? null };
}
