/** The layer that a config describes, ready to run: the family's own maths where it is known, else its plain shape. */

import type { AttentionLayerSpec } from '../attention/layerSpec';
import { readModelConfig } from '../config/read';
import type { DescribedLayer } from '../shared/computeContract';
import { RpcError } from '../shared/rpcError';
import { attentionLayer } from '../weights/names/family';
import { HfConfig, isJsonObject } from '../weights/names/hfConfig';
import { runnableAttention } from '../weights/names/modelPlan';
import { familyForward } from '../weights/names/register';
import { WeightsError } from '../weights/weightsError';

/**
 * @param text The config's text.
 * @param layer Index of the layer in the list of caches.
 * @throws RpcError `invalidInput` when the text is no model config, the layer does not exist, or no program exists for its kind.
 */
export function describeLayer(text: string, layer: number): DescribedLayer {
  const reading = readModelConfig(text);
  if (!reading) throw new RpcError('invalidInput', 'this is not a model config');
  const { spec, location, document } = reading;
  const attention = spec.layers[layer]?.attention;
  if (!attention) throw new RpcError('invalidInput', `there is no layer ${layer}: the config has ${spec.layers.length}`);
  const node = document.objectAt(location.path);
  const object = node && document.valueOf(node);
  const config = new HfConfig('config.json', isJsonObject(object) ? object : {}, location.modelType, location.modelType);
  try {
    const runnable = runnableAttention(config, attention);
    const family = familyForward(location.modelType);
    const known = family ? familyLayer(() => family.build({ config, attentions: spec.layers.map((one) => runnableAttention(config, one.attention)), has: () => false, scalar: () => null }, location.modelType).layer(layer).block.layer) : null;
    if (known) return { layer: known, note: null };
    const hidden = spec.hiddenSize;
    if (hidden === null) throw new RpcError('invalidInput', 'the config gives no hidden size');
    return { layer: attentionLayer(runnable, hidden), note: `${location.modelType}: positions, norms and biases of this family are left out; shapes and cache are its own` };
  } catch (error) {
    if (error instanceof WeightsError) throw new RpcError('invalidInput', `layer ${layer} cannot be run: ${error.message}`);
    throw error;
  }
}

/** Null where the family refuses a setting of this config: its shape can still be run. */
function familyLayer(build: () => AttentionLayerSpec): AttentionLayerSpec | null {
  try {
    return build();
  } catch (error) {
    if (error instanceof WeightsError) return null;
    throw error;
  }
}
