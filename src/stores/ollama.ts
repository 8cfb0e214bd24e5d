/** Ollama's store: manifests that name blobs by what they contain. */

import { join } from 'node:path';
import * as v from 'valibot';
import { readText } from '../weights/modelFolder';

/** `server/internal/manifest` and `manifest/manifest.go` of ollama: what a model is made of. */
const MANIFEST = v.object({
  layers: v.array(
    v.object({
      mediaType: v.string(),
      // `BlobsPath` of manifest/paths.go takes no other.
      digest: v.pipe(v.string(), v.regex(/^sha256[:-][0-9a-fA-F]{64}$/)),
      size: v.pipe(v.number(), v.integer(), v.minValue(0)),
    }),
  ),
});
type Manifest = v.InferOutput<typeof MANIFEST>;
const MOST_MANIFEST_BYTES = 1_000_000;
/** The layer that holds the weights, where they are one GGUF file. */
const MODEL_LAYER = 'application/vnd.ollama.image.model';

/** @throws where it is no manifest */
export async function manifestAt(file: string): Promise<Manifest> {
  return v.parse(v.pipe(v.string(), v.parseJson(), MANIFEST), await readText(file, MOST_MANIFEST_BYTES));
}

export function modelLayer({ layers }: Manifest): Manifest['layers'][number] | undefined {
  return layers.find(({ mediaType }) => mediaType === MODEL_LAYER);
}

export function blobAt(place: string, digest: string): string {
  return join(place, 'blobs', digest.replace(':', '-'));
}

/** The blob of `HOST/NAMESPACE/MODEL:TAG`; null where there is none. */
export async function ollamaBlob(place: string, name: string): Promise<string | null> {
  const [, host = '', namespace = '', model = '', tag = ''] =
    /^([^/:]+)\/([^/:]+)\/([^/:]+):([^/:]+)$/.exec(name) ?? [];
  if (tag === '') return null;
  const manifest = await manifestAt(join(place, 'manifests', host, namespace, model, tag)).catch(() => null);
  const layer = manifest && modelLayer(manifest);
  return layer ? blobAt(place, layer.digest) : null;
}

/** As `ollama list` writes it (`GetShortTagname` of server/modelpath.go). */
export function ollamaName(host: string, namespace: string, model: string, tag: string): string {
  if (host !== 'registry.ollama.ai') return `${host}/${namespace}/${model}:${tag}`;
  return namespace === 'library' ? `${model}:${tag}` : `${namespace}/${model}:${tag}`;
}
