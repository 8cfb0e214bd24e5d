// What is offered for a layer can be had, and stands beside what caches as much.
import { describe, expect, it } from 'vitest';
import type { AttentionLayerSpec } from '../../../src/attention/spec/layerSpec';
import type { HeadedSpec } from '../../../src/insight/conversion/layerRows';
import { offeredConversions, parseTarget, targetLabel } from '../../../src/insight/conversion/target';
import { requestText } from '../../../src/serving/comparison';
import { heads, layer, LAYERS, rope } from '../attention/support/layers';

const spec = (queryHeads: number, kvHeads: number, dim: number, extra: Partial<AttentionLayerSpec> = {}): HeadedSpec =>
  layer(heads(queryHeads, kvHeads, dim), { rotary: rope(dim), ...extra }) as HeadedSpec;
const labels = (of: HeadedSpec): string[] => [
  ...new Set(offeredConversions(of, 10_000).map(({ target }) => targetLabel(target))),
];

describe('conversions that are offered', () => {
  it('halve and quarter the heads, and end at one, each beside latents of the same size', () => {
    expect(labels(spec(32, 32, 128))).toEqual([
      'GQA-16',
      'MLA 4096',
      'MLA 4032 + 64',
      'GQA-8',
      'MLA 2048',
      'MLA 1984 + 64',
      'MQA',
      'MLA 256',
      'MLA 192 + 64',
    ]);
    expect(labels(spec(12, 12, 64, { rotary: null }))).toEqual([
      'GQA-6',
      'MLA 768',
      'GQA-3',
      'MLA 384',
      'MQA',
      'MLA 128',
    ]);
    expect(labels(spec(8, 2, 16))).toEqual(['MQA', 'MLA 32', 'MLA 24 + 8']);
    expect(labels(spec(8, 1, 16))).toEqual(['MLA 16', 'MLA 12 + 4']);
    expect(labels(spec(7, 7, 16))).toEqual(['MQA', 'MLA 32', 'MLA 24 + 8']);
  });

  it('look once for singular vectors that take a minute, and leave out what would fit any tokens', () => {
    const asked = (of: HeadedSpec, tokens: number): string[] =>
      offeredConversions(of, tokens)
        .filter(({ target }) => target.kind === 'mla')
        .map(({ target, method }) => `${requestText(target)} ${method}`);
    expect(asked(spec(32, 8, 128, { hiddenSize: 4096 }), 200)).toEqual([
      'mla:960+64 joint-svd',
      'mla:448+64 joint-svd',
      'mla:192+64 joint-svd',
      'mla:192+64 activation-pca',
    ]);
    expect(asked(spec(12, 12, 64, { hiddenSize: 768, rotary: null }), 200)).toEqual([
      'mla:768+0 joint-svd',
      'mla:384+0 joint-svd',
      'mla:128+0 joint-svd',
      'mla:128+0 activation-pca',
    ]);
    expect(asked(spec(32, 32, 128, { hiddenSize: 4096, rotary: null }), 10)).toEqual([
      'mla:4096+0 joint-svd',
      'mla:2048+0 joint-svd',
      'mla:256+0 joint-svd',
    ]);
  });

  it('are whole and smaller than what is there, for every kind of layer', () => {
    for (const [name, of] of Object.entries(LAYERS)) {
      if (of.attention.kind === 'latent') continue;
      const { kvHeads, keyDim, valueDim } = of.attention;
      for (const { target } of offeredConversions(of as HeadedSpec, 10)) {
        expect(parseTarget(requestText(target)), name).toEqual(target);
        const size =
          target.kind === 'mla'
            ? target.latentDim + target.ropeDim
            : (target.kind === 'mqa' ? 1 : target.groups) * (keyDim + valueDim);
        expect(size, name).toBeLessThan(kvHeads * (keyDim + valueDim));
        if (target.kind === 'mla') expect([target.latentDim > 0, target.ropeDim % 2], name).toEqual([true, 0]);
      }
    }
  });
});
