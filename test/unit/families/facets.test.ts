/** A bundle takes the facets that it asks for: what a layer caches comes without tensor names. */

import { build } from 'esbuild';
import { describe, expect, it } from 'vitest';

/** The code that a bundle of one register has. */
async function bundleOf(register: string): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents: `export { ${register}Register } from './src/families/register';`, resolveDir: '.' },
    bundle: true,
    write: false,
    minify: true,
    format: 'esm',
    mainFields: ['module', 'main'],
    logLevel: 'error',
  });
  return outputFiles[0]?.text ?? '';
}

/** Words that only one facet has. */
const MARKS = {
  layers: 'modeling_longcat_flash.py',
  blocks: 'clipAfterNorm',
  names: 'self_attn.q_proj',
  gguf: 'nemotron_h_moe',
  counts: 'perTokenDefault',
  arrangements: 'modeling_jamba.py',
} as const;
const FACETS = Object.keys(MARKS) as (keyof typeof MARKS)[];

describe('the bundle of a register', () => {
  it.each(FACETS)('of %s has that facet and no other', async (facet) => {
    const code = await bundleOf(facet);
    expect(FACETS.filter((other) => code.includes(MARKS[other]))).toEqual([facet]);
  });
});
