/**
 * The header of a safetensors file: 8 bytes of length (little-endian), then JSON
 * `{name: {dtype, shape, data_offsets: [start, end]}}`, offsets counted from the end of the header.
 * Everything is checked before it is believed: files come from anywhere.
 */

import { countNames, scanJson, type JsonLimits } from './jsonScan';
import { ELEMENT_BYTES, isStoredDtype } from './storedDtype';
import { shown, WeightsError } from './weightsError';

/** Largest header read; the largest real ones (hundreds of thousands of tensors) have some 30 MB. */
const MAX_HEADER_BYTES = 64 * 1024 * 1024;
const MAX_DIMENSION = 2 ** 32;
const MAX_RANK = 8;
const HEADER_LIMITS: JsonLimits = { maxDepth: 3, maxArrayLength: MAX_RANK, maxNames: 4_000_000 };
/** Members that are parsed at once: objects of many thousands are slow to make and slow to walk. */
const AT_ONCE = 256;

/** Types that other tools write and that have no reader here; listed so that the rest of the file stays usable. */
const FOREIGN_BITS: Readonly<Record<string, number>> = {
  F4: 4,
  F6_E2M3: 6,
  F6_E3M2: 6,
  F8_E8M0: 8,
  F8_E4M3FNUZ: 8,
  F8_E5M2FNUZ: 8,
  C64: 64,
};

export interface HeaderEntry {
  readonly dtype: string;
  readonly shape: readonly number[];
  /** Absolute offset in the file. */
  readonly offset: number;
  readonly bytes: number;
}

export interface SafetensorsHeader {
  readonly entries: ReadonlyMap<string, HeaderEntry>;
  /** What its writer said of the file: `format` is `pt` in most. */
  readonly metadata: Readonly<Record<string, string>>;
}

const DAMAGED = 'The file is damaged or not a safetensors file: download it again.';
const UNREADABLE = 'Headlight does not open such files; convert it with the safetensors library.';

/**
 * Length of the JSON part, from the file's first 8 bytes.
 * @throws WeightsError when it cannot be true.
 */
export function headerLength(file: string, prefix: Uint8Array, fileSize: number): number {
  const fail = (problem: string): never => {
    throw new WeightsError({ file, problem, fix: DAMAGED });
  };
  if (prefix.byteLength < 8)
    return fail(`the file has only ${fileSize} bytes; a safetensors file begins with 8 bytes of length and a header.`);
  const length = new DataView(prefix.buffer, prefix.byteOffset, 8).getBigUint64(0, true);
  if (length > BigInt(Math.max(0, fileSize - 8)))
    return fail(`its header claims ${length} bytes, but the file has ${fileSize}.`);
  if (length > BigInt(MAX_HEADER_BYTES)) {
    throw new WeightsError({
      file,
      problem: `its header claims ${length} bytes; the limit is ${MAX_HEADER_BYTES}.`,
      fix: UNREADABLE,
    });
  }
  if (length < 2n) return fail('its header is empty.');
  return Number(length);
}

/**
 * Tensors by name, and the file's metadata.
 * @param json The header's JSON bytes.
 * @throws WeightsError for invalid JSON, duplicate names, unknown or disagreeing dtype, shape and length, tensors that
 *   overlap, leave holes, or end outside the file, and bytes behind the last tensor.
 */
export function parseHeader(file: string, json: Uint8Array, fileSize: number): SafetensorsHeader {
  const dataStart = 8 + json.byteLength;
  const dataBytes = fileSize - dataStart;
  const entries = new Map<string, HeaderEntry>();
  let metadata: unknown;
  for (const [name, value] of membersOf(file, json)) {
    if (name === '__metadata__') metadata = value;
    else entries.set(name, parseEntry(file, name, value, dataStart, dataBytes));
  }
  checkLayout(file, entries, dataStart, fileSize);
  return { entries, metadata: textsOf(metadata) };
}

/** What `Object.entries` of `parseObject` would give, and its errors, some members at a time. */
function* membersOf(file: string, json: Uint8Array): Generator<[name: string, value: unknown]> {
  const fail = (problem: string, cause?: unknown): never => {
    throw new WeightsError({ file, problem, fix: DAMAGED, cause });
  };
  const [start, end] = [json.indexOf(OPEN), json.lastIndexOf(CLOSE)];
  // No object, or more than one: said as of any other JSON.
  if (start < 0 || end < start || !isBlank(json.subarray(0, start)) || !isBlank(json.subarray(end + 1)))
    return yield* Object.entries(parseObject(file, json, HEADER_LIMITS, 'header'));
  const commas: number[] = [];
  const scan = scanJson(json, HEADER_LIMITS, commas);
  if (scan.problem !== null) return fail(`its header is not usable: ${scan.problem}.`);
  const seen = new Set<string>();
  let names = 0;
  for (let first = 0; first <= commas.length; first += AT_ONCE) {
    const from = first === 0 ? start + 1 : (commas[first - 1] ?? end) + 1;
    const members = json.subarray(from, commas[first + AT_ONCE - 1] ?? end);
    // Nothing between two commas, or behind the last one.
    if (commas.length > 0 && isBlank(members)) return fail('its header is not valid JSON.');
    let part: Record<string, unknown> = {};
    try {
      const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(members);
      part = JSON.parse(`{${text}}`) as Record<string, unknown>;
    } catch (error) {
      return fail('its header is not valid JSON.', error);
    }
    names += countNames(part);
    for (const member of Object.entries(part)) {
      if (seen.has(member[0])) return fail('its header has the same name twice.');
      seen.add(member[0]);
      yield member;
    }
  }
  if (names !== scan.names) return fail('its header has the same name twice.');
}

const OPEN = 0x7b;
const CLOSE = 0x7d;

/** JSON's white space, and no other. */
function isBlank(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0x20 || (byte >= 0x09 && byte <= 0x0a) || byte === 0x0d);
}

/** `__metadata__` holds texts; what is none is left out. */
function textsOf(value: unknown): Readonly<Record<string, string>> {
  if (!isObject(value)) return {};
  return Object.fromEntries(
    Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );
}

/**
 * Bounded JSON.parse to an object without duplicate names.
 * @param what "header" or "index", for the message.
 * @param duplicates True where names may occur twice (the last counts).
 */
export function parseObject(
  file: string,
  json: Uint8Array,
  limits: JsonLimits,
  what: string,
  duplicates = false,
): Record<string, unknown> {
  const fail = (problem: string, cause?: unknown): never => {
    throw new WeightsError({ file, problem, fix: DAMAGED, cause });
  };
  const scan = scanJson(json, limits);
  if (scan.problem !== null) return fail(`its ${what} is not usable: ${scan.problem}.`);
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(json));
  } catch (error) {
    return fail(`its ${what} is not valid JSON.`, error);
  }
  if (!isObject(value)) return fail(`its ${what} is not a JSON object.`);
  if (!duplicates && countNames(value) !== scan.names) return fail(`its ${what} has the same name twice.`);
  return value;
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isSize(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function parseEntry(file: string, name: string, value: unknown, dataStart: number, dataBytes: number): HeaderEntry {
  const fail = (problem: string): never => {
    throw new WeightsError({ file, tensor: name, problem, fix: DAMAGED });
  };
  if (!isObject(value)) return fail('its header entry is not an object.');
  const { dtype, shape, data_offsets: offsets } = value;
  if (typeof dtype !== 'string') return fail('its header entry has no dtype.');
  const bits = isStoredDtype(dtype)
    ? ELEMENT_BYTES[dtype] * 8
    : Object.hasOwn(FOREIGN_BITS, dtype)
      ? FOREIGN_BITS[dtype]
      : undefined;
  if (bits === undefined) return fail(`its dtype ${shown(dtype)} is unknown.`);
  if (!Array.isArray(shape) || !shape.every(isSize)) return fail('its shape is not a list of sizes.');
  if (shape.some((size) => size > MAX_DIMENSION)) return fail('its shape has a dimension above 2^32.');
  const elements = shape.reduce((product, size) => product * size, 1);
  if (!Number.isSafeInteger(elements * bits)) return fail('its shape has more elements than any file can hold.');
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isSize))
    return fail('its data_offsets are not two positions.');
  const [start, end] = offsets as [number, number];
  if (start > end) return fail('its data_offsets run backwards.');
  if (end - start !== Math.ceil((elements * bits) / 8)) {
    return fail(
      `its shape [${shape.join(', ')}] of ${dtype} needs ${(elements * bits) / 8} bytes, but its data_offsets span ${end - start}.`,
    );
  }
  if (end > dataBytes) {
    throw new WeightsError({
      file,
      tensor: name,
      problem: `its data ends ${end - dataBytes} bytes past the end of the file.`,
      fix: 'The file is truncated: download it again.',
    });
  }
  return { dtype, shape, offset: dataStart + start, bytes: end - start };
}

/** The format has neither overlaps nor holes; hidden bytes are a sign of damage or worse. */
function checkLayout(
  file: string,
  entries: ReadonlyMap<string, HeaderEntry>,
  dataStart: number,
  fileSize: number,
): void {
  const byOffset = [...entries].sort(([, a], [, b]) => a.offset - b.offset || a.bytes - b.bytes);
  let position = dataStart;
  for (const [name, entry] of byOffset) {
    if (entry.offset < position)
      throw new WeightsError({
        file,
        tensor: name,
        problem: 'its data overlaps that of another tensor.',
        fix: DAMAGED,
      });
    if (entry.offset > position) {
      throw new WeightsError({
        file,
        tensor: name,
        problem: `${entry.offset - position} bytes before its data belong to no tensor.`,
        fix: DAMAGED,
      });
    }
    position += entry.bytes;
  }
  if (position !== fileSize) {
    throw new WeightsError({
      file,
      problem: `its last ${fileSize - position} bytes belong to no tensor.`,
      fix: DAMAGED,
    });
  }
}
