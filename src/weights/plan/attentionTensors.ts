/** Which tensors of a file are the Q, K, V and O of its layers, and where in them each head is: what the plan of a model says, tensor by tensor. */

import { headDims, type RunnableAttention } from '../../attention/spec/layerSpec';
import type { Part, RowBlocks, WeightSource } from '../../families/kit/weightSource';
import type { ModelPlan } from './weightPlan';
import type { WeightStore } from '../weightStore';
import { sourceTensors } from './readSource';

export type AttentionLetter = 'Q' | 'K' | 'V' | 'O' | 'latent';

/** What a tensor (or some rows of it) is to the heads of its layer. */
export interface HeadPart {
  readonly letter: AttentionLetter;
  /** Heads whose rows follow each other: of K and V as many as there are groups; 0 where all heads share what it makes. */
  readonly heads: number;
  /** Rows of a head; all where there are none. */
  readonly dim: number;
  /** Query heads of the layer, and those that share a K and V. */
  readonly queryHeads: number;
  readonly groups: number;
  /** Along which side the heads lie: rows make outputs, of O columns take the heads' outputs. */
  readonly along: 'rows' | 'columns';
  /** Positions along it that belong to this part, in the order of the heads; all where absent. */
  readonly blocks?: readonly RowBlocks[];
}

export interface AttentionTensor {
  readonly tensor: string;
  readonly layer: number;
  readonly parts: readonly HeadPart[];
}

interface Weight {
  readonly name: string;
  readonly part: Omit<HeadPart, 'along' | 'blocks' | 'queryHeads' | 'groups'>;
}

function weightsOf(attention: RunnableAttention): readonly Weight[] {
  const { queryHeads, kvHeads, keyDim, valueDim } = headDims(attention);
  const o: Weight = { name: 'o', part: { letter: 'O', heads: queryHeads, dim: valueDim } };
  const q = { letter: 'Q', heads: queryHeads, dim: keyDim } as const;
  if (attention.kind !== 'latent')
    return [
      { name: 'q', part: q },
      { name: 'k', part: { letter: 'K', heads: kvHeads, dim: keyDim } },
      { name: 'v', part: { letter: 'V', heads: kvHeads, dim: valueDim } },
      o,
    ];
  const { latentDim, ropeDim, nopeDim, queryLatentDim } = attention;
  return [
    ...(queryLatentDim === null
      ? [{ name: 'q', part: q }]
      : [{ name: 'q_a', part: { letter: 'Q', heads: 0, dim: queryLatentDim } } as const, { name: 'q_b', part: q }]),
    { name: 'kv_a', part: { letter: 'latent', heads: 0, dim: latentDim + ropeDim } },
    { name: 'w_uk', part: { letter: 'K', heads: queryHeads, dim: nopeDim } },
    { name: 'w_uv', part: { letter: 'V', heads: queryHeads, dim: valueDim } },
    o,
  ];
}

/** Of all layers, in their order. */
export function attentionTensors(store: WeightStore, { layers }: ModelPlan): readonly AttentionTensor[] {
  return layers.flatMap(({ block, prefix, sources }, layer) => {
    const { attention } = block.layer;
    const { queryHeads, kvHeads } = headDims(attention);
    const groups = attention.kind === 'latent' ? 1 : kvHeads;
    const found = new Map<string, HeadPart[]>();
    for (const { name, part } of weightsOf(attention)) {
      const source = sources[name];
      const only = source === undefined ? null : onlyPart(source);
      if (source === undefined || only === null) continue;
      const across = (part.letter === 'O') !== (only.transposed === true);
      for (const tensor of sourceTensors(prefix, source, `${name}.weight`)) {
        if (!store.has(tensor)) continue;
        const parts = found.get(tensor) ?? [];
        found.set(tensor, parts);
        const [count, rows = 0, ...more] = store.info(tensor).shape;
        parts.push({
          ...part,
          // A matrix for each head, whichever way it lies.
          dim: more.length === 1 && count === part.heads ? rows : part.dim,
          queryHeads,
          groups,
          along: across ? 'columns' : 'rows',
          ...(only.rows === undefined ? {} : { blocks: only.rows }),
        });
      }
    }
    return [...found].map(([tensor, parts]): AttentionTensor => ({ tensor, layer, parts }));
  });
}

/** Null where a weight is put together from several tensors, or lies in a stack: no row of these is a head's by its number alone. */
function onlyPart(source: WeightSource): Part | null {
  const part = 'base' in source ? source : source.length === 1 ? source[0] : undefined;
  return part === undefined || part.index !== undefined || part.packed !== undefined ? null : part;
}
