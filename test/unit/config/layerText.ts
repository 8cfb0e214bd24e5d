/** Layers as the short texts of test/fixtures/corpus.json: "k32 v32 w16 i12 x c128 r512". */

import type { LayerSpec, ModelSpec } from '../../../src/model/spec';

function layerText({ attention, parallelState }: LayerSpec): string {
  const parts: string[] = [];
  const state = attention.kind === 'recurrent' || attention.kind === 'conv' ? attention.state : parallelState;
  switch (attention.kind) {
    case 'full':
      parts.push(`k${attention.kvHeads * attention.keyDim}`, `v${attention.kvHeads * attention.valueDim}`);
      break;
    case 'sliding':
      parts.push(
        `k${attention.kvHeads * attention.keyDim}`,
        `v${attention.kvHeads * attention.valueDim}`,
        `w${attention.window}`,
      );
      break;
    case 'chunked':
      parts.push(
        `k${attention.kvHeads * attention.keyDim}`,
        `v${attention.kvHeads * attention.valueDim}`,
        `w${attention.chunk}`,
      );
      break;
    case 'cross':
      // Without images nothing stands in the cross layers of Llama 3.2 Vision.
      if (attention.source.tokens !== 0)
        parts.push(`k${attention.kvHeads * attention.keyDim}`, `v${attention.kvHeads * attention.valueDim}`, 'x');
      break;
    case 'latent':
      parts.push(`k${attention.latentDim}`, `v${attention.ropeDim}`);
      break;
    case 'compressed':
      parts.push(`k${attention.headDim}`, 'v0', `w${attention.window}`);
      break;
    case 'unknown':
      parts.push(`unknown(${attention.label})`);
      break;
    default:
      break;
  }
  if ('indexer' in attention && attention.indexer?.owned) parts.push(`i${attention.indexer.headDim}`);
  if (attention.kind === 'compressed') parts.push(attention.indexer ? 'csa' : 'hca');
  if (state?.conv) parts.push(`c${state.conv.channels * state.conv.width}`);
  if (state && state.recurrentElements > 0) parts.push(`r${state.recurrentElements}`);
  return parts.join(' ');
}

/** "3× k32 v32 w16 | k32 v32"; layers that read another layer's cache are left out. */
export function layerRuns(spec: ModelSpec): string {
  const out: { text: string; times: number }[] = [];
  for (const layer of spec.layers) {
    if (layer.attention.kind === 'shared') continue;
    const text = layerText(layer);
    const last = out.at(-1);
    if (last?.text === text) last.times++;
    else out.push({ text, times: 1 });
  }
  return out.map(({ text, times }) => (times === 1 ? text : `${times}× ${text}`)).join(' | ');
}
