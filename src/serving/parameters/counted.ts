/** Parameters of a decoder whose blocks are not described, from what its `counts` facet says. */

import { stateOf } from '../../cache/layerBytes';
import type { ConfigReader } from '../../config/reader';
import { HIDDEN_KEYS } from '../../config/spellings';
import { attentionCounter } from '../../families/counted/attention';
import type { CountedDecoder, LayerView } from '../../families/counted/facet';
import { feedForwardCounter } from '../../families/counted/feedForward';
import { mixerParameters } from '../../families/counted/mixers';
import { switched } from '../../families/counted/switches';
import type { Tally, Weights } from '../../families/counted/tally';
import type { LayerSpec, ModelSpec } from '../../model/spec';

/** Adds everything that a decoder has; false where a layer's build is not known. */
export function tallyCounted(
  { layers, unknownLayers }: Pick<ModelSpec, 'layers' | 'unknownLayers'>,
  config: ConfigReader,
  counted: CountedDecoder,
  tally: Tally,
  isTied: boolean,
): boolean {
  config.consult(counted.knows ?? []);
  const hidden = config.size(HIDDEN_KEYS);
  if (layers.length === 0 || unknownLayers > 0) return false;
  const views = layers
    .slice(0, counted.built?.(config))
    .map((layer): LayerView => ({ index: layer.index, attention: layer.attention, hidden }));
  if (views.length === 0) return false;
  const attention = attentionCounter(config, counted);
  const feedForward = feedForwardCounter(config, counted, tally);
  const normWidth = switched(config, counted.normBias ?? false) ? 2 * hidden : hidden;
  for (const [index, view] of views.entries()) {
    tally.place = view.index;
    const mixed = tokenMixer(config, counted, layers[index], view, attention);
    if (mixed === null) return false;
    tally.addNamed('attention', mixed);
    tally.add(
      'norms',
      (typeof counted.norms === 'function' ? counted.norms(config, view) : (counted.norms ?? 2)) * normWidth,
    );
    feedForward(view);
  }
  tally.place = null;
  tally.add(
    'norms',
    (typeof counted.finalNorms === 'function' ? counted.finalNorms(config) : (counted.finalNorms ?? 1)) * normWidth,
  );
  embeddings(config, counted, tally, hidden, counted.tied === undefined ? isTied : switched(config, counted.tied));
  counted.extra?.(config, tally, views);
  return true;
}

/** A layer's token mixer: attention, a recurrent mixer, or both side by side. */
function tokenMixer(
  config: ConfigReader,
  counted: CountedDecoder,
  layer: LayerSpec | undefined,
  view: LayerView,
  attention: (view: LayerView) => Weights,
): Weights | null {
  if (!layer) return null;
  const state = counted.statesInside ? undefined : stateOf(layer.attention, layer.parallelState);
  const recurrent = layer.attention.kind === 'recurrent' || layer.attention.kind === 'conv';
  const own = recurrent ? (counted.mixer?.(config, view) ?? null) : null;
  if (own !== null) return typeof own === 'number' ? [['mixer', own]] : own;
  const mixer = state ? mixerParameters(config, state, view.hidden, counted.mixerParts) : [];
  if (mixer === null) return null;
  return recurrent ? mixer : [...mixer, ...attention(view)];
}

function embeddings(
  config: ConfigReader,
  counted: CountedDecoder,
  tally: Tally,
  hidden: number,
  isTied: boolean,
): void {
  const vocabulary = config.size(counted.vocabulary ?? ['vocab_size', 'padded_vocab_size']);
  tally.add('embedding', vocabulary * hidden);
  if (!isTied) {
    tally.add('outputHead', vocabulary * hidden);
    tally.lookup += vocabulary * hidden;
  }
  if (switched(config, counted.headBias ?? false)) tally.add('outputHead', vocabulary);
  const positions = counted.positions?.(config) ?? 0;
  tally.add('embedding', positions * hidden);
  tally.lookup += positions * hidden;
}
