/** What the two sides of a walk keep and compute: at the picture's sizes, and at the real sizes of the followed config. */

import type { KnownPlan } from '../../../src/cache/plan';
import { deviceCount } from '../../../src/cache/sharding';
import { DEFAULT_LATENT, projectionParameters } from '../../../src/cache/variants';
import type { Reading } from '../../../src/reading/read';
import { type Scenario, UNSHARDED } from '../../../src/model/scenario';
import { formatSize, formatInteger, formatRatio } from '../../../src/model/units';
import { formatFlops } from '../../../src/present/quantities';
import { workloadText } from '../../../src/present/words';
import { decodeAttentionFlops, prefillAttentionFlops } from '../../../src/serving/attentionWork';
import { compareDesigns } from '../../../src/serving/comparison';
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
  /** What the followed model is called. */
  name: string,
): CostTable {
  const tokens = wordsOf(prompt).length + 1;
  const left = 2 * sizes.heads * sizes.headDim * BYTES;
  const right = (sizes.latent + sizes.rope) * BYTES;
  const rows = [
    costRow('this example, per token', left, right, exactBytes),
    costRow(`this example, ${tokens} tokens`, left * tokens, right * tokens, exactBytes),
  ];
  const real = reading && scenario ? realDesigns(reading, scenario, name) : null;
  if (real) {
    const { mha, mla, onDevices } = real;
    rows.push(
      costRow(`${name}, per token`, mha.bytesPerToken, mla.bytesPerToken, exactBytes),
      costRow(`${name}, ${workloadText(mla.scenario)}`, mha.totalBytes, mla.totalBytes, formatSize),
    );
    if (onDevices)
      rows.push(
        costRow(
          `the same on each of ${formatInteger(onDevices.mla.everywhere.devices)} devices`,
          onDevices.mha.totalBytes,
          onDevices.mla.totalBytes,
          formatSize,
        ),
      );
  }
  return {
    title: 'What each keeps',
    columns: ['K and V of every head', sizes.rope > 0 ? 'latent and rotary key' : 'latent'],
    rows,
    note: `This example uses 2 bytes per number${sizes.rope > 0 ? '; on the left, the position is applied to K itself' : ''}. ${real?.note ?? ''}`,
  };
}

interface Designs {
  readonly mha: KnownPlan;
  readonly mla: KnownPlan;
}

/**
 * The followed model with K and V per head, and with a latent; null where it has no attention that could be either. The whole model, as
 * what a token takes is; `onDevices`: what one device has of it, where there are several.
 */
function realDesigns(
  reading: Reading,
  scenario: Scenario,
  name: string,
): (Designs & { readonly onDevices: Designs | null; readonly note: string }) | null {
  const whole = designsAt(reading, { ...scenario, sharding: UNSHARDED });
  if (!whole) return null;
  const { variant } = reading.spec;
  const note = whole.isLatent
    ? `${name} is MLA; compared here with itself as MHA.`
    : `${name} is ${variant}; compared here as MHA and as ${whole.label}.`;
  return { ...whole, onDevices: deviceCount(scenario.sharding) > 1 ? designsAt(reading, scenario) : null, note };
}

function designsAt(
  reading: Reading,
  scenario: Scenario,
): (Designs & { readonly isLatent: boolean; readonly label: string }) | null {
  const latent = { kind: 'mla', ...DEFAULT_LATENT } as const;
  const { rows } = compareDesigns([{ name: null, reading, requests: [{ kind: 'mha' }, latent] }], scenario);
  const [asIs] = rows;
  const mha = rows.find((row) => row.request?.kind === 'mha');
  const isLatent = reading.spec.layers.some((layer) => layer.attention.kind === 'latent');
  const mla = isLatent ? asIs : rows.find((row) => row.request?.kind === 'mla');
  // A model that was not understood is compared with nothing.
  if (!mha?.plan.known || !mla?.plan.known) return null;
  return { mha: mha.plan, mla: mla.plan, isLatent, label: mla.label };
}

/** Multiplications for the new token without and with a cache, and what the cache takes. */
export function plainCosts(
  { sizes, prompt }: WalkSettings,
  walk: Walk,
  reading: Reading | null,
  scenario: Scenario | null,
  name: string,
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
    costRow('this example, work for the new token, one head', without.all, cached.all, formatInteger),
    costRow('of which repeated work', without.again, cached.again, formatInteger),
    costRow(
      `this example, kept after ${tokens} tokens`,
      0,
      2 * sizes.heads * sizes.headDim * BYTES * tokens,
      exactBytes,
    ),
  ];
  const projections = reading && projectionParameters(reading.spec);
  if (reading && scenario && projections !== null) {
    const { tokens: context } = scenario.workload;
    const { spec } = reading;
    rows.push(
      costRow(
        `${name}, work for token ${formatInteger(context)}`,
        2 * projections * context + prefillAttentionFlops(spec, context),
        2 * projections + decodeAttentionFlops(spec, context),
        formatFlops,
      ),
    );
    const [asIs] = compareDesigns([{ name: null, reading, requests: [] }], { ...scenario, sharding: UNSHARDED }).rows;
    if (asIs?.plan.known)
      rows.push(costRow(`${name}, kept at ${workloadText(scenario)}`, 0, asIs.plan.totalBytes, formatSize));
  }
  return {
    title: 'What each computes and keeps',
    columns: ['without a cache', 'with a cache'],
    rows,
    note: 'This example uses 2 bytes per number. Work counts the multiplications that the mask allows, without softmax.',
  };
}
