/** A home folder in which Hugging Face's libraries, Ollama, LM Studio and llama.cpp keep models, written as these programs write them. */

import { createHash } from 'node:crypto';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import type { StoreEnvironment } from '../../../../src/shared/storesContract';
import { f32, gguf, ggufValue, safetensors } from '../../weights/files';

/** A config of a small Llama: 2 layers × 2 KV heads × (8 + 8) × bf16 = 128 B a token. */
export const LLAMA = {
  architectures: ['LlamaForCausalLM'],
  model_type: 'llama',
  hidden_size: 32,
  intermediate_size: 64,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  vocab_size: 64,
  torch_dtype: 'bfloat16',
};

/** The header of the same as GGUF, and one tensor. */
export function llamaGguf(): Uint8Array {
  return gguf(
    {
      'general.architecture': ggufValue.text('llama'),
      'llama.block_count': ggufValue.u32(2),
      'llama.context_length': ggufValue.u32(128),
      'llama.embedding_length': ggufValue.u32(32),
      'llama.feed_forward_length': ggufValue.u32(64),
      'llama.attention.head_count': ggufValue.u32(4),
      'llama.attention.head_count_kv': ggufValue.u32(2),
    },
    { 'output_norm.weight': { dims: [32], type: 0, bytes: f32(Array.from({ length: 32 }, () => 1)) } },
  );
}

export function put(path: string, content: string | Uint8Array): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
}

const sha256 = (content: string | Uint8Array): string => createHash('sha256').update(content).digest('hex');

/** A model in Hugging Face's cache: blobs, links to them in a snapshot, a ref. */
export function cached(
  cache: string,
  repo: string,
  files: Readonly<Record<string, string | Uint8Array>>,
  {
    ref = 'main',
    commit = createHash('sha1')
      .update(repo + ref)
      .digest('hex'),
  }: { ref?: string | null; commit?: string } = {},
): string {
  const folder = join(cache, `models--${repo.replace('/', '--')}`);
  const snapshot = join(folder, 'snapshots', commit);
  for (const [name, content] of Object.entries(files)) {
    const blob = join(folder, 'blobs', sha256(content));
    put(blob, content);
    const link = join(snapshot, name);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(relative(dirname(link), blob), link);
  }
  mkdirSync(join(folder, 'refs'), { recursive: true });
  if (ref !== null) put(join(folder, 'refs', ref), commit);
  return folder;
}

export interface OllamaModel {
  readonly path: readonly [host: string, namespace: string, model: string, tag: string];
  readonly weights: Uint8Array;
  /** The blob is not there, or under its name while it is loaded. */
  readonly blob?: 'missing' | 'partial';
}

export function pulled(place: string, { path, weights, blob }: OllamaModel): void {
  const layer = (mediaType: string, content: string | Uint8Array): object => {
    const digest = sha256(content);
    const file = join(place, 'blobs', `sha256-${digest}`);
    const isModel = mediaType.endsWith('.model');
    if (!isModel || blob === undefined) put(file, content);
    else if (blob === 'partial') put(`${file}-partial`, content.slice(0, 20));
    return { mediaType, digest: `sha256:${digest}`, size: content.length };
  };
  const manifest = {
    schemaVersion: 2,
    mediaType: 'application/vnd.docker.distribution.manifest.v2+json',
    config: layer('application/vnd.docker.container.image.v1+json', '{"model_format":"gguf"}'),
    layers: [
      layer('application/vnd.ollama.image.model', weights),
      layer('application/vnd.ollama.image.template', '{{ .Prompt }}'),
      layer('application/vnd.ollama.image.license', 'MIT'),
    ],
  };
  put(join(place, 'manifests', ...path), JSON.stringify(manifest));
}

/** All four, with a whole model and broken ones in each. */
export function furnished(home: string): StoreEnvironment {
  const hub = join(home, '.cache', 'huggingface', 'hub');
  const config = JSON.stringify(LLAMA);
  const weights = safetensors({ 'model.norm.weight': { dtype: 'F32', shape: [2], bytes: f32([1, 2]) } });
  const index = JSON.stringify({
    weight_map: { a: 'model-00001-of-00002.safetensors', b: 'model-00002-of-00002.safetensors' },
  });
  cached(hub, 'org/whole', { 'config.json': config, 'model.safetensors': weights });
  cached(hub, 'org/half', {
    'config.json': config,
    'model.safetensors.index.json': index,
    'model-00001-of-00002.safetensors': weights,
  });
  put(join(hub, 'models--org--half', 'blobs', `${sha256('x')}.incomplete`), 'x');
  cached(hub, 'org/config-only', { 'config.json': config });
  cached(hub, 'org/tagged', { 'config.json': config, 'model.safetensors': weights }, { ref: 'v1' });
  cached(hub, 'org/name-GGUF', { 'name-Q8_0.gguf': llamaGguf(), 'mmproj-name.gguf': llamaGguf() });
  // A dataset, a lock and a folder that is none of theirs.
  mkdirSync(join(hub, 'datasets--org--texts', 'snapshots'), { recursive: true });
  mkdirSync(join(hub, '.locks', 'models--org--whole'), { recursive: true });
  mkdirSync(join(hub, 'models--org--broken'), { recursive: true });

  const ollama = join(home, '.ollama', 'models');
  pulled(ollama, { path: ['registry.ollama.ai', 'library', 'llama3', '8b'], weights: llamaGguf() });
  pulled(ollama, {
    path: ['registry.ollama.ai', 'someone', 'tuned', 'latest'],
    weights: Uint8Array.from([...llamaGguf(), 0]),
    blob: 'partial',
  });
  pulled(ollama, { path: ['hf.co', 'org', 'name', 'Q4'], weights: new TextEncoder().encode('no GGUF at all') });
  put(
    join(ollama, 'manifests', 'registry.ollama.ai', 'library', 'broken', 'latest'),
    '{"layers": [{"digest": "../../x"}]}',
  );

  const studio = join(home, '.lmstudio');
  put(join(studio, 'models', 'publisher', 'name-GGUF', 'name-Q4_K_M.gguf'), llamaGguf());
  put(join(studio, 'models', 'mlx-community', 'name-4bit', 'config.json'), config);
  put(join(studio, 'models', 'mlx-community', 'name-4bit', 'model.safetensors'), weights);

  const llama = join(home, '.cache', 'llama.cpp');
  put(join(llama, 'org_name-GGUF_name-Q8_0.gguf'), llamaGguf());
  put(join(llama, 'org_other-GGUF_other.gguf.downloadInProgress'), 'GGUF');
  put(join(llama, 'manifest=org=name-GGUF=latest.json'), '{}');
  return { variables: {}, home, platform: 'linux' };
}
