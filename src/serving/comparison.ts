/**
 * Designs against each other: models as they are, and each as MHA, GQA, MQA or MLA. One list of rows for panel, palette and command
 * line. The first row is what the others are measured against.
 */

import { planCache, type CachePlan } from '../cache/plan';
import { asVariant, projectionParameters, type VariantRequest, variantProblem } from '../cache/variants';
import type { Reading } from '../reading/read';
import type { Scenario } from '../model/scenario';
import type { ModelSpec } from '../model/spec';
import type { Device } from './device';
import { weightsFit } from './fit';
import { countParameters, type ParameterCount } from './parameters/count';
import { decodeRoofline, type Roofline } from './roofline';
import { scenarioWeights } from './weightFormats';

/** A model, and what it is turned into. */
export interface ComparedModel {
  /** Tells models apart; null for one that is alone, or is what the comparison is about. */
  readonly name: string | null;
  /** What one that is alone is called; its model type where absent. */
  readonly title?: string;
  readonly reading: Reading;
  readonly requests: readonly VariantRequest[];
}

export interface ComparisonRow {
  /** Same for the same design at every scenario: "0" for the first model as it is, "0:gqa:8" for it as GQA-8. */
  readonly id: string;
  readonly label: string;
  /** Index of its model. */
  readonly model: number;
  /** Null: the model as it is. */
  readonly request: VariantRequest | null;
  readonly plan: CachePlan;
  /** Cache of the first row ÷ cache of this one: above 1 it is smaller; 0 where this one has none; null where one is not known. */
  readonly ratio: number | null;
  /** Weights of the model, as it is; null where they cannot be counted. */
  readonly parameters: number | null;
  /** Weights of the attention projections minus those of the model as it is; null without a hidden size. */
  readonly parametersDelta: number | null;
  /** Floating-point operations of the attention projections for one token, all layers; null without a hidden size. */
  readonly projectionFlops: number | null;
  /** One decode step of the scenario; null without a device, where parameters or the device's peak are not known, or weights do not fit. */
  readonly decode: Roofline | null;
  /** False where the weights alone do not fit on the scenario's devices; null where that is not known. */
  readonly weightsFit: boolean | null;
  /** Layers that the variant leaves as they are: without heads to share, or (MLA) with a window. */
  readonly unchangedLayers: number;
}

/** A design that was asked for and does not exist. */
export interface LeftOut {
  readonly model: number;
  readonly request: VariantRequest;
  readonly problem: string;
}

export interface Comparison {
  readonly scenario: Scenario;
  readonly device: Device | null;
  readonly rows: readonly ComparisonRow[];
  readonly leftOut: readonly LeftOut[];
}

/** Compares at one scenario; with a device also how long a decode step takes at best. */
export function compareDesigns(
  models: readonly ComparedModel[],
  scenario: Scenario,
  device: Device | null = null,
): Comparison {
  const rows: ComparisonRow[] = [];
  const leftOut: LeftOut[] = [];
  for (const [model, { name, title, reading, requests }] of models.entries()) {
    const { spec } = reading;
    const base = countParameters(reading);
    const add = (
      request: VariantRequest | null,
      label: string,
      changed: ModelSpec,
      delta: number | null,
      unchangedLayers: number,
    ): void => {
      const plan = planCache(changed, scenario);
      const parameters = projectionParameters(changed);
      const first = (rows[0]?.plan ?? plan).cacheBytes;
      rows.push({
        id: request === null ? String(model) : `${model}:${requestText(request)}`,
        label,
        model,
        request,
        plan,
        ratio: first === null || plan.cacheBytes === null ? null : plan.cacheBytes === 0 ? 0 : first / plan.cacheBytes,
        parameters: base?.total ?? null,
        parametersDelta: delta,
        projectionFlops: parameters === null ? null : 2 * parameters,
        ...(device && base && delta !== null
          ? decodeStep(reading, changed, withAttention(base, delta), plan, device)
          : NO_STEP),
        unchangedLayers,
      });
    };
    add(null, name ?? `${title ?? spec.modelType} (${spec.variant})`, spec, 0, 0);
    for (const request of requests) {
      const problem = variantProblem(spec, request);
      if (problem !== null) {
        leftOut.push({ model, request, problem });
        continue;
      }
      const variant = asVariant(spec, request);
      add(
        request,
        name === null ? variant.label : `${name} as ${variant.label}`,
        variant.spec,
        variant.parametersDelta,
        unchangedLayers(variant.spec, request, variant.unchangedLayers),
      );
    }
  }
  return { scenario, device, rows, leftOut };
}

function unchangedLayers(made: ModelSpec, request: VariantRequest, withoutHeads: number): number {
  if (request.kind !== 'mla') return withoutHeads;
  return made.layers.filter(({ attention: { kind } }) => kind !== 'latent' && kind !== 'none' && kind !== 'shared')
    .length;
}

/** True where the variant is the model as it is. */
export function changesNothing(spec: ModelSpec, request: VariantRequest): boolean {
  if (variantProblem(spec, request) !== null) return false;
  const { layers } = asVariant(spec, request).spec;
  return layers.every(({ attention }, index) => {
    const before = spec.layers[index]?.attention;
    return attention === before || JSON.stringify(attention) === JSON.stringify(before);
  });
}

/** The text that `parseVariant` reads: `gqa:8`, `mla:512+64`. */
export function requestText(request: VariantRequest): string {
  switch (request.kind) {
    case 'gqa':
      return `gqa:${request.groups}`;
    case 'mla':
      return `mla:${request.latentDim}+${request.ropeDim}`;
    default:
      return request.kind;
  }
}

/** Projections of another size: every token uses all of them. */
function withAttention(count: ParameterCount, delta: number): ParameterCount {
  return {
    ...count,
    attention: count.attention + delta,
    total: count.total + delta,
    activePerToken: count.activePerToken + delta,
  };
}

type Step = Pick<ComparisonRow, 'decode' | 'weightsFit'>;

const NO_STEP: Step = { decode: null, weightsFit: null };

function decodeStep(reading: Reading, spec: ModelSpec, count: ParameterCount, plan: CachePlan, device: Device): Step {
  const weights = scenarioWeights(reading, plan.scenario, null, count);
  if (!weights) return NO_STEP;
  if (!weightsFit({ reading, device, scenario: plan.scenario, weights })) return { decode: null, weightsFit: false };
  const { batch, tokens } = plan.scenario.workload;
  const { devices, duplication } = plan.sharding;
  const decode = decodeRoofline(
    {
      spec,
      count,
      weights,
      kvDtype: plan.kvDtype,
      device,
      devices,
      cacheCopies: Math.max(1, duplication),
      format: 'bf16',
    },
    batch,
    tokens,
  );
  return { decode, weightsFit: true };
}
