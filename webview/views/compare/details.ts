/** What a chosen design means, in a few lines of text. */

import { formatBinary, formatBytes, formatInteger } from '../../../src/model/units';
import { formatDelta, formatFlops, formatSeconds } from '../../../src/present/quantities';
import { hasState, notKnownText, perTokenText, ratioText, sizeText } from '../../../src/present/sizeText';
import { headsText, limitText } from '../../../src/present/words';
import type { Comparison, ComparisonRow } from '../../../src/serving/comparison';

/** "4 times less than the first", of `formatRatio`'s "÷ 4". */
function spokenRatio(ratio: string): string {
  if (ratio.startsWith('÷ ')) return `${ratio.slice(2)} times less than the first`;
  if (ratio.startsWith('× ')) return `${ratio.slice(2)} times the first`;
  return ratio === 'same' ? 'as much as the first' : `${ratio}`;
}

/** Lines below the design's name, the most telling first. */
export function detailLines(row: ComparisonRow, { device, rows: [first] }: Comparison): string[] {
  const { plan, decode, request } = row;
  const heads = headsText(plan.spec);
  const state = hasState(plan) ? ` + state ${sizeText(plan, 'stateBytes')} a sequence` : '';
  const delta = row.parametersDelta;
  const size = plan.known ? formatBytes(plan.totalBytes) : `${sizeText(plan, 'totalBytes')}. ${notKnownText(plan)}.`;
  const ratio = first && first !== row ? ratioText(first.plan.totalBytes, plan.totalBytes) : '';
  return [
    ratio === '' ? size : `${size}, ${spokenRatio(ratio)}`,
    heads,
    plan.known
      ? `${formatInteger(plan.bytesPerToken)} B per token (${formatBinary(plan.bytesPerToken)})${state}`
      : plan.atLeast.bytesPerToken > 0
        ? `${perTokenText(plan)}${state}`
        : '',
    row.projectionFlops === null
      ? ''
      : `projections: ${formatFlops(row.projectionFlops)} a token${request === null || delta === null ? '' : delta === 0 ? ', as many parameters' : `, ${formatDelta(delta)} parameters`}`,
    decode && device
      ? `a decode step on ${device.name} takes at best ${formatSeconds(decode.timeS)}, ${limitText(decode)}: reads ${formatBinary(decode.weightBytesRead)} of weights and ${formatBinary(decode.cacheBytesRead)} of cache`
      : '',
    row.unchangedLayers > 0
      ? `${row.unchangedLayers} of ${plan.spec.layers.length} layers stay as they are: ${request?.kind === 'mla' ? 'a window, or no heads to share' : 'they have no heads to share'}`
      : '',
  ].filter((line) => line !== '');
}
