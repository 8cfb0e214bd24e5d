/** What the two sides of a walk keep and compute: at the picture's sizes, and at the real sizes of the followed config. */

import type { KnownPlan } from '../../../src/cache/plan';
import { DEFAULT_LATENT, projectionParameters } from '../../../src/cache/variants';
import type { Reading } from '../../../src/reading/read';
import type { Scenario } from '../../../src/model/scenario';
import { formatBinary, formatInteger, formatRatio } from '../../../src/model/units';
import { formatFlops } from '../../../src/present/quantities';
import { workloadText } from '../../../src/present/words';
import { decodeAttentionFlops, prefillAttentionFlops } from '../../../src/serving/attentionWork';
import { changesNothing, compareDesigns } from '../../../src/serving/comparison';
import type { WalkSettings } from './settings';
import { wordsOf } from './settings';
import { multiplications, type Walk } from './walk';

export interface CostTable {
  readonly title: string;
  /** The two sides. */
  readonly columns: readonly [string, string];
  readonly rows: readonly CostRow[];
  readonly note: string;
}

export interface CostRow {
  readonly what: string;
  readonly left: string;
  readonly right: string;
  /** "÷ 56.89" */
  readonly ratio: string;
}

/** 16-bit numbers, as the lectures count. */
const BYTES = 2;

function costRow(what: string, left: number, right: number, text: (value: number) => string): CostRow {
  return {
    what,
    left: text(left),
    right: text(right),
    ratio: left === 0 || right === 0 ? '' : formatRatio(left, right),
  };
}

const exactBytes = (bytes: number): string => `${formatInteger(bytes)} B`;

/** Bytes that the expanded and the absorbed side keep; the real ones from the cache plan. */
export function latentCosts(
  { sizes, prompt }: WalkSettings,
  reading: Reading | null,
  scenario: Scenario | null,
): CostTable {
  const tokens = wordsOf(prompt).length + 1;
  const left = 2 * sizes.heads * sizes.headDim * BYTES;
  const right = (sizes.latent + sizes.rope) * BYTES;
  const rows = [
    costRow('here, a token', left, right, exactBytes),
    costRow(`here, ${tokens} tokens`, left * tokens, right * tokens, exactBytes),
  ];
  const real = reading && scenario ? realDesigns(reading, scenario) : null;
  if (real) {
    const { name, mha, mla } = real;
    rows.push(
      costRow(`${name}, a token`, mha.bytesPerToken, mla.bytesPerToken, exactBytes),
      costRow(`${name}, ${workloadText(mla.scenario)}`, mha.totalBytes, mla.totalBytes, formatBinary),
    );
  }
  return {
    title: 'What each keeps',
    columns: ['K and V of every head', sizes.rope > 0 ? 'latent and rotary key' : 'latent'],
    rows,
    note: `Here with 2 bytes a number${sizes.rope > 0 ? ', and on the left with the position in K itself' : ''}. ${real?.note ?? ''}`,
  };
}

/** The followed model with K and V per head, and with a latent; null where it has no attention that could be either. */
function realDesigns(
  reading: Reading,
  scenario: Scenario,
): { readonly name: string; readonly mha: KnownPlan; readonly mla: KnownPlan; readonly note: string } | null {
  const latent = { kind: 'mla', ...DEFAULT_LATENT } as const;
  const { rows } = compareDesigns([{ name: null, reading, requests: [{ kind: 'mha' }, latent] }], scenario);
  const [asIs] = rows;
  const mha = rows.find((row) => row.request?.kind === 'mha');
  const isLatent = reading.spec.layers.some((layer) => layer.attention.kind === 'latent');
  const mla = isLatent ? asIs : rows.find((row) => row.request?.kind === 'mla');
  // A model that was not understood is compared with nothing.
  if (!mha?.plan.known || !mla?.plan.known) return null;
  const { modelType, variant } = reading.spec;
  const own = changesNothing(reading.spec, { kind: 'mha' }) ? 'as it is' : 'as MHA';
  const note = isLatent
    ? `${modelType} as MHA and as it is.`
    : `${modelType} is ${variant}: ${own}, and as ${mla.label}.`;
  return { name: modelType, mha: mha.plan, mla: mla.plan, note };
}

/** Multiplications for the new token without and with a cache, and what the cache takes. */
export function plainCosts(
  { sizes, prompt }: WalkSettings,
  walk: Walk,
  reading: Reading | null,
  scenario: Scenario | null,
): CostTable {
  const tokens = wordsOf(prompt).length + 1;
  const from = walk.steps.findIndex((step) => step.id === 'newToken');
  const count = (band: 'left' | 'right'): { all: number; again: number } =>
    walk.steps.reduce(
      (sum, _, step) => {
        if (step < from) return sum;
        const { all, again } = multiplications(walk, step, band);
        return { all: sum.all + all, again: sum.again + again };
      },
      { all: 0, again: 0 },
    );
  const [without, cached] = [count('left'), count('right')];
  const rows = [
    costRow('here, work for the new token, one head', without.all, cached.all, formatInteger),
    costRow('of them done before', without.again, cached.again, formatInteger),
    costRow(`here, kept after ${tokens} tokens`, 0, 2 * sizes.heads * sizes.headDim * BYTES * tokens, exactBytes),
  ];
  const projections = reading && projectionParameters(reading.spec);
  if (reading && scenario && projections !== null) {
    const { tokens: context } = scenario.workload;
    const { spec } = reading;
    rows.push(
      costRow(
        `${spec.modelType}, work for token ${formatInteger(context)}`,
        2 * projections * context + prefillAttentionFlops(spec, context),
        2 * projections + decodeAttentionFlops(spec, context),
        formatFlops,
      ),
    );
    const [asIs] = compareDesigns([{ name: null, reading, requests: [] }], scenario).rows;
    if (asIs?.plan.known)
      rows.push(costRow(`${spec.modelType}, kept at ${workloadText(scenario)}`, 0, asIs.plan.totalBytes, formatBinary));
  }
  return {
    title: 'What each computes and keeps',
    columns: ['without a cache', 'with a cache'],
    rows,
    note: 'Here with 2 bytes a number; work is multiplications of pairs that the mask allows, softmax left out.',
  };
}
