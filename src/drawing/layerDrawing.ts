import type { NormSpec } from '../attention/spec/normSpec';
import { formatInteger } from '../model/units';
import { formatCount } from '../present/quantities';
import { numberText } from '../present/words';
import type { LayerKind } from '../serving/anatomy/anatomy';
import type { LayerDescription } from '../serving/anatomy/description';
import { type Box, type Branch, type LayerDrawing, WHOLE } from './box';
import { normName, dimensionLines, mixerTitle, stateLines } from './boxWords';
import { BoxMaker } from './boxMaker';
import { AttentionBoxes } from './attentionBoxes';
import { StateBoxes } from './stateBoxes';
import { FeedForwardBoxes } from './feedForwardBoxes';

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

export function layerDrawing(kind: LayerKind): LayerDrawing {
  const made = new LayerBoxes(kind);
  return (kind.description && made.described(kind.description)) ?? made.ofCounts();
}

/** All boxes of a layer. */
function layerBoxes({ branches, unplaced }: LayerDrawing): readonly Box[] {
  return [...branches.flatMap(({ rows, onStream }) => [...rows.flat(), ...(onStream ? [onStream] : [])]), ...unplaced];
}

class LayerBoxes extends BoxMaker {
  private readonly attention: AttentionBoxes;
  private readonly states: StateBoxes;
  private readonly feedForward: FeedForwardBoxes;

  constructor(kind: LayerKind) {
    super(kind);
    this.attention = new AttentionBoxes(kind);
    this.states = new StateBoxes(kind);
    this.feedForward = new FeedForwardBoxes(kind);
  }

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
          ...(feedForward ? this.feedForward.feedForwardRows(feedForward, size) : []),
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
    if (attention.kind === 'none')
      return { rows: layer ? this.attention.attentionRows(layer, positionsKnown) : [], beside: [] };
    if (attention.kind === 'unknown') return null;
    const stateRows = state ? this.states.stateRows(state, 'headed') : [];
    if (attention.kind === 'recurrent' || attention.kind === 'conv')
      return { rows: this.states.stateRows(state, 'alone'), beside: [] };
    if (weights.has('kv')) return { rows: this.attention.compressedRows(), beside: [] };
    if (layer === null || weights.has('mixer'))
      return { rows: this.mixerRows(this.kind.parameters?.parts.attention ?? null, true), beside: [] };
    return { rows: this.attention.attentionRows(layer, positionsKnown), beside: stateRows };
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
    const beside = headed && state ? [[this.states.stateBox(state)]] : [];
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
        [
          this.counted(
            'mixer',
            mixerTitle(attention, state),
            stateLines(state),
            parameters,
            this.states.work(parameters),
          ),
        ],
        ...(state ? [[this.states.stateBox(state)]] : []),
      ];
    return [
      [this.counted('projections', 'Projections', dimensionLines(attention), parameters, 2 * (parameters ?? 0))],
      ...this.attention.cacheRow(WHOLE),
      [this.attention.scores(attention, [])],
    ];
  }
}

function rows(...all: readonly (readonly Box[])[]): (readonly Box[])[] {
  return all.filter((row) => row.length > 0);
}
