/** Conversions of one layer of a model, measured on a prompt. What `convert` prints and the editor shows. */

import type { AttentionLayerSpec } from '../../attention/spec/layerSpec';
import { layerWeights, type WeightInfo } from '../../attention/spec/weightNames';
import { LayerConverter } from '../../insight/conversion/convert';
import type { HeadedSpec, LayerSample } from '../../insight/conversion/layerRows';
import {
  ConversionRefused,
  type ConversionRequest,
  offeredConversions,
  targetLabel,
} from '../../insight/conversion/target';
import type { ConversionResult } from '../../shared/headsContract';
import { RpcError } from '../../shared/rpcError';
import { assertFits, conversionBytes } from '../memory';
import type { LayerPass } from './layerPass';
import { floats } from './tokenAxis';
import { checkCancelled, type Watch } from './watch';

/** Measured in float64 on the processor: every query against every key, head by head. */
const MOST_CONVERTED_TOKENS = 4096;

/** Between two words on how far it is; it stops as seldom. */
const TOLD_MS = 100;

export interface ConversionAsk {
  readonly ids: readonly number[];
  readonly layer: number;
  /** Null: those that are worth a look for this layer. */
  readonly conversions: readonly ConversionRequest[] | null;
}

/**
 * In the order of the requests; a conversion that this layer cannot have is refused in its place.
 * @throws RpcError `invalidInput` for a layer without heads to convert, and whatever the pass throws.
 */
export async function measureConversions(
  pass: LayerPass,
  ask: ConversionAsk,
  watch: Watch,
): Promise<readonly ConversionResult[]> {
  if (ask.ids.length > MOST_CONVERTED_TOKENS)
    throw new RpcError(
      'invalidInput',
      `the prompt has ${ask.ids.length} tokens; a conversion is measured on at most ${MOST_CONVERTED_TOKENS}`,
    );
  let told = -Infinity;
  const stage = async (message: string, fraction: number, always = false): Promise<void> => {
    if (!always && performance.now() - told < TOLD_MS) return;
    told = performance.now();
    watch.progress({ message, fraction });
    // Lets a cancellation in, and the progress out.
    await new Promise((resolve) => setImmediate(resolve));
    checkCancelled(watch.signal);
  };
  const sample = await sampleOf(pass, ask, watch);
  const converter = await LayerConverter.of(sample, { stage });
  const requests = ask.conversions ?? offeredConversions(sample.spec, sample.tokens);
  const found: ConversionResult[] = [];
  for (const [index, request] of requests.entries()) {
    const which = `${index + 1} of ${requests.length}: `;
    await stage(`${which}${targetLabel(request.target)}, ${request.method}`, index / requests.length, true);
    try {
      found.push(
        await converter.convert(request, {
          stage: (message, fraction) => stage(`${which}${message}`, (index + fraction) / requests.length),
        }),
      );
    } catch (error) {
      if (!(error instanceof ConversionRefused)) throw error;
      found.push({ ...request, refused: error.message });
    }
  }
  return found;
}

/** What is captured for it. */
const CAPTURES = ['attentionInput', 'q', 'qRaw'] as const;

/** The weights that are read besides. */
function convertedWeights(spec: AttentionLayerSpec): readonly WeightInfo[] {
  return layerWeights(spec).filter(({ name }) => !/^q(_norm)?\./.test(name));
}

/** Bytes of weights that are not on this machine and that `measureConversions` would have fetched, at most. */
export async function lackingForConversion(
  pass: LayerPass,
  { ids, layer }: Pick<ConversionAsk, 'ids' | 'layer'>,
): Promise<number> {
  const kind = pass.attention(layer)?.kind;
  if (kind === undefined || kind === 'latent') return 0;
  return (await pass.lacking?.({ ids, layer, captures: CAPTURES, logits: false }, convertedWeights)) ?? 0;
}

async function sampleOf(pass: LayerPass, { ids, layer }: ConversionAsk, watch: Watch): Promise<LayerSample> {
  const attention = pass.attention(layer);
  if (attention?.kind === 'latent')
    throw new RpcError(
      'invalidInput',
      `layer ${layer} has latent attention (MLA) already: what it caches is not made of heads`,
    );
  const { spec, tensors } = await pass.capture({ ids, layer, captures: CAPTURES, logits: false }, watch);
  assertFits(conversionBytes(spec, ids.length), pass.memoryCeiling);
  const read = await pass.weights(layer, convertedWeights(spec), watch);
  return {
    // Latent layers were refused above.
    spec: spec as HeadedSpec,
    tokens: ids.length,
    input: floats(tensors.get('attentionInput')),
    q: floats(tensors.get('q')),
    qRaw: floats(tensors.get('qRaw')),
    weights: new Map([...read].map(([name, tensor]) => [name, floats(tensor)])),
  };
}
