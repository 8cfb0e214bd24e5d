/** What a recurrent mixer consists of, in the order of the data; shapes from its state and its weights. */

import type { StateSpec } from '../model/attention';
import { formatInteger } from '../model/units';

export interface MixerStep {
  readonly id: string;
  readonly title: string;
  readonly lines: readonly string[];
  readonly look: 'norm' | 'step' | 'attention';
  /** Names of the weights that it has. */
  readonly names: readonly string[];
  /** Columns of twelve. */
  readonly from: number;
  readonly to: number;
}

type Rows = readonly (readonly MixerStep[])[];

function step(
  id: string,
  title: string,
  lines: readonly string[],
  [from, to]: readonly [number, number] = [0, 12],
  look: MixerStep['look'] = 'step',
  names: readonly string[] = [id],
): MixerStep {
  return { id, title, lines, look, names, from, to };
}

/**
 * Rows of a mixer; the one that reads and writes the state has the id `scan`. Null where its weights are not known apart.
 * Formulas: transformers 5.18 modeling_mamba.py, modeling_mamba2.py, modeling_qwen3_next.py, modeling_kimi_linear.py,
 * modeling_minimax.py, modeling_recurrent_gemma.py, modeling_lfm2.py.
 */
export function mixerRows(state: StateSpec, hidden: number, weights: ReadonlyMap<string, number>): Rows | null {
  if (!weights.has('in') || !weights.has('out')) return null;
  switch (state.flavour) {
    case 'mamba':
      return mamba(state, hidden, weights);
    case 'mamba2':
      return mamba2(state, hidden, weights);
    case 'gated-delta-net':
      return deltaNet(state, hidden, weights);
    case 'kda':
      return kimiDelta(state, hidden, weights);
    case 'linear':
      return lightning(state, hidden);
    case 'rg-lru':
      return gatedLru(state, hidden);
    case 'short-conv':
      return shortConv(state, hidden);
    case 'rwkv':
      return null;
  }
}

const n = formatInteger;
const map = (from: number, to: number): string => `${n(from)} → ${n(to)}`;

function convolution({ conv }: StateSpec, after: string, at?: readonly [number, number]): MixerStep[] {
  return conv ? [step('conv', `Convolution${after}`, [`${n(conv.channels)} channels × ${conv.width} inputs`], at)] : [];
}

/** Columns of what goes through the state, and of what gates it. */
const LEFT: readonly [number, number] = [0, 7];
const RIGHT: readonly [number, number] = [7, 12];

const GATE = (how: string): MixerStep => step('gated', how, [], [0, 12], 'norm', []);

function mamba(state: StateSpec, hidden: number, weights: ReadonlyMap<string, number>): Rows {
  const inner = state.conv?.channels ?? 0;
  const states = state.recurrentElements / inner;
  const rank = (weights.get('x') ?? 0) / inner - 2 * states;
  return [
    [step('in', 'In', [`${n(hidden)} → 2 × ${n(inner)}: x and gate`])],
    convolution(state, ', SiLU'),
    [step('x', 'Time step, B, C', [`${n(inner)} → ${n(rank)} + 2 × ${n(states)}`])],
    weights.has('step_norms') ? [step('step_norms', 'RMSNorm', ['of time step, B and C, each'], [0, 12], 'norm')] : [],
    [step('step', 'Time step up, softplus', [map(rank, inner)])],
    [step('scan', 'Selective scan', [`${n(inner)} channels × ${n(states)} states`], [0, 12], 'attention')],
    [GATE('× SiLU of gate')],
    [step('out', 'Output', [map(inner, hidden)])],
  ];
}

function mamba2(state: StateSpec, hidden: number, weights: ReadonlyMap<string, number>): Rows {
  const { groupChannels, heads, recurrentElements } = state;
  const groups = groupChannels?.groups ?? 1;
  const inner = (state.conv?.channels ?? 0) - (groupChannels?.channels ?? 0);
  const states = recurrentElements / inner;
  const many = heads ?? 1;
  return [
    [
      step('in', 'In', [
        `${n(hidden)} → 2 × ${n(inner)}: x and gate`,
        `+ 2 × ${groups === 1 ? '' : `${n(groups)} × `}${n(states)}: B and C; + ${n(many)}: time steps`,
      ]),
    ],
    convolution(state, ', SiLU'),
    [
      step(
        'scan',
        'State-space scan (SSD)',
        [
          `${n(many)} heads × ${n(inner / many)} dims × ${n(states)} states`,
          `B and C in ${groups === 1 ? '1 group' : `${n(groups)} groups`}`,
        ],
        [0, 12],
        'attention',
      ),
    ],
    [
      weights.has('out_norm')
        ? step('out_norm', 'RMSNorm of (x × SiLU of gate)', [], [0, 12], 'norm')
        : GATE('× SiLU of gate'),
    ],
    [step('out', 'Output', [map(inner, hidden)])],
  ];
}

function deltaNet(state: StateSpec, hidden: number, weights: ReadonlyMap<string, number>): Rows {
  const heads = state.heads ?? 1;
  const values = (weights.get('in_gate') ?? 0) / hidden;
  const valueDim = values / heads;
  const keyDim = state.recurrentElements / (heads * valueDim);
  const keyHeads = ((state.conv?.channels ?? 0) - values) / (2 * keyDim);
  return [
    [
      step('in', 'Q, K, V', [`${n(hidden)} → 2 × ${n(keyHeads)} × ${n(keyDim)}, ${n(heads)} × ${n(valueDim)}`], LEFT),
      step('in_gate', 'Gate, decay, β', [`${n(hidden)} → ${n(values)} + 2 × ${n(heads)}`], RIGHT, 'step', [
        'in_gate',
        'in_rates',
      ]),
    ],
    convolution(state, ', SiLU', LEFT),
    [step('qk_norm', 'L2 norm of Q and K', [], LEFT, 'norm', [])],
    [
      step(
        'scan',
        'Gated delta rule',
        [`${n(heads)} heads, state ${n(keyDim)} × ${n(valueDim)} each`],
        [0, 12],
        'attention',
      ),
    ],
    [step('out_norm', 'RMSNorm of each head, × SiLU of gate', [], [0, 12], 'norm')],
    [step('out', 'Output', [map(values, hidden)])],
  ];
}

function kimiDelta(state: StateSpec, hidden: number, weights: ReadonlyMap<string, number>): Rows {
  const heads = state.heads ?? 1;
  const dim = Math.sqrt(state.recurrentElements / heads);
  const width = heads * dim;
  const whole = weights.get('in_gate') === hidden * width;
  return [
    [
      step('in', 'Q, K, V', [`${n(hidden)} → 3 × ${n(heads)} × ${n(dim)}`], LEFT),
      step(
        'in_gate',
        'Gate, decay, β',
        [`a decay per dim, through ${n(dim)}`, whole ? `gate ${map(hidden, width)}` : `gate through ${n(dim)}`],
        RIGHT,
        'step',
        ['in_gate', 'in_rates'],
      ),
    ],
    convolution(state, 's, SiLU', LEFT),
    [step('qk_norm', 'L2 norm of Q and K', [], LEFT, 'norm', [])],
    [
      step(
        'scan',
        'Gated delta rule, a decay per dim',
        [`${n(heads)} heads, state ${n(dim)} × ${n(dim)} each`],
        [0, 12],
        'attention',
      ),
    ],
    [step('out_norm', 'RMSNorm of each head, × sigmoid of gate', [], [0, 12], 'norm')],
    [step('out', 'Output', [map(width, hidden)])],
  ];
}

function lightning(state: StateSpec, hidden: number): Rows {
  const heads = state.heads ?? 1;
  const dim = Math.sqrt(state.recurrentElements / heads);
  return [
    [
      step('in', 'Q, K, V, SiLU', [`${n(hidden)} → 3 × ${n(heads)} × ${n(dim)}`], LEFT),
      step('in_gate', 'Gate', [map(hidden, heads * dim)], RIGHT),
    ],
    [
      step(
        'scan',
        'Linear attention, a fixed decay per head',
        [`${n(heads)} heads, state ${n(dim)} × ${n(dim)} each`],
        [0, 12],
        'attention',
      ),
    ],
    [step('out_norm', 'RMSNorm, × sigmoid of gate', [], [0, 12], 'norm')],
    [step('out', 'Output', [map(heads * dim, hidden)])],
  ];
}

function gatedLru(state: StateSpec, hidden: number): Rows {
  const width = state.recurrentElements;
  return [
    [step('in', 'In', [map(hidden, width)], [0, 6]), step('in_gate', 'Gate, GELU', [map(hidden, width)], [6, 12])],
    convolution(state, '', [0, 6]),
    [step('in_rates', 'Input and recurrence gates', ['in blocks, sigmoid'], [0, 6])],
    [step('scan', 'RG-LRU', [`${n(width)} channels, one number each`], [0, 12], 'attention')],
    [GATE('× gate')],
    [step('out', 'Output', [map(width, hidden)])],
  ];
}

function shortConv(state: StateSpec, hidden: number): Rows {
  return [
    [step('in', 'In', [`${n(hidden)} → 3 × ${n(hidden)}: B, C, x`])],
    [GATE('B × x')],
    [
      step('scan', 'Convolution', [`${n(hidden)} channels × ${state.conv?.width ?? 0} inputs`], [0, 12], 'attention', [
        'conv',
      ]),
    ],
    [step('gated_out', '× C', [], [0, 12], 'norm', [])],
    [step('out', 'Output', [map(hidden, hidden)])],
  ];
}
