/**
 * Adding a family takes one file and one fixture: a made-up one is put into a copy of src, the registers are made as
 * `npm run generate` makes them, and every surface has it.
 */

import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { familyFiles, familyRegisters } from '../../../scripts/familyRegisters.mjs';
import { matrixOf } from '../../../scripts/familyMatrix.mjs';
import { ConfigDocument } from '../../../src/config/document';
import type { readDocument as ReadDocument } from '../../../src/reading/read';
import type { hoverOf as HoverOf } from '../../../src/present/hover';
import { scenario } from '../support';
import { f32, gguf, ggufValue, safetensors, temporaryFolder, write } from '../weights/files';

const FIXTURE = 'test/fixtures/newFamily/quasar';
interface Fixture {
  readonly config: Readonly<Record<string, unknown>>;
  readonly tokens: number;
  readonly cacheBytes: number;
  readonly parameters: number;
}
const fixture = JSON.parse(readFileSync(`${FIXTURE}.json`, 'utf8')) as Fixture;

/** Of the copy of src that has the family. */
interface Surfaces {
  readonly hoverOf: typeof HoverOf;
  readonly readDocument: typeof ReadDocument;
}

const root = temporaryFolder();
const model = join(root, 'model');
const config = join(model, 'config.json');

interface Run {
  readonly code: number;
  readonly out: string;
  readonly errors: string;
}

function cli(...args: readonly string[]): Run {
  try {
    const out = execFileSync(process.execPath, [join(root, 'dist', 'cli.cjs'), ...args], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    return { code: 0, out, errors: '' };
  } catch (error) {
    const { status, stdout, stderr } = error as { status: number; stdout: string; stderr: string };
    return { code: status, out: stdout, errors: stderr };
  }
}

function json(...args: readonly string[]): Readonly<Record<string, unknown>> {
  const { code, out, errors } = cli(...args, '--json');
  expect(code, errors).toBe(0);
  return JSON.parse(out) as Readonly<Record<string, unknown>>;
}

/** Tensors of the shapes that the fixture's config gives, written down without the code under test. */
function tensors(): Record<string, readonly number[]> {
  const [hidden, heads, groups, dim] = [32, 4, 2, 8];
  const all: Record<string, readonly number[]> = {
    'model.embed_tokens.weight': [40, hidden],
    'model.norm.weight': [hidden],
    'lm_head.weight': [40, hidden],
  };
  for (let layer = 0; layer < 4; layer++) {
    const prefix = `model.layers.${layer}`;
    const linear = (name: string, out: number, into: number, bias = false): void => {
      all[`${prefix}.${name}.weight`] = [out, into];
      if (bias) all[`${prefix}.${name}.bias`] = [out];
    };
    linear('self_attn.q_proj', heads * dim, hidden, true);
    linear('self_attn.k_proj', groups * dim, hidden, true);
    linear('self_attn.v_proj', groups * dim, hidden, true);
    linear('self_attn.o_proj', hidden, heads * dim);
    for (const norm of ['self_attn.q_norm', 'self_attn.k_norm']) all[`${prefix}.${norm}.weight`] = [dim];
    for (const norm of ['input_layernorm', 'post_attention_layernorm']) all[`${prefix}.${norm}.weight`] = [hidden];
    const mlp = (name: string, width: number): void => {
      linear(`${name}.gate_proj`, width, hidden);
      linear(`${name}.up_proj`, width, hidden);
      linear(`${name}.down_proj`, hidden, width);
    };
    if (layer === 0) mlp('mlp', 48);
    else {
      linear('mlp.gate', 4, hidden);
      for (let expert = 0; expert < 4; expert++) mlp(`mlp.experts.${expert}`, 16);
    }
  }
  return all;
}

function writeModel(): void {
  mkdirSync(model);
  write(model, 'config.json', JSON.stringify(fixture.config, null, 2));
  let at = 0;
  const stored = Object.entries(tensors()).map(([name, shape]) => {
    const count = shape.reduce((product, size) => product * size, 1);
    const values = Array.from({ length: count }, () => Math.sin(++at) / 4);
    return [name, { dtype: 'F32', shape, bytes: f32(values) }] as const;
  });
  write(model, 'model.safetensors', safetensors(Object.fromEntries(stored)));
}

function writeGguf(): string {
  const metadata = {
    'general.architecture': ggufValue.text('quasar'),
    'quasar.block_count': ggufValue.u32(4),
    'quasar.embedding_length': ggufValue.u32(32),
    'quasar.attention.head_count': ggufValue.u32(4),
    'quasar.attention.head_count_kv': ggufValue.u32(2),
    'quasar.attention.key_length': ggufValue.u32(8),
    'quasar.attention.value_length': ggufValue.u32(8),
    'quasar.attention.sliding_window': ggufValue.u32(4),
    'quasar.feed_forward_length': ggufValue.u32(48),
    'quasar.expert_count': ggufValue.u32(4),
    'quasar.expert_used_count': ggufValue.u32(2),
    'quasar.expert_feed_forward_length': ggufValue.u32(16),
    'quasar.vocab_size': ggufValue.u32(40),
  };
  return write(
    root,
    'quasar.gguf',
    gguf(metadata, { 'token_embd.weight': { dims: [32, 40], type: 0, bytes: f32(new Array<number>(1280).fill(0)) } }),
  );
}

beforeAll(async () => {
  for (const part of ['src', 'scripts', 'package.json']) cpSync(part, join(root, part), { recursive: true });
  symlinkSync(resolve('node_modules'), join(root, 'node_modules'));
  // The fixture stands elsewhere in the tree, where types and lint reach it.
  const text = readFileSync(`${FIXTURE}.ts`, 'utf8')
    .replaceAll('../../../src/families/', './')
    .replaceAll('../../../src/', '../');
  writeFileSync(join(root, 'src', 'families', 'quasar.ts'), text);
  writeFileSync(
    join(root, 'surfaces.ts'),
    `export { hoverOf } from './src/present/hover';\nexport { readDocument } from './src/reading/read';\n`,
  );
  const register = familyRegisters(root);
  writeFileSync(join(root, register.path), register.text);
  await build({
    entryPoints: { cli: join(root, 'src', 'cli', 'main.ts'), surfaces: join(root, 'surfaces.ts') },
    outdir: join(root, 'dist'),
    outExtension: { '.js': '.cjs' },
    bundle: true,
    platform: 'node',
    format: 'cjs',
    mainFields: ['module', 'main'],
    external: ['onnxruntime-node', 'onnxruntime-web', '@tensorflow/*'],
    logLevel: 'error',
  });
  writeModel();
}, 60_000);
afterAll(() => rmSync(root, { recursive: true, force: true }));

describe('a family that was added by one file and one fixture', () => {
  it('is read: exact bytes, windows where they are', () => {
    const found = json('estimate', config, '--tokens', String(fixture.tokens));
    expect(found).toMatchObject({ cacheBytes: fixture.cacheBytes, exact: true, unknownLayers: 0, modelType: 'quasar' });
    const kinds = (found['layers'] as readonly { readonly kind: string }[]).map(({ kind }) => kind);
    expect(kinds).toEqual(['sliding', 'sliding', 'sliding', 'full']);
  });

  it('has its parameters, derived from its block', () => {
    expect(json('estimate', config)['parameters']).toBe(fixture.parameters);
    const stored = Object.values(tensors()).reduce((sum, shape) => sum + shape.reduce((a, b) => a * b, 1), 0);
    expect(fixture.parameters).toBe(stored);
  });

  it('is hovered over', async () => {
    const { hoverOf, readDocument } = (await import(join(root, 'dist', 'surfaces.cjs'))) as Surfaces;
    const document = ConfigDocument.parse(JSON.stringify(fixture.config, null, 2));
    const reading = readDocument(document);
    const at = document.text.indexOf('"num_key_value_heads"') + 2;
    const hover = reading && hoverOf(reading, document, at, scenario(1, 1), false);
    // 4 layers · 2 KV heads · (8 + 8) · 2 bytes.
    expect(hover?.markdown.source).toContain('256 B');
  });

  it('shows heads of its weights, and of seeded ones with its own maths', () => {
    const stored = json('heads', model, '--layer', '3', '--ids', '1,2,3');
    expect(stored['heads']).toHaveLength(4);
    const seeded = json('heads', config, '--seed', '1', '--layer', '1', '--ids', '1,2,3');
    expect(seeded['heads']).toHaveLength(4);
    expect(seeded['seeded']).toMatchObject({ seed: 1, note: null });
  });

  it('refuses the heads of a GGUF file by name, and estimates it', () => {
    const file = writeGguf();
    expect(json('estimate', file, '--tokens', '10')).toMatchObject({ modelType: 'quasar', unknownLayers: 0 });
    const heads = cli('heads', file, '--layer', '0', '--ids', '1,2');
    expect(heads.code).toBe(1);
    expect(heads.errors).toContain('the GGUF form of quasar is not supported');
  });

  it('stands in the support matrix', async () => {
    expect(familyFiles(root)).toContain('quasar');
    const row = (await matrixOf(root, { quasar: fixture.config })).split('\n').find((line) => line.includes('quasar'));
    expect(row).toBe(
      '| quasar | quasar | ✓ | derived | ✓ | own maths | not in llama.cpp | intrinsic, vllm, sglang, trtllm, transformers |',
    );
  });
});
