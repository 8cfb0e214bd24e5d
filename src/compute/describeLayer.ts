/** The layer that a config describes, ready to run: the family's own maths where it is known, else its plain shape. */

import { readModelConfig } from '../config/read';
import type { DescribedLayer } from '../shared/computeContract';
import type { ConfigSource } from '../shared/configSource';
import { RpcError } from '../shared/rpcError';
import { attentionLayer, type FamilyModel } from '../weights/names/family';
import { HfConfig, isJsonObject } from '../weights/names/hfConfig';
import { runnableAttention } from '../weights/names/modelPlan';
import { familyForward } from '../weights/names/register';
import { WeightsError } from '../weights/weightsError';

/**
 * @param layer Index of the layer in the list of caches.
 * @throws RpcError `invalidInput` when the text is no model config, the layer does not exist, or no program exists for its kind.
 */
export function describeLayer({ text, families = {} }: ConfigSource, layer: number): DescribedLayer {
  const reading = readModelConfig(text, { families });
  if (!reading) throw new RpcError('invalidInput', 'this is not a model config');
  const { spec, location, document } = reading;
  const attention = spec.layers[layer]?.attention;
  if (!attention)
    throw new RpcError('invalidInput', `there is no layer ${layer}: the config has ${spec.layers.length}`);
  const node = document.objectAt(location.path);
  const object = node && document.valueOf(node);
  const config = new HfConfig(
    'config.json',
    isJsonObject(object) ? object : {},
    location.modelType,
    location.modelType,
  );
  try {
    const runnable = runnableAttention(config, attention);
    const family = familyForward(location.modelType);
    const known =
      family &&
      familyLayer(
        () =>
          family.build(
            {
              config,
              attentions: spec.layers.map((one) => runnableAttention(config, one.attention)),
              has: () => false,
              scalar: () => null,
            },
            location.modelType,
          ),
        layer,
      );
    if (known) return known;
    const hidden = spec.hiddenSize;
    if (hidden === null) throw new RpcError('invalidInput', 'the config gives no hidden size');
    return {
      layer: attentionLayer(runnable, hidden),
      note: `${location.modelType}: positions, norms and biases of this family are left out; shapes and cache are its own`,
    };
  } catch (error) {
    if (error instanceof WeightsError)
      throw new RpcError('invalidInput', `layer ${layer} cannot be run: ${error.message}`);
    throw error;
  }
}

/** A layer starts from what the embeddings gave: of positions that were added to them, it knows nothing. */
const WITHOUT_POSITIONS =
  'positions that this family adds to its embeddings are left out: the same token has the same K and V wherever it stands';

/** Null where the family refuses a setting of this config: its shape can still be run. */
function familyLayer(build: () => FamilyModel, layer: number): DescribedLayer | null {
  try {
    const model = build();
    return { layer: model.layer(layer).block.layer, note: model.embedding.positions ? WITHOUT_POSITIONS : null };
  } catch (error) {
    if (error instanceof WeightsError) return null;
    throw error;
  }
}
