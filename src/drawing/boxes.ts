/** What a layer consists of, as boxes in the order of the data. */

import type { Activation, DenseFeedForward, FeedForward } from '../attention/spec/blockSpec';
import { type AttentionLayerSpec, headDims } from '../attention/spec/layerSpec';
import type { HeadNormSpec, NormSpec } from '../attention/spec/normSpec';
import type { RotarySpec } from '../attention/spec/rotarySpec';
import { type AttentionSpec, isHeaded, type StateSpec } from '../model/attention';
import type { FactorSources } from '../model/spec';
import { formatInteger, formatSize } from '../model/units';
import { formatCount } from '../present/quantities';
import { groupsText, kindTitle, numberText } from '../present/words';
import type { LayerKind } from '../serving/anatomy/anatomy';

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
  /** Operations of one decode step, of one layer; null where they are not known apart. */
  readonly flops: number | null;
  /** Columns: from the first to before the last. */
  readonly from: number;
  readonly to: number;
  readonly marks?: HeadMarks | ExpertMarks;
  readonly key: string | null;
}

export interface Branch {
  /** Boxes row by row. */
  readonly rows: readonly (readonly Box[])[];
  /** A norm on the sum of stream and branch. */
  readonly onStream: Box | null;
}

export interface LayerDrawing {
  readonly branches: readonly Branch[];
  /** The branches start from the same input and join the stream together. */
  readonly parallel: boolean;
  /** What belongs to the layer, without a known place in it. */
  readonly unplaced: readonly Box[];
  /** Beside what the boxes say. */
  readonly notes: readonly string[];
}

type Span = readonly [from: number, to: number];
const WHOLE: Span = [0, COLUMNS];

export function layerDrawing(kind: LayerKind): LayerDrawing {
  const made = new LayerBoxes(kind);
  return kind.block === null ? made.ofCounts() : made.ofBlock();
}

class LayerBoxes {
  constructor(private readonly kind: LayerKind) {}

  ofBlock(): LayerDrawing {
    const { block } = this.kind;
    if (!block) return this.ofCounts();
    const { norms, arrangement, residualMultiplier, outputMultiplier, layer } = block;
    const norm = (id: string, name: string, spec: NormSpec | null, title: string): Box[] =>
      spec ? [this.box(id, 'norm', `${title}${normName(spec)}`, [], WHOLE, [name])] : [];
    const attention: Branch = {
      rows: rows(
        norm('norm', 'norm_attention', norms.attention, ''),
        ...this.attentionRows(layer),
        norm('norm_out', 'norm_attention_output', norms.attentionOutput, ''),
      ),
      onStream: norm('norm_sum', 'norm_attention_residual', norms.attentionResidual, 'on the sum: ')[0] ?? null,
    };
    const feedForward: Branch = {
      rows: rows(
        norm('ff_norm', 'norm_feed_forward', norms.feedForward, ''),
        ...this.feedForwardRows(block.feedForward, layer.hiddenSize),
        norm('ff_norm_out', 'norm_feed_forward_output', norms.feedForwardOutput, ''),
      ),
      onStream: norm('ff_norm_sum', 'norm_feed_forward_residual', norms.feedForwardResidual, 'on the sum: ')[0] ?? null,
    };
    const parallel = arrangement === 'parallel';
    return {
      branches: [attention, feedForward],
      parallel,
      unplaced: [],
      notes: [
        ...(parallel ? ['Attention and feed-forward start from the same input and are added together.'] : []),
        ...(parallel && !norms.feedForward && norms.attention
          ? ['The feed-forward reads what the first norm gives.']
          : []),
        ...(residualMultiplier === 1 ? [] : [`Each branch × ${numberText(residualMultiplier)} before it is added.`]),
        ...(outputMultiplier === undefined || outputMultiplier === 1
          ? []
          : ["The layer's output has a learned factor."]),
        ...(block.residualFrom === 'normed' ? ['Branches are added to the normed input.'] : []),
      ],
    };
  }

  /** Where blocks are not described: what the layer caches, and parameters by part. */
  ofCounts(): LayerDrawing {
    const { attention, state, parameters } = this.kind;
    const part = (name: 'attention' | 'mlp' | 'router' | 'experts' | 'norms' | 'other'): number | null =>
      parameters?.parts[name] ?? null;
    const mixer = part('attention');
    const headed = attention.kind !== 'recurrent' && attention.kind !== 'conv';
    const own = attention.kind === 'none' ? [] : this.mixerRows(mixer, headed);
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
      others.push([this.counted('feed_forward', group ? 'Shared feed-forward' : 'Feed-forward', [], mlp)]);
    const rest = part('other');
    if (rest !== null && rest > 0) others.push([this.counted('other', 'Other parts', [], rest)]);
    return {
      branches: [
        { rows: rows(...own, ...beside), onStream: null },
        { rows: rows(...others), onStream: null },
      ].filter((branch) => branch.rows.length > 0),
      parallel: false,
      unplaced: this.unplaced(part('norms')),
      notes: [
        ...(parameters === null && attention.kind !== 'unknown'
          ? ['Its parameters are not known layer by layer.']
          : []),
        ...(attention.kind === 'unknown'
          ? []
          : ['How its parts are joined is not described here: they are drawn in the usual order.']),
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

  private attentionRows(layer: AttentionLayerSpec): Box[][] {
    const { attention } = layer;
    const result = attention.kind === 'latent' ? this.latentRows(layer, attention) : this.headedRows(layer);
    const gate: Box[] =
      layer.outputGate === 'none'
        ? []
        : [
            this.box(
              'gate',
              'step',
              'Output gate',
              [layer.outputGate === 'head' ? 'sigmoid, one value per head' : 'sigmoid, one value per element'],
              WHOLE,
              ['gate'],
            ),
          ];
    const { queryHeads, valueDim } = headDims(attention);
    return [
      ...result,
      gate,
      layer.outputNorm ? [this.box('o_norm', 'norm', normName(layer.outputNorm), [], WHOLE, ['o_norm'])] : [],
      [
        this.box(
          'o',
          'step',
          'Output',
          [`${shape(queryHeads, valueDim)} → ${formatInteger(layer.hiddenSize)}`, ...bias(layer.biases.o)],
          WHOLE,
          ['o'],
        ),
      ],
    ];
  }

  private headedRows(layer: AttentionLayerSpec): Box[][] {
    const { queryHeads, kvHeads, keyDim, valueDim } = headDims(layer.attention);
    const { hiddenSize, biases, queryNorm, keyNorm, valueNorm } = layer;
    const q: Span = [0, 4];
    const k: Span = [4, 8];
    const v: Span = [8, 12];
    const has = (name: string): boolean => [...this.kind.weights.keys()].some((each) => each.startsWith(`${name}.`));
    const projected = (
      id: string,
      title: string,
      heads: number,
      dim: number,
      biased: boolean,
      at: Span,
      key: string,
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
              key,
            ),
          ]
        : [];
    const keys = projected('k', 'K', kvHeads, keyDim, biases.k, has('v') ? k : [4, 12], 'kvHeads');
    const values = projected('v', 'V', kvHeads, valueDim, biases.v, v, 'kvHeads');
    const headNorm = (id: string, title: string, spec: HeadNormSpec | null, at: Span): Box[] =>
      spec ? [this.box(id, 'norm', `${title} ${normName(spec.norm)}`, [extentText(spec)], at, [id])] : [];
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
        ...projected('q', 'Q', queryHeads, keyDim, biases.q, keys.length > 0 ? q : WHOLE, 'queryHeads'),
        ...keys,
        ...values,
      ],
      norms('before-rope'),
      [this.positions(layer, keyDim, turned)].flat(),
      norms('after-rope'),
      ...this.cacheRow(keys.length > 0 ? [4, 12] : WHOLE),
      [this.scores(layer.attention, scoreLines(layer))],
    ];
  }

  private latentRows(layer: AttentionLayerSpec, attention: Extract<AttentionSpec, { kind: 'latent' }>): Box[][] {
    const { queryHeads, latentDim, ropeDim, nopeDim, valueDim, queryLatentDim } = attention;
    const { hiddenSize, biases, latentNorms } = layer;
    const hidden = formatInteger(hiddenSize);
    const q: Span = [0, 6];
    const kv: Span = [6, 12];
    const width = nopeDim + ropeDim;
    const down: Box[] =
      queryLatentDim === null
        ? [
            this.box(
              'q',
              'step',
              'Q',
              [`${hidden} → ${shape(queryHeads, width)}`, ...bias(biases.q)],
              q,
              ['q'],
              'queryHeads',
            ),
          ]
        : [
            this.box('q_a', 'step', 'Q down', [`${hidden} → ${formatInteger(queryLatentDim)}`, ...bias(biases.q)], q, [
              'q_a',
            ]),
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
              'queryHeads',
            ),
          ];
    const norm = (id: string, spec: NormSpec | null | undefined, at: Span): Box[] =>
      spec ? [this.box(id, 'norm', normName(spec), [], at, [id])] : [];
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
          'latentDim',
        ),
      ],
      [...norm('q_a_norm', latentNorms?.query, q), ...norm('kv_a_norm', latentNorms?.latent, kv)],
      [this.positions(layer, width, kv, true)].flat(),
      this.cacheRow(kv).flat(),
      [
        ...up,
        this.box(
          'kv_b',
          'step',
          'K and V up',
          [
            `${formatInteger(latentDim)} → ${formatInteger(queryHeads)} × (${formatInteger(nopeDim)} + ${formatInteger(valueDim)})`,
            'not needed for decoding when absorbed',
          ],
          kv,
          ['w_uk', 'w_uv'],
          'latentDim',
        ),
      ],
      [this.scores(attention, scoreLines(layer))],
    ];
  }

  private positions(layer: AttentionLayerSpec, keyDim: number, span: Span, latent = false): Box[] {
    const { rotary, alibi, temperature } = layer;
    const grown = temperature ? ['queries are scaled up with position'] : [];
    if (rotary)
      return [
        this.box('rope', 'step', 'RoPE', [...rotaryLines(rotary, keyDim, latent), ...grown], span, [], 'ropeDim'),
      ];
    if (alibi) return [this.box('alibi', 'step', 'ALiBi', ['a slope for each head'], span, [])];
    return [this.box('nope', 'step', 'No rotation', grown, span, [])];
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
            'sharedWith',
          ),
        ],
      ];
    if (attention.kind === 'none' || cacheBytesPerToken + this.kind.cacheBytes === 0) return [];
    return [
      [
        this.note(
          'cache',
          'cache',
          `Cached: ${formatSize(cacheBytesPerToken)} per token`,
          cacheLines(attention),
          span,
          'kvHeads',
        ),
      ],
    ];
  }

  private stateBox(state: StateSpec): Box {
    return this.note(
      'state',
      'cache',
      `State: ${formatSize(this.kind.stateBytes)} a sequence`,
      stateLines(state),
      WHOLE,
      'recurrent',
    );
  }

  private scores(attention: AttentionSpec, lines: readonly string[]): Box {
    const heads = headsOf(attention);
    return {
      id: 'attention',
      look: 'attention',
      title: attentionTitle(this.kind.sees),
      lines: [...(heads ? [groupsText(heads)] : []), ...lines],
      parameters: this.kind.block ? this.sum(['sinks']) : 0,
      flops: this.kind.attentionFlops + (this.kind.block ? 2 * this.sum(['sinks']) : 0),
      from: 0,
      to: COLUMNS,
      ...(heads ? { marks: { mark: 'heads', ...heads } as const } : {}),
      key: this.keyOf('queryHeads'),
    };
  }

  private feedForwardRows(spec: FeedForward, hiddenSize: number): Box[][] {
    if (spec.kind !== 'moe') return this.denseRows(spec, hiddenSize, '', WHOLE);
    const { router, expert, shared } = spec;
    const { parameters } = this.kind;
    const experts = parameters?.parts.experts ?? null;
    const span: Span = shared ? [0, 8] : WHOLE;
    return [
      [
        this.box(
          'router',
          'step',
          'Router',
          [
            `${formatInteger(hiddenSize)} → ${formatInteger(router.experts)}, ${router.topK} per token`,
            router.scoring === 'sigmoid' ? 'sigmoid scores' : 'softmax scores',
            ...(router.groups ? [`from the best ${router.groups.top} of ${router.groups.count} groups`] : []),
            ...(router.correctionBias ? ['a bias per expert when choosing'] : []),
          ],
          span,
          ['router'],
        ),
      ],
      [
        {
          ...this.note(
            'experts',
            'step',
            `${formatInteger(router.experts)} experts, ${router.topK} active`,
            [denseText(expert, hiddenSize)],
            span,
            'experts',
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
                [8, 12],
                ['shared', 'shared_gate'],
              ),
            ]
          : []),
      ],
    ];
  }

  private denseRows(spec: DenseFeedForward, hiddenSize: number, prefix: string, [from, to]: Span): Box[][] {
    const middle = (from + to) / 2;
    const text = `${formatInteger(hiddenSize)} → ${formatInteger(spec.width)}`;
    const inside =
      spec.kind === 'gated'
        ? [
            this.box('gate_proj', 'step', 'Gate', [text, ...bias(spec.biasIn)], [from, middle], [`${prefix}gate_proj`]),
            this.box('up', 'step', 'Up', [text, ...bias(spec.biasIn)], [middle, to], [`${prefix}up`]),
          ]
        : [this.box('up', 'step', 'Up', [text, ...bias(spec.biasIn)], [from, to], [`${prefix}up`])];
    const act =
      spec.kind === 'gated' && spec.clampedSwiglu
        ? `clamped SwiGLU, limit ${spec.clampedSwiglu.limit}`
        : activationName(spec.activation);
    const learned = typeof spec.activation === 'object' ? 2 : 0;
    return [
      inside,
      [
        {
          ...this.note('act', 'norm', spec.kind === 'gated' ? `${act} of gate, × up` : act, [], [from, to], null),
          parameters: learned,
          flops: 2 * learned,
        },
      ],
      spec.kind === 'gated' && spec.innerNorm
        ? [this.box('inner_norm', 'norm', normName(spec.innerNorm), [], [from, to], [`${prefix}inner_norm`])]
        : [],
      [
        this.box(
          'down',
          'step',
          'Down',
          [`${formatInteger(spec.width)} → ${formatInteger(hiddenSize)}`, ...bias(spec.biasOut)],
          [from, to],
          [`${prefix}down`],
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
    factor?: string,
  ): Box {
    const parameters = this.sum(names);
    return {
      id,
      look,
      title,
      lines,
      parameters,
      flops: 2 * parameters,
      from,
      to,
      key: factor === undefined ? null : this.keyOf(factor),
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
      key: null,
    };
  }

  private note(
    id: string,
    look: Look,
    title: string,
    lines: readonly string[],
    [from, to]: Span,
    factor: string | null,
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
      key: factor === null ? null : this.keyOf(factor),
    };
  }

  private sum(names: readonly string[]): number {
    let total = 0;
    for (const [name, count] of this.kind.weights)
      if (names.some((each) => name === each || name.startsWith(`${each}.`))) total += count;
    return total;
  }

  private keyOf(factor: string): string | null {
    const { sources }: { sources: FactorSources } = this.kind;
    return sources[factor]?.key ?? null;
  }
}

function rows(...all: readonly (readonly Box[])[]): (readonly Box[])[] {
  return all.filter((row) => row.length > 0);
}

const shape = (heads: number, dim: number): string => `${formatInteger(heads)} × ${formatInteger(dim)}`;

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

function rotaryLines({ theta, dim, scaling }: RotarySpec, keyDim: number, latent: boolean): string[] {
  const rotated = scaling?.kind === 'proportional' ? scaling.rotatedDim : dim;
  const rotates = latent
    ? `rotates ${dim} of ${keyDim} dims of Q, and the shared key`
    : rotated >= keyDim
      ? 'rotates all dims'
      : `rotates ${rotated} of ${keyDim} dims`;
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
      return 'frequencies as for all dims';
    default:
      return `${scaling.kind} × ${numberText(scaling.factor)}`;
  }
}

function scoreLines({ sinks, softcap, clip, scale, attention }: AttentionLayerSpec): string[] {
  const usual = 1 / Math.sqrt(headDims(attention).keyDim);
  return [
    ...(Math.abs(scale - usual) < 1e-9 ? [] : [`scores × ${numberText(scale)}`]),
    ...(softcap === null ? [] : [`scores capped at ${numberText(softcap)}`]),
    ...(sinks ? ['a learned sink for each head'] : []),
    ...(clip === null ? [] : [`Q, K, V clipped at ${numberText(clip)}`]),
  ];
}

function attentionTitle(attention: AttentionSpec): string {
  switch (attention.kind) {
    case 'sliding':
      return `Attention to the last ${formatInteger(attention.window)} tokens`;
    case 'chunked':
      return `Attention within chunks of ${formatInteger(attention.chunk)} tokens`;
    case 'compressed':
      return `Attention to the last ${formatInteger(attention.window)} tokens, and to one entry for ${formatInteger(attention.ratio)} older ones`;
    case 'cross':
      return 'Attention to the source';
    default: {
      const topK = 'indexer' in attention ? attention.indexer?.topK : null;
      return topK == null
        ? 'Attention to all tokens'
        : `Attention to ${formatInteger(topK)} tokens that an indexer picks`;
    }
  }
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
      `then one for ${formatInteger(attention.ratio)} tokens`,
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
          `${formatInteger(state.recurrentElements)} numbers${state.heads === null ? '' : `, ${formatInteger(state.heads)} heads`}`,
        ]
      : []),
    ...(state.conv ? [`convolution: ${formatInteger(state.conv.channels)} channels × ${state.conv.width} inputs`] : []),
  ];
}

function denseText(expert: DenseFeedForward, hiddenSize: number): string {
  return `${formatInteger(hiddenSize)} → ${formatInteger(expert.width)} → ${formatInteger(hiddenSize)}, ${expert.kind === 'gated' ? `gated ${activationName(expert.activation)}` : activationName(expert.activation)}`;
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
