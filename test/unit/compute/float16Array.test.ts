/** Where JavaScript has halves of its own (Node 24, newer VS Code), the native library must not be handed them: it reads them as empty. */

import { expect, it } from 'vitest';
import { createEngine } from '../../../src/compute/engines/createEngine';
import { relativeError } from '../golden';
import { LAYERS } from '../attention/support/layers';
import { valuesOf } from '../attention/support/compare';
import { layerCase } from './support/layerCase';

it.each(['onnxruntime-cpu', 'onnxruntime-wasm'] as const)(
  '%s computes in float16 beside a Float16Array',
  async (id) => {
    // As it looks to the library; whoever makes one is told.
    const halves = Object.assign(
      function Float16Array(): never {
        throw new Error('a Float16Array was made');
      },
      { from: () => undefined },
    );
    if (!('Float16Array' in globalThis)) Object.assign(globalThis, { Float16Array: halves });
    const [spec] = Object.values(LAYERS);
    if (spec === undefined) throw new Error('there is no layer');
    const { program, inputs, constants, expected } = layerCase(spec, { batch: 1, past: 6, tokens: 1 });
    const loaded = await createEngine(id, { threads: 1 }).load(program.graph, { constants, precision: 'float16' });
    const output = (await loaded.run(inputs, ['output'])).get('output');
    await loaded.dispose();
    const error = output ? relativeError(valuesOf(output).data, expected.output.data) : Number.NaN;
    expect(error).toBeLessThan(1e-2);
    expect(error).toBeGreaterThan(1e-6);
  },
);
