/** Attention: projections, norms of heads, positions, what is cached, scores. */

import { type AttentionLayerSpec, headDims } from '../attention/spec/layerSpec';
import type { HeadNormSpec, NormSpec } from '../attention/spec/normSpec';
import { type AttentionSpec } from '../model/attention';
import { formatInteger, formatSize } from '../model/units';
import { type Box, type Span, COLUMNS, WHOLE } from './box';
import {
  shape,
  bias,
  normName,
  extentText,
  grownText,
  rotaryLines,
  scoreLines,
  attentionTitle,
  sharingText,
  headsOf,
  cacheLines,
} from './boxWords';
import { BoxMaker, distinct } from './boxMaker';

export class AttentionBoxes extends BoxMaker {
  attentionRows(layer: AttentionLayerSpec, positionsKnown: boolean): Box[][] {
    const { attention } = layer;
    const result =
      attention.kind === 'latent'
        ? this.latentRows(layer, attention, positionsKnown)
        : this.headedRows(layer, positionsKnown);
    const { queryHeads, valueDim } = headDims(attention);
    const hidden = formatInteger(layer.hiddenSize);
    const gate: Box[] =
      layer.outputGate === 'none'
        ? []
        : [
            this.box(
              'gate',
              'step',
              `× ${this.kind.description?.gateFunction ?? 'sigmoid'} gate`,
              [
                layer.outputGate === 'head'
                  ? `${hidden} → ${formatInteger(queryHeads)}: one value per head`
                  : `${hidden} → ${shape(queryHeads, valueDim)}, of the same input`,
              ],
              WHOLE,
              ['gate'],
            ),
          ];
    return [
      ...result,
      gate,
      layer.outputNorm
        ? [this.box('o_norm', 'norm', normName(layer.outputNorm), [], WHOLE, ['o_norm'], this.keysOf([], ['norm']))]
        : [],
      [
        this.box(
          'o',
          'step',
          'Output',
          [`${shape(queryHeads, valueDim)} → ${hidden}`, ...bias(layer.biases.o)],
          WHOLE,
          ['o', 'branch_gates'],
          this.keysOf(['queryHeads', 'valueDim'], ['hidden']),
        ),
      ],
    ];
  }

  private headedRows(layer: AttentionLayerSpec, positionsKnown: boolean): Box[][] {
    const { queryHeads, kvHeads, keyDim, valueDim } = headDims(layer.attention);
    const { hiddenSize, biases, queryNorm, keyNorm, valueNorm } = layer;
    const q: Span = [0, 4];
    const k: Span = [4, 8];
    const v: Span = [8, 12];
    const has = (name: string): boolean => this.has(name);
    const source = this.kind.attention.kind === 'cross' ? ', from the source' : '';
    const projected = (
      id: string,
      title: string,
      heads: number,
      dim: number,
      biased: boolean,
      at: Span,
      factors: readonly string[],
    ): Box[] =>
      has(id)
        ? [
            this.box(
              id,
              'step',
              title,
              [`${formatInteger(hiddenSize)} → ${shape(heads, dim)}`, ...bias(biased)],
              at,
              [id],
              this.keysOf(factors, biased ? ['hidden', 'bias'] : ['hidden']),
            ),
          ]
        : [];
    const keys = projected('k', `K${source}`, kvHeads, keyDim, biases.k, has('v') ? k : [4, 12], ['kvHeads', 'keyDim']);
    const values = projected('v', `V${source}`, kvHeads, valueDim || keyDim, biases.v, v, ['kvHeads', 'valueDim']);
    const headNorm = (id: string, title: string, spec: HeadNormSpec | null, at: Span): Box[] =>
      spec
        ? [
            this.box(
              id,
              'norm',
              `${title} norm`,
              [normName(spec.norm), extentText(spec)],
              at,
              [id],
              this.keysOf([], ['headNorm', 'norm']),
            ),
          ]
        : [];
    const norms = (stage: HeadNormSpec['stage']): Box[] => [
      ...(queryNorm?.stage === stage ? headNorm('q_norm', 'Q', queryNorm, q) : []),
      ...(keys.length > 0 && keyNorm?.stage === stage ? headNorm('k_norm', 'K', keyNorm, k) : []),
      ...(stage === 'before-rope' && valueNorm && (values.length > 0 || has('v_norm'))
        ? headNorm('v_norm', 'V', valueNorm, v)
        : []),
    ];
    const turned: Span = keys.length > 0 ? [0, has('v') ? 8 : 12] : WHOLE;
    return [
      [
        ...projected('q', 'Q', queryHeads, keyDim, biases.q, keys.length > 0 ? q : WHOLE, ['queryHeads', 'keyDim']),
        ...keys,
        ...values,
      ],
      norms('before-rope'),
      positionsKnown ? this.positions(layer, keyDim, turned) : [],
      norms('after-rope'),
      this.indexRow(),
      ...this.cacheRow(keys.length > 0 ? [4, 12] : WHOLE),
      [this.scores(layer.attention, scoreLines(layer))],
    ];
  }

  private latentRows(
    layer: AttentionLayerSpec,
    attention: Extract<AttentionSpec, { kind: 'latent' }>,
    positionsKnown: boolean,
  ): Box[][] {
    const { queryHeads, latentDim, ropeDim, nopeDim, valueDim, queryLatentDim } = attention;
    const { hiddenSize, biases, latentNorms } = layer;
    const hidden = formatInteger(hiddenSize);
    const q: Span = [0, 4];
    const kv: Span = [4, 12];
    // The latent is normed, the key beside it turned: neither passes through the other.
    const [latent, key]: [Span, Span] = [
      [4, 8],
      [8, 12],
    ];
    const width = nopeDim + ropeDim;
    const heads = this.keysOf(['queryHeads', 'nopeDim', 'ropeDim']);
    const down: Box[] =
      queryLatentDim === null
        ? [this.box('q', 'step', 'Q', [`${hidden} → ${shape(queryHeads, width)}`, ...bias(biases.q)], q, ['q'], heads)]
        : [
            this.box(
              'q_a',
              'step',
              'Q down',
              [`${hidden} → ${formatInteger(queryLatentDim)} latent`, ...bias(biases.q)],
              q,
              ['q_a'],
              this.keysOf(['queryLatentDim'], ['hidden']),
            ),
          ];
    const up: Box[] =
      queryLatentDim === null
        ? []
        : [
            this.box(
              'q_b',
              'step',
              'Q up',
              [`${formatInteger(queryLatentDim)} → ${shape(queryHeads, width)}`],
              q,
              ['q_b'],
              [...this.keysOf(['queryLatentDim']), ...heads],
            ),
          ];
    const norm = (id: string, spec: NormSpec | null | undefined, at: Span): Box[] =>
      spec ? [this.box(id, 'norm', normName(spec), [], at, [id], this.keysOf([], ['norm']))] : [];
    return [
      [
        ...down,
        this.box(
          'kv_a',
          'step',
          'K and V down',
          [`${hidden} → ${formatInteger(latentDim)} latent + ${formatInteger(ropeDim)} RoPE key`, ...bias(biases.k)],
          kv,
          ['kv_a'],
          this.keysOf(['latentDim', 'ropeDim'], ['hidden']),
        ),
      ],
      [
        ...norm('q_a_norm', latentNorms?.query, q),
        ...norm('kv_a_norm', latentNorms?.latent, latent),
        ...(positionsKnown ? this.positions(layer, ropeDim, key) : []),
      ],
      up,
      positionsKnown && layer.rotary
        ? [
            this.note(
              'rope_q',
              'step',
              'RoPE of Q',
              [`rotates ${layer.rotary.dim} of ${width} dims, as the key`, ...grownText(layer)],
              q,
              this.keysOf(['ropeDim'], ['rope']),
            ),
          ]
        : [],
      this.indexRow(),
      this.cacheRow(kv).flat(),
      [
        this.box(
          'kv_b',
          'step',
          'K and V up',
          [
            `${formatInteger(latentDim)} → ${formatInteger(queryHeads)} × (${formatInteger(nopeDim)} + ${formatInteger(valueDim)})`,
            'not needed for decoding when absorbed',
          ],
          kv,
          ['w_uk', 'w_uv', 'kv_b'],
          this.keysOf(['latentDim', 'queryHeads', 'nopeDim', 'valueDim']),
        ),
      ],
      [this.scores(attention, scoreLines(layer))],
    ];
  }

  /** DeepSeek-V4 (T:deepseek_v4 DeepseekV4Attention): one K = V for all heads, kept raw within the window and pooled beyond it. */
  compressedRows(): Box[][] {
    const { attention, hiddenSize } = this.kind;
    if (attention.kind !== 'compressed' && attention.kind !== 'sliding') return [];
    const headDim = attention.kind === 'compressed' ? attention.headDim : attention.keyDim;
    const hidden = formatInteger(hiddenSize ?? 0);
    const rank = formatInteger(this.sum(['q_a_norm']));
    const heads = shape(attention.queryHeads, headDim);
    const q: Span = [0, 6];
    const kv: Span = [6, 12];
    const norm = this.keysOf([], ['norm']);
    const width = this.keysOf(['headDim', 'keyDim'], ['hidden']);
    const turned =
      attention.kind === 'compressed'
        ? [`rotates ${attention.ropeDim} of ${headDim} dims, and back after the attention`]
        : ['rotates part of the dims, and back after the attention'];
    return [
      [
        this.box('q_a', 'step', 'Q down', [`${hidden} → ${rank} latent`], q, ['q_a'], this.keysOf([], ['hidden'])),
        this.box('kv', 'step', 'K = V', [`${hidden} → ${formatInteger(headDim)}`, 'for all heads'], kv, ['kv'], width),
      ],
      [
        this.box('q_a_norm', 'norm', 'RMSNorm', [], q, ['q_a_norm'], norm),
        this.box('kv_norm', 'norm', 'RMSNorm', [], kv, ['kv_norm'], norm),
      ],
      [
        this.box(
          'q_b',
          'step',
          'Q up',
          [`${rank} → ${heads}`, 'then RMSNorm of each head, no weight'],
          q,
          ['q_b'],
          this.keysOf(['queryHeads']),
        ),
      ],
      [this.note('rope', 'step', 'RoPE', turned, WHOLE, this.keysOf(['ropeDim'], ['rope']))],
      attention.kind === 'compressed'
        ? [
            this.box(
              'compressor',
              'step',
              'Compressor',
              [`one entry for ${formatInteger(attention.ratio)} tokens`, 'a learned weighted sum, then RMSNorm'],
              kv,
              ['compressor'],
              this.keysOf(['ratio']),
            ),
          ]
        : [],
      this.indexRow(),
      ...this.cacheRow(kv),
      [this.scores(attention, ['a learned sink per head'])],
      [this.box('o_a', 'step', 'Output down', [`${heads}, in groups`], WHOLE, ['o_a'], this.keysOf(['queryHeads']))],
      [this.box('o', 'step', 'Output', [`→ ${hidden}`], WHOLE, ['o'], this.keysOf([], ['hidden']))],
    ];
  }

  /** Small queries and keys that choose what the attention sees. */
  private indexRow(): Box[] {
    const { attention } = this.kind;
    const indexer = 'indexer' in attention ? attention.indexer : undefined;
    if (!indexer) return [];
    if (!indexer.owned)
      return [
        this.note('index', 'norm', 'Indexer', ['the choice of an earlier layer'], WHOLE, this.keysOf(['indexDim'])),
      ];
    const { heads, headDim, topK } = indexer;
    return [
      this.box(
        'index',
        'step',
        'Indexer',
        [
          `${heads === null ? '' : `${formatInteger(heads)} small heads, `}one key of ${formatInteger(headDim)} per token`,
          ...(topK === null ? [] : [`chooses ${formatInteger(topK)} tokens`]),
        ],
        WHOLE,
        ['index'],
        this.keysOf(['indexDim']),
      ),
    ];
  }

  /** @param keyDim Of latent attention, that of the key beside the latent: its queries are turned after their way up. */
  private positions(layer: AttentionLayerSpec, keyDim: number, span: Span): Box[] {
    const { rotary, alibi } = layer;
    const { attention, description } = this.kind;
    const latent = layer.attention.kind === 'latent';
    const grown = grownText(layer);
    if (rotary)
      return [
        this.note(
          'rope',
          'step',
          latent ? 'RoPE of key' : 'RoPE',
          latent ? rotaryLines(rotary, keyDim) : [...rotaryLines(rotary, keyDim), ...grown],
          span,
          this.keysOf(['ropeDim'], ['rope']),
        ),
      ];
    if (alibi) return [this.note('alibi', 'step', 'ALiBi', ['a slope per head'], span, [])];
    if (attention.kind === 'cross' || attention.kind === 'none' || description?.positionsElsewhere) return [];
    return [this.note('nope', 'step', 'No rotation', ['no positions here (NoPE)', ...grown], span, [])];
  }

  cacheRow(span: Span): Box[][] {
    const { attention, cacheBytesPerToken } = this.kind;
    if (attention.kind === 'shared')
      return [
        [
          this.note(
            'cache',
            'norm',
            `K and V of layer ${attention.sharedWith}`,
            ['cached there, not here'],
            span,
            this.keysOf(['sharedWith']),
          ),
        ],
      ];
    if (attention.kind === 'none' || cacheBytesPerToken + this.kind.cacheBytes === 0) return [];
    return [
      [
        this.note(
          'cache',
          'cache',
          attention.kind === 'cross' && cacheBytesPerToken === 0
            ? `Cached: ${formatSize(this.kind.cacheBytes)} of the source`
            : `Cached: ${formatSize(cacheBytesPerToken)} per token`,
          cacheLines(attention),
          span,
          this.keysOf(['kvHeads', 'keyDim', 'valueDim', 'latentDim', 'ropeDim', 'headDim', 'ratio', 'window', 'chunk']),
        ),
      ],
    ];
  }

  scores(attention: AttentionSpec, lines: readonly string[]): Box {
    const { description, attentionFlops, stateFlops, state } = this.kind;
    const heads = headsOf(attention);
    // What a mixer beside it takes is said there.
    const apart = description !== null && state !== undefined && this.has('in') ? stateFlops : 0;
    const sinks = description ? this.sum(['sinks', 'relative']) : 0;
    return {
      id: 'attention',
      look: 'attention',
      title: attentionTitle(this.kind.sees),
      lines: [
        ...(heads ? [sharingText(attention, heads)] : []),
        ...lines,
        ...(attention.kind === 'latent' ? ['counted in its absorbed form'] : []),
      ],
      parameters: sinks,
      flops: attentionFlops - apart + 2 * sinks,
      from: 0,
      to: COLUMNS,
      ...(heads ? { marks: { mark: 'heads', ...heads } as const } : {}),
      keys: distinct(this.keysOf(['queryHeads', 'kvHeads', 'window', 'chunk', 'ratio'], ['softcap'])),
    };
  }
}
