/** Every layer of the grid on every engine: within 1e-5 of the float64 reference. */

import { afterAll, describe, expect, it } from 'vitest';
import type { AttentionLayerSpec } from '../../../src/attention/spec/layerSpec';
import type { AttentionProgram, LatentForm } from '../../../src/attention/onnx/program';
import { ELEMENTWISE } from '../../../src/compute/engines/tfjs/elementwise';
import { PRODUCTS } from '../../../src/compute/engines/tfjs/products';
import { SHAPING } from '../../../src/compute/engines/tfjs/shaping';
import type { GraphRunner } from '../../../src/compute/engines/tfjs/tfjsBackend';
import { LAYERS } from '../attention/support/layers';
import { depthNote, sampled } from '../depth';
import { caseProgram, expectAgreement, type LayerCase, layerCase, type Shape } from './support/layerCase';
import { needsTensorflow, openPeer, type Peer } from './support/peers';

const TOLERANCE = 1e-5;
const SHAPES: readonly Shape[] = [
  { batch: 1, past: 0, tokens: 7 },
  { batch: 2, past: 5, tokens: 3 },
  { batch: 1, past: 6, tokens: 1 },
];

interface Case {
  readonly label: string;
  program(): AttentionProgram;
  /** Made when it is run: the float64 reference of a case takes longer than most engines. */
  make(): LayerCase;
}

type Options = NonNullable<Parameters<typeof layerCase>[2]>;
const caseOf = (label: string, spec: AttentionLayerSpec, shape: Shape, options: Options): Case => ({
  label,
  program: () => caseProgram(spec, shape.past, options),
  make: () => layerCase(spec, shape, options),
});

const cases: Case[] = [];
for (const [name, spec] of Object.entries(LAYERS)) {
  const forms: readonly (LatentForm | undefined)[] =
    spec.attention.kind === 'latent' ? ['expanded', 'absorbed'] : [undefined];
  for (const form of forms) {
    for (const shape of SHAPES) {
      const label = `${name}${form ? `, ${form}` : ''}: batch ${shape.batch}, past ${shape.past}, new ${shape.tokens}`;
      cases.push(caseOf(label, spec, shape, form ? { form } : {}));
    }
  }
}

for (const name of ['gqa 2', 'mqa', 'sliding', 'sinks', 'latent']) {
  const spec = LAYERS[name];
  if (spec)
    cases.push(caseOf(`${name}, past and new apart`, spec, { batch: 2, past: 5, tokens: 1 }, { cache: 'append' }));
}

/** tfjs-cpu is left out here: it is slow, and the same interpreter runs on the others. */
const PEERS: readonly Peer[] = ['onnxruntime-cpu', 'onnxruntime-wasm', 'tfjs-wasm', 'tensorflow'];

describe.each(PEERS)('%s', (peer) => {
  const skipped = peer === 'tensorflow' ? needsTensorflow : '';
  let runner: Promise<GraphRunner> | undefined;
  const open = (): Promise<GraphRunner> => (runner ??= openPeer(peer));

  // The engine that people get runs every layer in test/unit/attention, too. Distances that are no multiple of the shapes:
  // every shape comes.
  const chosen = sampled(cases, peer === 'onnxruntime-cpu' ? 5 : 11);
  it.skipIf(skipped !== '')(`agrees with the reference${depthNote}${skipped}`, async () => {
    for (const { label, make } of chosen) {
      await expectAgreement(await open(), make(), TOLERANCE).catch((error: unknown) => {
        throw new Error(`${peer}, ${label}: ${error instanceof Error ? error.message : String(error)}`);
      });
    }
  });
  afterAll(async () => {
    const opened = (await runner) as { dispose?: () => Promise<void> } | undefined;
    await opened?.dispose?.();
  });
});

it('covers every operator of the programs, so that tensorflow can run them all', () => {
  const known = new Set(Object.keys({ ...ELEMENTWISE, ...SHAPING, ...PRODUCTS }));
  for (const { label, program } of cases)
    expect(
      program().graph.nodes.filter(({ domain, op }) => domain !== '' || !known.has(op)),
      label,
    ).toEqual([]);
});
