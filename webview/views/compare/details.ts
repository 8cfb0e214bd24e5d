/** What a chosen design means, in a few lines of text. */

import { formatSize, formatBytes, formatInteger } from '../../../src/model/units';
import { formatDelta, formatFlops, formatSeconds } from '../../../src/present/quantities';
import {
  beyondText,
  hasState,
  inAllBytes,
  notKnownText,
  perTokenText,
  ratioText,
  scopedText,
  sizeInAllText,
} from '../../../src/present/sizeText';
import { headsText, limitText } from '../../../src/present/words';
import type { Comparison, ComparisonRow } from '../../../src/serving/comparison';

/** "4 × smaller than the first", of `formatRatio`'s "÷ 4". */
function spokenRatio(ratio: string): string {
  if (ratio.startsWith('÷ ')) return `${ratio.slice(2)} × smaller than the first`;
  if (ratio.startsWith('× ')) return `${ratio.slice(2)} × the first`;
  return ratio === 'same' ? 'same as the first' : `${ratio} compared with the first`;
}

/** Lines below the design's name, the most telling first. */
export function detailLines(row: ComparisonRow, { device, rows: [first] }: Comparison): string[] {
  const { plan, decode, request } = row;
  const heads = headsText(plan.spec);
  const state = hasState(plan) ? ` + state ${sizeInAllText(plan, 'stateBytes')}` : '';
  const delta = row.parametersDelta;
  const size = plan.known ? scopedText(plan, 'totalBytes', formatBytes) : `${scopedText(plan)}. ${notKnownText(plan)}.`;
  const ratio = first && first !== row ? ratioText(inAllBytes(first.plan), inAllBytes(plan)) : '';
  return [
    ratio === '' ? size : `${size}, ${spokenRatio(ratio)}`,
    heads,
    plan.known
      ? `${formatInteger(plan.bytesPerToken)} B per token (${formatSize(plan.bytesPerToken)})${beyondText(plan)}${state}`
      : plan.atLeast.bytesPerToken > 0
        ? `${perTokenText(plan)}${state}`
        : '',
    plan.sharding.duplication > 1
      ? `stored ${Number(plan.sharding.duplication.toFixed(2))} times over: devices keep copies`
      : '',
    row.projectionFlops === null
      ? ''
      : `projections: ${formatFlops(row.projectionFlops)} per token${request === null || delta === null ? '' : delta === 0 ? ', the same parameters' : `, ${formatDelta(delta)} parameters`}`,
    decode && device
      ? `a decode step on ${device.name} takes at least ${formatSeconds(decode.timeS)}, ${limitText(decode)}: reads ${formatSize(decode.weightBytesRead)} of weights and ${formatSize(decode.cacheBytesRead)} of cache`
      : device && row.weightsFit === false
        ? `the weights alone do not fit on ${plan.everywhere.devices > 1 ? `${formatInteger(plan.everywhere.devices)} × ` : ''}${device.name}: nothing can be decoded`
        : '',
    row.unchangedLayers > 0
      ? `${row.unchangedLayers} of ${plan.spec.layers.length} layers stay as they are: ${request?.kind === 'mla' ? 'they have a window, or no heads to share' : 'they have no heads to share'}`
      : '',
  ].filter((line) => line !== '');
}
