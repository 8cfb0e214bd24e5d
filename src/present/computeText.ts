/** What the compute commands found out, as Markdown documents. */

import { ENGINE_NAMES } from '../model/scenario';
import type { AttentionKind } from '../model/attention';
import { formatExactBytes, formatInteger } from '../model/units';
import type { RunLayerResult } from '../shared/computeContract';
import type { DeviceChoice, DeviceProof, DeviceReport } from '../shared/devices';
import { codeSpan, documentOf, heading, joined, list, type Markdown, md, sentenceText, table } from './markdown';
import { kindTitle } from './words';

/** What one run of a layer showed. */
export interface LayerReport {
  readonly layer: number;
  readonly kind: AttentionKind;
  readonly note: string | null;
  readonly device: DeviceChoice;
  readonly run: RunLayerResult;
  /** What the formula says of the cache that the run left, in its own element type. */
  readonly formulaBytes: number;
  /** Of the proof of the device, where the layer ran in float16. */
  readonly float16Error: number | null;
  readonly tokens: number;
  readonly steps: number;
}

/**
 * A line for each engine, because a reason can be long and the page narrow.
 * @param choice The device that is used, or why there is none.
 */
export function devicesMarkdown(reports: readonly DeviceReport[], choice: DeviceChoice | string): Markdown {
  const used = typeof choice === 'string' ? null : choice.engine;
  const works = reports.filter(({ available }) => available);
  const others = reports.filter(({ available }) => !available);
  const proved = reports.find((report) => report.proved !== null)?.proved;
  return documentOf([
    heading(1, 'Compute devices'),
    typeof choice === 'string'
      ? md`None can be used: ${sentenceText(choice)}`
      : md`Used: **${choice.engine}** (${sentenceText(choice.reason)})`,
    ...(works.length === 0
      ? []
      : [
          heading(2, 'These work'),
          list(works.map((report) => workingText(report, report.engine === used))),
          md`Each computed a matrix product, timed, and a decode step of a small attention layer. Errors are the largest difference from plain JavaScript in double precision, relative to the largest value.`,
        ]),
    ...(others.length === 0 ? [] : [heading(2, 'These do not'), list(others.map(otherText))]),
    ...(proved
      ? [
          md`Proved on ${new Date(proved.at).toISOString().slice(0, 10)} with ${sentenceText(proved.with)}. This is remembered until the machine, a driver or a library changes; *Headlight: Show Compute Devices* proves again.`,
        ]
      : []),
    md`The setting \`headlight.compute.engine\` chooses. An engine with wrong numbers is refused, also when it is chosen. *Headlight: Show Log* has the details.`,
  ]);
}

function workingText({ engine, device, library, proof, reason }: DeviceReport, used: boolean): Markdown {
  const name = used ? md`**${codeSpan(engine)}**` : codeSpan(engine);
  const parts = [sentenceText(device), sentenceText(library), ...(proof ? [proofText(proof)] : [])];
  return md`${name}: ${joined(reason === null ? parts : [...parts, sentenceText(reason)], '; ')}`;
}

function otherText({ engine, device, library, refused, reason }: DeviceReport): Markdown {
  const why = reason === null ? (refused ? 'wrong numbers' : 'not found') : reason;
  return md`${codeSpan(engine)} (${sentenceText(device)}, ${sentenceText(library)}): ${refused ? 'refused, ' : ''}${sentenceText(why)}`;
}

function proofText({ gflops, relativeError, layerError, float16Error }: DeviceProof): Markdown {
  const half = float16Error === null ? 'no float16' : `in float16 ${float16Error.toExponential(1)}`;
  return md`${gflops.toPrecision(3)} GFLOP/s; error of the product ${relativeError.toExponential(1)}, of the layer ${layerError.toExponential(1)}, ${half}`;
}

export function layerMarkdown(
  modelType: string,
  { layer, kind, note, device, run, tokens, steps, formulaBytes, float16Error }: LayerReport,
): Markdown {
  const { provenance, times, planned } = run;
  const step =
    times.stepMs.length > 0 ? [...times.stepMs].sort((a, b) => a - b)[Math.floor(times.stepMs.length / 2)] : undefined;
  const half =
    float16Error === null
      ? ''
      : ` (relative error ${float16Error.toExponential(1)} against double precision, in the proof of the device)`;
  const rule = planned.rule === 'intrinsic' ? '' : ` (as ${ENGINE_NAMES[planned.rule]} keeps it)`;
  return documentOf([
    heading(1, md`Layer ${layer} of ${modelType}`),
    md`Kind of layer: ${kindTitle(kind)}. ${formatInteger(tokens)} tokens of prefill and ${steps} decode steps, seeded weights (${provenance.seed}), ${provenance.precision}${half}.`,
    ...(note === null ? [] : [sentenceText(note)]),
    md`**Measured cache: ${formatExactBytes(run.cacheBytes)}. Formula${rule}: ${formatExactBytes(formulaBytes)}. ${run.cacheBytes === formulaBytes ? 'They are equal.' : 'They differ.'}**`,
    table(
      ['cache tensor', 'shape', 'bytes'],
      run.cache.map((tensor) => [tensor.role, tensor.shape.join(' × '), formatInteger(tensor.bytes)]),
      ['left', 'left', 'right'],
    ),
    md`Prefill ${times.prefillMs.toFixed(1)} ms${step === undefined ? '' : `, a decode step ${step.toFixed(2)} ms (median)`}, loading ${times.loadMs.toFixed(0)} ms.`,
    ...(run.movedBytes === null
      ? []
      : [md`In the last step ${formatExactBytes(run.movedBytes)} went to the device and back.`]),
    md`On ${provenance.engine}: ${provenance.device}, ${provenance.library}${provenance.wholeOnDevice ? '' : ', parts of it on the CPU'} (${sentenceText(device.reason)}).`,
  ]);
}
