/** How much reading the headers of a model's weights may fetch: what a question says, and what is kept to. */

interface File {
  readonly path: string;
  readonly bytes: number;
}

/** A piece of a file in parts is at least so long: `LEAST_BYTES` of src/weights/partsFile.ts. */
export const LEAST_HEADER_BYTES = 64 * 1024;
/** Of one of several shards: its length, and what stands behind the header in its last piece. */
const SHARD_BYTES = 2 * LEAST_HEADER_BYTES;
/** An index names each tensor once; a header writes type, shape and place beside the name. */
const HEADER_BY_INDEX = 4;
/** Of a file that no index describes: some hundred thousand tensors. */
const SINGLE_BYTES = 16 * 1024 ** 2;
/** Numbers that some families learn for each layer lie beside the header, each in a piece of its own. */
const SCALARS_BYTES = 8 * 1024 ** 2;
/** Of a GGUF file: its header holds the tokenizer. */
const GGUF_HEADER_BYTES = 16 * 1024 ** 2;

export interface HeaderBytes {
  /** Of all safetensors of the model together, at most. */
  readonly safetensors: number;
  /** Of the largest GGUF file, at most; one is opened at a time. */
  readonly gguf: number;
}

/** @param files Of the model. */
export function headerBytes(files: Iterable<File>): HeaderBytes {
  let [whole, shards, index, gguf] = [0, 0, 0, 0];
  for (const { path, bytes } of files) {
    if (path.endsWith('.safetensors.index.json')) index += bytes;
    else if (path.endsWith('.gguf')) gguf = Math.max(gguf, Math.min(bytes, GGUF_HEADER_BYTES));
    else if (path.endsWith('.safetensors')) {
      whole += bytes;
      shards++;
    }
  }
  const listed = index > 0 ? shards * SHARD_BYTES + HEADER_BY_INDEX * index : shards * SINGLE_BYTES;
  return { safetensors: Math.min(whole, listed + SCALARS_BYTES), gguf };
}

/** What is left of it, for one model. */
export class HeaderBudget {
  private safetensors: number;
  private readonly gguf = new Map<string, number>();

  constructor(files: Iterable<File>) {
    this.safetensors = headerBytes(files).safetensors;
  }

  /** Takes the bytes of a request; false where they are more than was said. */
  take(path: string, bytes: number): boolean {
    const isGguf = path.endsWith('.gguf');
    const left = isGguf ? (this.gguf.get(path) ?? GGUF_HEADER_BYTES) : this.safetensors;
    if (bytes > left) return false;
    if (isGguf) this.gguf.set(path, left - bytes);
    else this.safetensors = left - bytes;
    return true;
  }
}
