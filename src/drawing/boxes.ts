/** What a layer consists of, as boxes in the order of the data. */

import type { Activation, DenseFeedForward } from '../attention/spec/blockSpec';
import { type AttentionLayerSpec, headDims } from '../attention/spec/layerSpec';
import type { HeadNormSpec, NormSpec } from '../attention/spec/normSpec';
import type { RotarySpec } from '../attention/spec/rotarySpec';
import type { Part } from '../families/counted/tally';
import type { RouterWords } from '../families/facets';
import { type AttentionSpec, isHeaded, type StateSpec } from '../model/attention';
import { formatInteger, formatSize } from '../model/units';
import { formatCount } from '../present/quantities';
import { groupsText, kindTitle, numberText } from '../present/words';
import type { LayerKind } from '../serving/anatomy/anatomy';
import type { DescribedFeedForward, DescribedMixture, LayerDescription } from '../serving/anatomy/description';
import { countOf, type PartCounts } from '../serving/anatomy/ends';
import type { KeyRole } from '../serving/anatomy/keys';
import { partOf } from '../serving/parameters/derived';
import { mixerRows } from './mixers';
import type { BoxMark } from './stepMarks';

/** Columns of the grid that boxes of one branch share. */
export const COLUMNS = 12;

export type Look = 'norm' | 'step' | 'cache' | 'attention' | 'unknown';

/** Query heads above the K and V that they share. */
export interface HeadMarks {
  readonly mark: 'heads';
  readonly queryHeads: number;
  readonly kvHeads: number;
}

export interface ExpertMarks {
  readonly mark: 'experts';
  readonly experts: number;
  readonly perToken: number;
}

export interface Box {
  /** Within its layer. */
  readonly id: string;
  readonly look: Look;
  readonly title: string;
  readonly lines: readonly string[];
  /** Of one layer; null where they are not known apart. */
  readonly parameters: number | null;
  /** The same by part; absent where all are of one. */
  readonly parts?: PartCounts;
  /** Operations of one decode step, of one layer; null where they are not known apart. */
  readonly flops: number | null;
  /** Columns: from the first to before the last. */
  readonly from: number;
  readonly to: number;
  readonly marks?: HeadMarks | ExpertMarks;
  /** Keys of the config that decided it, the first first. */
  readonly keys: readonly string[];
  /** Of the whole model, all layers of the kind together; absent where it was not asked. */
  readonly shares?: Shares;
  /** What it does in a step, in place of its parameters. */
  readonly step?: BoxMark;
}

/** Fractions of 1; null where a number is not known. */
export interface Shares {
  readonly parameters: number | null;
  readonly flops: number | null;
}

export interface Branch {
  /** Boxes row by row. */
  readonly rows: readonly (readonly Box[])[];
  /** A norm on the sum of stream and branch. */
  readonly onStream: Box | null;
  /** It starts where the next one does, and both join the stream together. */
  readonly withNext: boolean;
}

export interface LayerDrawing {
  readonly branches: readonly Branch[];
  /** What belongs to the layer, without a known place in it. */
  readonly unplaced: readonly Box[];
  /** Beside what the boxes say. */
  readonly notes: readonly string[];
}

/** Weights that stand at no one place of a layer. */
const UNPLACED = [
  { name: 'altup', title: 'AltUp', lines: ['predicts the streams and corrects them'] },
  { name: 'laurel', title: 'LAuReL', lines: ['a low-rank branch beside the attention'] },
  { name: 'per_layer', title: 'Input of the layer', lines: ['a small embedding of the token, gated and projected'] },
  { name: 'lambdas', title: 'λ of each half', lines: ['weigh the two softmaxes against each other'] },
  { name: 'decay', title: 'Mask from the values', lines: ['learned, for each KV head'] },
  { name: 'residual', title: 'Residual weights', lines: ['the stream × these, before each sum'] },
  { name: 'expert_norms', title: 'Norms of experts', lines: ['before experts, and after each branch'] },
] as const;

type Span = readonly [from: number, to: number];
const WHOLE: Span = [0, COLUMNS];

export function layerDrawing(kind: LayerKind): LayerDrawing {
  const made = new LayerBoxes(kind);
  return (kind.description && made.described(kind.description)) ?? made.ofCounts();
}

/** All boxes of a layer. */
function layerBoxes({ branches, unplaced }: LayerDrawing): readonly Box[] {
  return [...branches.flatMap(({ rows, onStream }) => [...rows.flat(), ...(onStream ? [onStream] : [])]), ...unplaced];
}

class LayerBoxes {
  constructor(private readonly kind: LayerKind) {}

  /** Null where the description says more than was counted. */
  described(description: LayerDescription): LayerDrawing | null {
    const { kind } = this;
    const { norms, arrangement, residualMultiplier, outputMultiplier, residualFrom, feedForward, says } = description;
    const size = this.streamWidth(description);
    const norm = (id: string, name: string, spec: NormSpec | null, title: string): Box[] =>
      spec ? [this.normBox(id, `${title}${normName(spec)}`, name, spec, size)] : [];
    const mixer = this.mixerBoxes(description);
    if (mixer === null) return null;
    const parallel = arrangement === 'parallel';
    const beside = kind.attention.kind !== 'recurrent' && kind.attention.kind !== 'conv' && mixer.beside.length > 0;
    const branches: Branch[] = [
      {
        rows: rows(
          this.fromStreams('streams', 'attention', description, size),
          norm('norm', 'norm_attention', norms.attention, ''),
          ...mixer.rows,
          norm('norm_out', 'norm_attention_output', norms.attentionOutput, ''),
          this.intoStreams('into_streams', description),
        ),
        onStream: norm('norm_sum', 'norm_attention_residual', norms.attentionResidual, 'on the sum: ')[0] ?? null,
        withNext: parallel || beside,
      },
      { rows: rows(...mixer.beside), onStream: null, withNext: parallel },
      {
        rows: rows(
          this.fromStreams('ff_streams', 'feed_forward', description, size),
          norm('ff_norm', 'norm_feed_forward', norms.feedForward, ''),
          ...(feedForward ? this.feedForwardRows(feedForward, size) : []),
          this.channelMix(),
          norm('ff_norm_out', 'norm_feed_forward_output', norms.feedForwardOutput, ''),
          this.intoStreams('ff_into_streams', description),
        ),
        onStream:
          norm('ff_norm_sum', 'norm_feed_forward_residual', norms.feedForwardResidual, 'on the sum: ')[0] ?? null,
        withNext: false,
      },
    ].filter((branch) => branch.rows.length > 0);
    const drawing: LayerDrawing = {
      branches: branches.map((branch, place) => ({
        ...branch,
        withNext: branch.withNext && place < branches.length - 1,
      })),
      unplaced: [],
      notes: [
        ...(beside ? ['Attention and mixer start from the same norm and are added together.'] : []),
        ...(parallel ? ['Attention and feed-forward start from the same input and are added together.'] : []),
        ...(parallel && !norms.feedForward && norms.attention
          ? ['The feed-forward reads what the first norm gives.']
          : []),
        ...(residualMultiplier === 1 ? [] : [`Each branch × ${numberText(residualMultiplier)} before it is added.`]),
        ...(outputMultiplier === undefined || outputMultiplier === 1
          ? []
          : ["The layer's output has a learned factor."]),
        ...(residualFrom === 'normed' ? ['Branches are added to the normed input.'] : []),
        ...(description.positionsKnown || description.layer === null
          ? []
          : ['Whether queries and keys are rotated is not known.']),
        ...says,
      ],
    };
    return this.complete(drawing);
  }

  /** What a branch reads of a stream of several hidden states (hyper-connections). */
  private fromStreams(id: string, branch: string, { streams }: LayerDescription, size: number): Box[] {
    if (streams === 1) return [];
    const lines = [`${formatInteger(streams)}\u00a0×\u00a0${formatInteger(size)} → ${formatInteger(size)}`];
    return [this.box(id, 'step', 'Mix of the streams', lines, WHOLE, [`streams.${branch}`])];
  }

  /** Its weights were made with those of the mix. */
  private intoStreams(id: string, { streams }: LayerDescription): Box[] {
    if (streams === 1) return [];
    return [this.note(id, 'norm', `Into ${formatInteger(streams)} streams`, ['which are mixed, too'], WHOLE, [])];
  }

  /** What RWKV has in place of a feed-forward: it reads the token before, too. */
  private channelMix(): Box[] {
    return this.has('channel_mix')
      ? [this.box('channel_mix', 'step', 'Channel mix', ['squared ReLU, with a sigmoid gate'], WHOLE, ['channel_mix'])]
      : [];
  }

  /** With what the layer has beside its boxes; null where the boxes have more than the layer. */
  private complete(drawing: LayerDrawing): LayerDrawing | null {
    const { parameters } = this.kind;
    if (!parameters) return drawing;
    const total = Object.values(parameters.parts).reduce((sum, part) => sum + part, 0);
    const rest = total - layerBoxes(drawing).reduce((sum, box) => sum + (box.parameters ?? 0), 0);
    if (rest === 0) return drawing;
    if (rest < 0) return null;
    const named = UNPLACED.filter(({ name }) => this.has(name)).map(({ name, title, lines }) =>
      this.box(name, 'step', title, lines, WHOLE, [name]),
    );
    const unnamed = rest - named.reduce((sum, box) => sum + (box.parameters ?? 0), 0);
    if (unnamed < 0) return null;
    return {
      ...drawing,
      unplaced: [...named, ...(unnamed === 0 ? [] : [this.counted('other', 'Other parts', [], unnamed)])],
    };
  }

  private streamWidth({ layer }: LayerDescription): number {
    return layer?.hiddenSize ?? this.kind.hiddenSize ?? 0;
  }

  private normBox(id: string, title: string, name: string, spec: NormSpec, size: number): Box {
    const made = this.box(id, 'norm', title, [], WHOLE, [name], this.kind.keys.of('norm'));
    if (this.kind.block) return made;
    // Counted with the other norms of the layer, and not by its name.
    const parameters = (spec.weight === 'none' ? 0 : size) + (spec.bias ? size : 0);
    return { ...made, parameters, parts: { norms: parameters }, flops: 2 * parameters };
  }

  /** Null where the mixer is not what the description takes it for. */
  private mixerBoxes({ layer, positionsKnown }: LayerDescription): { rows: Box[][]; beside: Box[][] } | null {
    const { attention, state, weights } = this.kind;
    if (attention.kind === 'none') return { rows: layer ? this.attentionRows(layer, positionsKnown) : [], beside: [] };
    if (attention.kind === 'unknown') return null;
    const stateRows = state ? this.stateRows(state, 'headed') : [];
    if (attention.kind === 'recurrent' || attention.kind === 'conv')
      return { rows: this.stateRows(state, 'alone'), beside: [] };
    if (weights.has('kv')) return { rows: this.compressedRows(), beside: [] };
    if (layer === null || weights.has('mixer'))
      return { rows: this.mixerRows(this.kind.parameters?.parts.attention ?? null, true), beside: [] };
    return { rows: this.attentionRows(layer, positionsKnown), beside: stateRows };
  }

  /** Where blocks are not described: what the layer caches, and parameters by part. */
  ofCounts(): LayerDrawing {
    const { attention, state, parameters } = this.kind;
    const part = (name: 'attention' | 'mlp' | 'router' | 'experts' | 'norms' | 'other'): number | null =>
      parameters?.parts[name] ?? null;
    const mixer = part('attention');
    const headed = attention.kind !== 'recurrent' && attention.kind !== 'conv';
    const keepsNothing =
      mixer === null || mixer === 0 ? [] : [[this.counted('mixer', 'Mixer that keeps nothing', [], mixer)]];
    const own = attention.kind === 'none' ? keepsNothing : this.mixerRows(mixer, headed);
    const beside = headed && state ? [[this.stateBox(state)]] : [];
    const others: Box[][] = [];
    const [mlp, router, experts] = [part('mlp'), part('router'), part('experts')];
    const groups = parameters?.experts ?? [];
    const [group] = groups;
    if (group) {
      others.push([
        this.counted(
          'router',
          'Router',
          [`${formatInteger(group.experts)} experts, ${group.perToken} per token`],
          router,
        ),
      ]);
      others.push([
        {
          ...this.counted(
            'experts',
            'Experts',
            [`${formatCount(group.parametersEach)} each`],
            experts,
            2 * ((experts ?? 0) - (parameters?.idle ?? 0)),
          ),
          marks: { mark: 'experts', experts: group.experts, perToken: group.perToken },
        },
      ]);
    }
    if (mlp !== null && mlp > 0)
      others.push([
        this.counted(group ? 'shared' : 'feed_forward', group ? 'Shared feed-forward' : 'Feed-forward', [], mlp),
      ]);
    const rest = part('other');
    if (rest !== null && rest > 0) others.push([this.counted('other', 'Other parts', [], rest)]);
    return {
      branches: [
        { rows: rows(...own, ...beside), onStream: null, withNext: false },
        { rows: rows(...others), onStream: null, withNext: false },
      ].filter((branch) => branch.rows.length > 0),
      unplaced: this.unplaced(part('norms')),
      notes: [
        ...(parameters === null && attention.kind !== 'unknown'
          ? ['Its parameters are not known layer by layer.']
          : []),
        ...(attention.kind === 'unknown'
          ? []
          : ['Headlight does not know how its parts are joined: they are drawn in the usual order.']),
      ],
    };
  }

  private unplaced(norms: number | null): Box[] {
    if (norms === null || norms === 0) return [];
    return [{ ...this.counted('norms', 'Norms', ['their position is not known'], norms), look: 'norm' }];
  }

  private mixerRows(parameters: number | null, headed: boolean): Box[][] {
    const { attention, state } = this.kind;
    if (attention.kind === 'unknown')
      return [
        [
          {
            ...this.counted('unknown', 'Not understood', [attention.label], null),
            look: 'unknown',
          },
        ],
      ];
    if (!headed)
      return [
        [this.counted('mixer', mixerTitle(attention, state), stateLines(state), parameters, this.work(parameters))],
        ...(state ? [[this.stateBox(state)]] : []),
      ];
    return [
      [this.counted('projections', 'Projections', dimensionLines(attention), parameters, 2 * (parameters ?? 0))],
      ...this.cacheRow(WHOLE),
      [this.scores(attention, [])],
    ];
  }

  private work(parameters: number | null): number | null {
    return parameters === null ? null : 2 * parameters + this.kind.attentionFlops;
  }

  private attentionRows(layer: AttentionLayerSpec, positionsKnown: boolean): Box[][] {
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
  private compressedRows(): Box[][] {
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

  private cacheRow(span: Span): Box[][] {
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

  private stateBox(state: StateSpec): Box {
    return this.note(
      'state',
      'cache',
      `State: ${formatSize(this.kind.stateBytes)} per sequence`,
      stateLines(state),
      WHOLE,
      this.keysOf(['state', 'conv', 'kind']),
    );
  }

  /** A mixer with a state, step by step where its weights are known apart. */
  private stateRows(state: StateSpec | undefined, where: 'alone' | 'headed'): Box[][] {
    const { attention, weights, hiddenSize, parameters } = this.kind;
    const steps = state && hiddenSize !== null ? mixerRows(state, hiddenSize, weights) : null;
    if (!state || !steps) {
      if (where === 'headed') return state ? [[this.stateBox(state)]] : [];
      const own = this.has('time_mix') ? this.sum(['time_mix']) : (parameters?.parts.attention ?? null);
      return [
        [this.counted('mixer', mixerTitle(attention, state), [], own, this.work(own))],
        ...(state ? [[this.stateBox(state)]] : []),
      ];
    }
    return steps.flatMap((row): Box[][] => {
      const boxes = row.map(({ id, title, lines, look, names, from, to }): Box => {
        const made = this.box(
          where === 'headed' ? `mixer_${id}` : id,
          look,
          title,
          lines,
          [from, to],
          names,
          this.keysOf(
            id === 'scan' || id === 'conv' ? ['state', 'conv'] : [],
            id === 'in' || id === 'out' ? ['hidden'] : [],
          ),
        );
        return id === 'scan' ? { ...made, flops: (made.flops ?? 0) + this.kind.stateFlops } : made;
      });
      return row.some(({ id }) => id === 'scan') ? [[this.stateBox(state)], boxes] : [boxes];
    });
  }

  private scores(attention: AttentionSpec, lines: readonly string[]): Box {
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

  private feedForwardRows(spec: DescribedFeedForward, hiddenSize: number): Box[][] {
    if (spec.kind !== 'moe') return this.denseRows(spec, hiddenSize, WHOLE);
    const { router, expert, shared } = spec;
    const { parameters, keys } = this.kind;
    const experts = parameters?.parts.experts ?? null;
    const span: Span = shared ? [0, 7] : WHOLE;
    const latent = this.has('latent');
    return [
      [
        this.box(
          'router',
          'step',
          'Router',
          [
            `${formatInteger(hiddenSize)} → ${formatInteger(router.experts)}, ${router.topK} per token`,
            ...bias(router.bias),
            ...(router.byTable ? ['by a fixed table of the vocabulary'] : []),
            ...scoresText(router),
            ...(router.groups ? [`from the best ${router.groups.top} of ${router.groups.count} groups`] : []),
            ...(router.correctionBias ? ['a bias per expert when choosing'] : []),
          ],
          span,
          ['router'],
          this.keysOf([], ['experts', 'perToken', ...(router.groups ? (['routerGroups'] as const) : [])]),
        ),
      ],
      latent
        ? [
            this.box('latent', 'step', 'Latent of experts', ['a projection before them, and one back'], span, [
              'latent',
              'latent_norm',
            ]),
          ]
        : [],
      [
        {
          ...this.note(
            'experts',
            'step',
            `${formatInteger(router.experts)} experts, ${router.topK} active`,
            [
              latent ? `${formatInteger(expert.width)} wide inside, ${actName(expert)}` : denseText(expert, hiddenSize),
              ...bias(expert.biasIn),
            ],
            span,
            [...keys.of('experts'), ...keys.of('perToken'), ...keys.ofWidth(expert.width)],
          ),
          parameters: experts,
          flops: experts === null ? null : 2 * (experts - (parameters?.idle ?? 0)),
          marks: { mark: 'experts', experts: router.experts, perToken: router.topK },
        },
        ...(shared
          ? [
              this.box(
                'shared',
                'step',
                'Shared expert',
                [denseText(shared.expert, hiddenSize), ...(shared.gate ? ['with a sigmoid gate'] : [])],
                [7, 12],
                this.kind.block ? ['shared', 'shared_gate'] : ['shared', 'gate_proj', 'up', 'down'],
                [...keys.of('sharedExperts'), ...keys.ofWidth(shared.expert.width)],
              ),
            ]
          : []),
      ],
    ];
  }

  private denseRows(spec: DenseFeedForward, hiddenSize: number, [from, to]: Span): Box[][] {
    const middle = (from + to) / 2;
    const text = `${formatInteger(hiddenSize)} → ${formatInteger(spec.width)}`;
    const keys = this.kind.keys.ofWidth(spec.width);
    const inside =
      spec.kind === 'gated'
        ? [
            this.box('gate_proj', 'step', 'Gate', [text, ...bias(spec.biasIn)], [from, middle], ['gate_proj'], keys),
            this.box('up', 'step', 'Up', [text, ...bias(spec.biasIn)], [middle, to], ['up'], keys),
          ]
        : [this.box('up', 'step', 'Up', [text, ...bias(spec.biasIn)], [from, to], ['up'], keys)];
    const act =
      spec.kind === 'gated' && spec.clampedSwiglu
        ? `clamped SwiGLU, limit ${spec.clampedSwiglu.limit}`
        : activationName(spec.activation);
    const learned = typeof spec.activation === 'object' ? 2 : 0;
    return [
      inside,
      [
        {
          ...this.note(
            'act',
            'norm',
            spec.kind === 'gated' ? `${act} of gate, × up` : act,
            [],
            [from, to],
            this.keysOf([], ['activation']),
          ),
          parameters: learned,
          flops: 2 * learned,
        },
      ],
      spec.kind === 'gated' && spec.innerNorm
        ? [
            this.box(
              'inner_norm',
              'norm',
              normName(spec.innerNorm),
              [],
              [from, to],
              ['inner_norm'],
              this.keysOf([], ['norm']),
            ),
          ]
        : [],
      [
        this.box(
          'down',
          'step',
          'Down',
          [`${formatInteger(spec.width)} → ${formatInteger(hiddenSize)}`, ...bias(spec.biasOut)],
          [from, to],
          ['down'],
          keys,
        ),
      ],
    ];
  }

  /** A box of weights: those whose names begin so. */
  private box(
    id: string,
    look: Look,
    title: string,
    lines: readonly string[],
    [from, to]: Span,
    names: readonly string[],
    keys: readonly string[] = [],
  ): Box {
    const parameters = this.sum(names);
    return {
      id,
      look,
      title,
      lines,
      parameters,
      parts: this.parts(names),
      flops: 2 * parameters,
      from,
      to,
      keys: distinct(keys),
    };
  }

  private counted(
    id: string,
    title: string,
    lines: readonly string[],
    parameters: number | null,
    flops?: number | null,
  ): Box {
    return {
      id,
      look: 'step',
      title,
      lines,
      parameters,
      flops: flops === undefined ? (parameters === null ? null : 2 * parameters) : flops,
      from: 0,
      to: COLUMNS,
      keys: [],
    };
  }

  private note(
    id: string,
    look: Look,
    title: string,
    lines: readonly string[],
    [from, to]: Span,
    keys: readonly string[],
  ): Box {
    return {
      id,
      look,
      title,
      lines,
      parameters: 0,
      flops: 0,
      from,
      to,
      keys: distinct(keys),
    };
  }

  private has(name: string): boolean {
    return [...this.kind.weights.keys()].some((each) => each === name || each.startsWith(`${name}.`));
  }

  private sum(names: readonly string[]): number {
    return countOf(this.parts(names));
  }

  private parts(names: readonly string[]): PartCounts {
    const counts = new Map<Part, number>();
    for (const [name, count] of this.kind.weights)
      if (names.some((each) => name === each || name.startsWith(`${each}.`))) {
        const part = this.kind.parameters?.named.get(name) ?? partOf(name);
        counts.set(part, (counts.get(part) ?? 0) + count);
      }
    return Object.fromEntries(counts);
  }

  /** Keys of factors of the cache, and of roles. */
  private keysOf(factors: readonly string[], roles: readonly KeyRole[] = []): readonly string[] {
    const { sources, keys } = this.kind;
    return [...factors.flatMap((factor) => sources[factor]?.key ?? []), ...roles.flatMap((role) => keys.of(role))];
  }
}

/** Each once, in their order. */
function distinct(keys: readonly string[]): readonly string[] {
  return [...new Set(keys)];
}

function rows(...all: readonly (readonly Box[])[]): (readonly Box[])[] {
  return all.filter((row) => row.length > 0);
}

/** In one piece, wherever its line breaks. */
const shape = (heads: number, dim: number): string => `${formatInteger(heads)}\u00a0×\u00a0${formatInteger(dim)}`;

const bias = (has: boolean): string[] => (has ? ['+ bias'] : []);

function normName({ kind, weight }: NormSpec): string {
  const name = kind === 'rms' ? 'RMSNorm' : 'LayerNorm';
  if (weight === 'none') return `${name}, no weight`;
  return weight === 'plus-one' ? `${name}, 1 + weight` : name;
}

function extentText({ extent }: HeadNormSpec): string {
  if (extent === 'projection') return 'over all heads';
  return extent === 'head' ? 'each head' : 'each head, own weights';
}

const grownText = ({ temperature }: AttentionLayerSpec): string[] =>
  temperature ? ['queries are scaled up with position'] : [];

function rotaryLines({ theta, dim, scaling }: RotarySpec, keyDim: number): string[] {
  const rotated = scaling?.kind === 'proportional' ? scaling.rotatedDim : dim;
  const rotates = rotated >= keyDim ? 'rotates all dims' : `rotates ${rotated} of ${keyDim} dims`;
  return [`base ${formatInteger(theta)}`, rotates, ...(scaling ? [scalingText(scaling)] : [])];
}

function scalingText(scaling: NonNullable<RotarySpec['scaling']>): string {
  switch (scaling.kind) {
    case 'yarn':
      return `YaRN × ${numberText(scaling.factor)} from ${formatInteger(scaling.originalContext)}`;
    case 'llama3':
      return `Llama 3 scaling × ${numberText(scaling.factor)}`;
    case 'longrope':
      return `LongRoPE from ${formatInteger(scaling.originalContext)}`;
    case 'proportional':
      return 'frequencies spaced as if all dims were rotated';
    default:
      return `${scaling.kind} × ${numberText(scaling.factor)}`;
  }
}

function scoreLines({ sinks, softcap, clip, scale, attention }: AttentionLayerSpec): string[] {
  const usual = 1 / Math.sqrt(headDims(attention).keyDim);
  return [
    ...(Math.abs(scale - usual) < 1e-9
      ? []
      : [`scores × ${scaleText(scale)}, not 1 ÷ √${formatInteger(headDims(attention).keyDim)}`]),
    ...(softcap === null ? [] : [`scores capped at ${numberText(softcap)}`]),
    ...(sinks ? ['a learned sink per head'] : []),
    ...(clip === null ? [] : [`Q, K, V clipped at ${numberText(clip)}`]),
  ];
}

/** "1 ÷ √144" where it is that root. */
function scaleText(scale: number): string {
  const under = Math.round(scale ** -2);
  return under > 1 && Math.abs(under * scale ** 2 - 1) < 1e-9 ? `1 ÷ √${formatInteger(under)}` : numberText(scale);
}

function attentionTitle(attention: AttentionSpec): string {
  switch (attention.kind) {
    case 'sliding':
      return `Attention to the last ${formatInteger(attention.window)} tokens`;
    case 'chunked':
      return `Attention within chunks of ${formatInteger(attention.chunk)} tokens`;
    case 'compressed':
      return `Attention to the last ${formatInteger(attention.window)} tokens, and to one entry for every ${formatInteger(attention.ratio)} older ones`;
    case 'cross':
      return 'Attention to the source';
    case 'none':
      return 'Attention to all tokens, both ways';
    default: {
      const topK = 'indexer' in attention ? attention.indexer?.topK : null;
      return topK == null
        ? 'Attention to all tokens'
        : `Attention to ${formatInteger(topK)} tokens that an indexer picks`;
    }
  }
}

function sharingText(
  { kind }: AttentionSpec,
  heads: { readonly queryHeads: number; readonly kvHeads: number },
): string {
  const shared = kind === 'latent' ? 'latent' : 'K = V';
  return kind === 'latent' || kind === 'compressed'
    ? `${formatInteger(heads.queryHeads)} query heads share one ${shared}`
    : groupsText(heads);
}

function headsOf(attention: AttentionSpec): { readonly queryHeads: number; readonly kvHeads: number } | null {
  if (isHeaded(attention)) return { queryHeads: attention.queryHeads, kvHeads: attention.kvHeads };
  if (attention.kind === 'latent' || attention.kind === 'compressed')
    return { queryHeads: attention.queryHeads, kvHeads: 1 };
  return null;
}

function dimensionLines(attention: AttentionSpec): string[] {
  if (attention.kind === 'shared') return [`Q ${shape(attention.queryHeads, attention.keyDim)}, and the output`];
  if (isHeaded(attention)) {
    const { queryHeads, kvHeads, keyDim, valueDim } = attention;
    return [
      `Q ${shape(queryHeads, keyDim)}, K ${shape(kvHeads, keyDim)}${valueDim === 0 ? ', V = K' : `, V ${shape(kvHeads, valueDim)}`}, and the output`,
    ];
  }
  if (attention.kind === 'latent') {
    const { queryHeads, latentDim, ropeDim, nopeDim, valueDim, queryLatentDim } = attention;
    return [
      queryLatentDim === null
        ? `Q ${shape(queryHeads, nopeDim + ropeDim)}`
        : `Q through a latent: ${formatInteger(queryLatentDim)} → ${shape(queryHeads, nopeDim + ropeDim)}`,
      `latent ${formatInteger(latentDim)}, RoPE key ${formatInteger(ropeDim)}, V ${shape(queryHeads, valueDim)}`,
    ];
  }
  if (attention.kind === 'compressed')
    return [`Q ${shape(attention.queryHeads, attention.headDim)}, one K = V of ${formatInteger(attention.headDim)}`];
  return [];
}

function cacheLines(attention: AttentionSpec): string[] {
  const index =
    'indexer' in attention && attention.indexer?.owned
      ? [`and an index key of ${formatInteger(attention.indexer.headDim)}`]
      : [];
  if (isHeaded(attention)) {
    const { kvHeads, keyDim, valueDim } = attention;
    const what =
      valueDim === 0
        ? `K = V, ${shape(kvHeads, keyDim)}`
        : keyDim === valueDim
          ? `K and V, ${shape(kvHeads, keyDim)} each`
          : `K ${shape(kvHeads, keyDim)}, V ${shape(kvHeads, valueDim)}`;
    return [what, ...boundText(attention), ...index];
  }
  if (attention.kind === 'latent')
    return [
      `latent ${formatInteger(attention.latentDim)} + RoPE key ${formatInteger(attention.ropeDim)}, shared by all heads`,
      ...index,
    ];
  if (attention.kind === 'compressed')
    return [
      `K = V of ${formatInteger(attention.headDim)} for each of the last ${formatInteger(attention.window)} tokens`,
      `then one for every ${formatInteger(attention.ratio)} tokens`,
      ...index,
    ];
  return index;
}

function boundText(attention: AttentionSpec): string[] {
  if (attention.kind === 'sliding') return [`of ${formatInteger(attention.window)} tokens at most`];
  if (attention.kind === 'chunked') return [`of ${formatInteger(attention.chunk)} tokens at most`];
  if (attention.kind === 'cross') return ['of the source tokens'];
  return [];
}

const MIXERS: Readonly<Record<StateSpec['flavour'], string>> = {
  mamba: 'Mamba mixer',
  mamba2: 'Mamba-2 mixer',
  'gated-delta-net': 'Gated DeltaNet mixer',
  kda: 'Kimi Delta Attention',
  linear: 'Linear attention',
  rwkv: 'RWKV mixer',
  'rg-lru': 'RG-LRU mixer',
  'short-conv': 'Short convolution',
};

/** What a layer mixes tokens with, where it is no attention. */
export function mixerTitle(attention: AttentionSpec, state: StateSpec | undefined): string {
  return state ? MIXERS[state.flavour] : kindTitle(attention.kind);
}

function stateLines(state: StateSpec | undefined): string[] {
  if (!state) return [];
  return [
    ...(state.recurrentElements > 0
      ? [
          `${formatInteger(state.recurrentElements)} numbers in ${state.recurrentDtype === 'cache' ? 'the type of the cache' : state.recurrentDtype}${state.heads === null ? '' : `, ${formatInteger(state.heads)} heads`}`,
        ]
      : []),
    ...(state.conv ? [`convolution: ${formatInteger(state.conv.channels)} channels × ${state.conv.width} inputs`] : []),
  ];
}

function denseText(expert: DenseFeedForward, hiddenSize: number): string {
  return `${formatInteger(hiddenSize)} → ${formatInteger(expert.width)} → ${formatInteger(hiddenSize)}, ${actName(expert)}`;
}

function actName(spec: DenseFeedForward): string {
  const { kind, activation } = spec;
  if (spec.kind === 'gated' && spec.clampedSwiglu) return `clamped SwiGLU, limit ${spec.clampedSwiglu.limit}`;
  return kind === 'gated' ? `gated ${activationName(activation)}` : activationName(activation);
}

const SCORES: Readonly<Record<NonNullable<RouterWords['scoring']>, string>> = {
  softmax: 'softmax scores',
  'softmax-selected': 'softmax over those chosen',
  sparsemixer: 'softmax scores',
  sigmoid: 'sigmoid scores',
  'sqrt-softplus': '√softplus scores',
};

function scoresText({ scoring, normalize }: DescribedMixture['router']): string[] {
  if (scoring == null) return [];
  // Over all, and then divided by the sum of the chosen: the same numbers.
  return [SCORES[scoring === 'softmax' && normalize ? 'softmax-selected' : scoring]];
}

const ACTIVATIONS: Readonly<Record<Exclude<Activation, object>, string>> = {
  silu: 'SiLU',
  gelu: 'GELU',
  'gelu-tanh': 'GELU (tanh)',
  'quick-gelu': 'quick GELU',
  relu: 'ReLU',
  relu2: 'ReLU²',
  tanh: 'tanh',
  sigmoid: 'sigmoid',
  identity: 'no activation',
};

function activationName(activation: Activation): string {
  return typeof activation === 'object' ? 'xIELU' : ACTIVATIONS[activation];
}
