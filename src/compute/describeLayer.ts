/** The layer that a config describes, ready to run: the family's own maths where it is known, else its plain shape. */

import { readModelConfig, type Reading } from '../reading/read';
import { ConfigRefusal } from '../config/refusal';
import { blocksOf } from '../families/blocksOf';
import { attentionLayer } from '../families/kit/blocks';
import type { DescribedLayer } from '../shared/computeContract';
import type { ConfigSource } from '../shared/configSource';
import { RpcError } from '../shared/rpcError';
import { isRunnable } from '../attention/spec/layerSpec';

/**
 * @param layer Index of the layer in the list of caches.
 * @throws RpcError `invalidInput` when the text is no model config, the layer does not exist, or no program exists for its kind.
 */
export function describeLayer({ text, families = {} }: ConfigSource, layer: number): DescribedLayer {
  const reading = readModelConfig(text, { families });
  if (!reading) throw new RpcError('invalidInput', 'this is not a model config');
  const { layers, hiddenSize } = reading.spec;
  const attention = layers[layer]?.attention;
  if (!attention) throw new RpcError('invalidInput', `there is no layer ${layer}: the config has ${layers.length}`);
  if (!isRunnable(attention))
    throw new RpcError(
      'invalidInput',
      `layer ${layer} cannot be run: attention of kind "${attention.kind}" is not supported`,
    );
  const known = familyLayer(reading, layer);
  if (known) return known;
  if (hiddenSize === null) throw new RpcError('invalidInput', 'the config gives no hidden size');
  return {
    layer: attentionLayer(attention, hiddenSize),
    note: `${reading.location.modelType}: positions, norms and biases of this family are not computed; shapes and cache are right`,
  };
}

/** A layer starts from what the embeddings gave: of positions that were added to them, it knows nothing. */
const WITHOUT_POSITIONS =
  'position embeddings of this family are not computed: a token has the same K and V at every position';

/** Null where the family is not described, or has a setting whose maths is not known: the layer's shape can still be run. */
function familyLayer(reading: Reading, layer: number): DescribedLayer | null {
  try {
    const model = blocksOf(reading, reading.reader());
    const own = model?.block(layer).layer;
    if (!model || !own || model.limits.length > 0) return null;
    return { layer: own, note: model.embedding?.positions ? WITHOUT_POSITIONS : null };
  } catch (error) {
    if (error instanceof ConfigRefusal) return null;
    throw error;
  }
}
