/**
 * A walk over a GGUF header before the parser sees it. The parser believes counts and reads zeros behind the end of a
 * file; a walk that allocates nothing and never leaves the file tells whether the header can be true.
 */

import type { RangeFile } from './rangeFile';
import { WeightsError } from './weightsError';

/** Largest header; the parser holds it in memory. */
const MAX_GGUF_HEADER_BYTES = 48_000_000;
const MAX_KEYS = 100_000;
const MAX_TENSORS = 1_000_000;
const MAX_ELEMENTS = 8_000_000;
const MAX_NAME_BYTES = 65_535;
const MAX_STRING_BYTES = 10_000_000;
const MAX_DEPTH = 3;
const MAX_RANK = 4;

/** Bytes of the metadata types of fixed size, by number; 8 is a string, 9 an array. */
const SCALAR_BYTES: ReadonlyMap<number, number> = new Map([
  [0, 1],
  [1, 1],
  [2, 2],
  [3, 2],
  [4, 4],
  [5, 4],
  [6, 4],
  [7, 1],
  [10, 8],
  [11, 8],
  [12, 8],
]);
const STRING = 8;
const ARRAY = 9;

/** U+FEFF in UTF-8. */
const MARK = [0xef, 0xbb, 0xbf];

/** A text of the metadata that begins with U+FEFF, which the parser takes for a byte order mark and drops. */
export interface MarkedText {
  readonly key: string;
  /** In a list of texts. */
  readonly index?: number;
}

/** Sequential reading with bounds. */
class Cursor {
  private buffer: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  private start = 0;
  position = 0;

  constructor(
    private readonly file: RangeFile,
    private readonly fail: (problem: string) => never,
  ) {}

  /** Moves on by `bytes`, which must be in the file and in the limit. */
  skip(bytes: number): void {
    const end = this.position + bytes;
    if (end > this.file.size) this.fail('its header runs past the end of the file');
    if (end > MAX_GGUF_HEADER_BYTES) this.fail(`its header is longer than ${MAX_GGUF_HEADER_BYTES} bytes`);
    this.position = end;
  }

  private async view(bytes: number): Promise<DataView> {
    const at = this.position;
    this.skip(bytes);
    if (at < this.start || at + bytes > this.start + this.buffer.byteLength) {
      this.start = at;
      this.buffer = new Uint8Array(Math.min(262_144, this.file.size - at));
      await this.file.readExact(this.buffer, at);
    }
    return new DataView(this.buffer.buffer, at - this.start, bytes);
  }

  async u32(): Promise<number> {
    return (await this.view(4)).getUint32(0, true);
  }

  /** An unsigned 64-bit number of at most `limit`. */
  async u64(limit: number, what: string): Promise<number> {
    const value = (await this.view(8)).getBigUint64(0, true);
    if (value > BigInt(limit)) this.fail(`it claims ${value} ${what}; the limit is ${limit}`);
    return Number(value);
  }

  async text(limit: number, what: string): Promise<string> {
    const length = await this.u64(limit, what);
    if (length > 0) {
      const view = await this.view(length);
      return new TextDecoder().decode(view);
    }
    return '';
  }

  /** Skips texts; `found` takes the indices of those that begin with a byte order mark. */
  async skipTexts(count: number, found: (index: number) => void): Promise<void> {
    for (let i = 0; i < count; i++) if (this.skipBuffered() ?? (await this.skipText())) found(i);
  }

  private async skipText(): Promise<boolean> {
    const length = await this.u64(MAX_STRING_BYTES, 'bytes in a string');
    const view = length < MARK.length ? null : await this.view(MARK.length);
    this.skip(view === null ? length : length - MARK.length);
    return view !== null && MARK.every((byte, index) => view.getUint8(index) === byte);
  }

  /** A text whose beginning is at hand is skipped without waiting: vocabularies have hundreds of thousands. Else undefined. */
  private skipBuffered(): boolean | undefined {
    const at = this.position - this.start;
    if (at < 0 || at + 8 + MARK.length > this.buffer.byteLength) return undefined;
    const view = new DataView(this.buffer.buffer, at, 8 + MARK.length);
    const length = view.getUint32(0, true);
    if (length > MAX_STRING_BYTES || view.getUint32(4, true) !== 0) return undefined;
    this.skip(8 + length);
    return length >= MARK.length && MARK.every((byte, index) => view.getUint8(8 + index) === byte);
  }
}

/**
 * Checks a header, and finds the texts that the parser does not give back as they are.
 * @throws WeightsError for a header that is cut, has impossible counts, types or nesting, or names something twice.
 */
export async function scanGguf(file: RangeFile): Promise<readonly MarkedText[]> {
  const fail = (problem: string): never => {
    throw new WeightsError({
      file: file.path,
      problem: `${problem}.`,
      fix: 'The file is damaged or not a GGUF file: download it again.',
    });
  };
  if (file.size < 24) fail(`the file has only ${file.size} bytes`);
  const cursor = new Cursor(file, fail);
  if ((await cursor.u32()) !== 0x46554747) fail('it does not begin with "GGUF"');
  const version = await cursor.u32();
  if (version !== 2 && version !== 3)
    fail(
      version === 1 || (version & 0xffff) === 0
        ? 'GGUF version 1 and big-endian files are not read'
        : `GGUF version ${version} is unknown`,
    );
  const tensors = await cursor.u64(MAX_TENSORS, 'tensors');
  const keys = await cursor.u64(MAX_KEYS, 'metadata keys');
  const seen = new Set<string>();
  const budget = { elements: MAX_ELEMENTS };
  const marked: MarkedText[] = [];
  for (let i = 0; i < keys; i++) {
    const key = await cursor.text(MAX_NAME_BYTES, 'bytes in a key');
    if (seen.has(key)) fail('a metadata key occurs twice');
    seen.add(key);
    const found = (index?: number): void => {
      marked.push(index === undefined ? { key } : { key, index });
    };
    await scanValue({ cursor, type: await cursor.u32(), depth: 0, budget, fail, found });
  }
  seen.clear();
  for (let i = 0; i < tensors; i++) {
    const name = await cursor.text(MAX_NAME_BYTES, 'bytes in a tensor name');
    if (seen.has(name)) fail('a tensor name occurs twice');
    seen.add(name);
    const rank = await cursor.u32();
    if (rank > MAX_RANK) fail(`a tensor has ${rank} dimensions`);
    cursor.skip(rank * 8 + 4 + 8);
  }
  return marked;
}

interface Value {
  readonly cursor: Cursor;
  readonly type: number;
  readonly depth: number;
  readonly budget: { elements: number };
  readonly fail: (problem: string) => never;
  /** Takes a text that begins with a byte order mark: its place in a list that is not in another, or none. */
  readonly found: (index?: number) => void;
}

async function scanValue(value: Value): Promise<void> {
  const { cursor, type, depth, budget, fail, found } = value;
  const bytes = SCALAR_BYTES.get(type);
  if (bytes !== undefined) {
    cursor.skip(bytes);
    return;
  }
  if (type === STRING) {
    await cursor.skipTexts(1, () => {
      if (depth === 0) found();
    });
    return;
  }
  if (type !== ARRAY) fail(`metadata type ${type} is unknown`);
  if (depth >= MAX_DEPTH) fail('its metadata is nested too deeply');
  const itemType = await cursor.u32();
  const count = await cursor.u64(1_000_000, 'entries in a list');
  budget.elements -= count;
  if (budget.elements < 0) fail(`its metadata has more than ${MAX_ELEMENTS} values`);
  const itemBytes = SCALAR_BYTES.get(itemType);
  if (itemBytes !== undefined) {
    cursor.skip(count * itemBytes);
  } else if (itemType === STRING) {
    await cursor.skipTexts(count, (index) => {
      if (depth === 0) found(index);
    });
  } else {
    for (let i = 0; i < count; i++) await scanValue({ ...value, type: itemType, depth: depth + 1 });
  }
}
