/** A writer of protocol buffer messages: fields are collected as pieces and joined once. */

const VARINT = 0;
const LENGTH_DELIMITED = 2;
const FIXED32 = 5;

export class MessageWriter {
  private readonly pieces: Uint8Array[] = [];
  /** Bytes of the message so far. */
  byteLength = 0;

  varint(field: number, value: number | bigint): this {
    return this.push(varintBytes((field << 3) | VARINT)).push(varintBytes(value));
  }

  float(field: number, value: number): this {
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setFloat32(0, value, true);
    return this.push(varintBytes((field << 3) | FIXED32)).push(bytes);
  }

  /** A string in UTF-8. */
  string(field: number, value: string): this {
    return this.bytes(field, utf8(value));
  }

  /** Bytes as they are: not copied until `finish`. */
  bytes(field: number, value: Uint8Array): this {
    return this.header(field, value.byteLength).push(value);
  }

  message(field: number, message: MessageWriter): this {
    this.header(field, message.byteLength);
    for (const piece of message.pieces) this.push(piece);
    return this;
  }

  /** Repeated integers, packed. */
  packedVarints(field: number, values: readonly number[]): this {
    const content = new MessageWriter();
    for (const value of values) content.push(varintBytes(value));
    return this.message(field, content);
  }

  /** Repeated floats, packed. */
  packedFloats(field: number, values: readonly number[]): this {
    const bytes = new Uint8Array(values.length * 4);
    const view = new DataView(bytes.buffer);
    values.forEach((value, i) => {
      view.setFloat32(i * 4, value, true);
    });
    return this.bytes(field, bytes);
  }

  finish(): Uint8Array {
    const result = new Uint8Array(this.byteLength);
    let offset = 0;
    for (const piece of this.pieces) {
      result.set(piece, offset);
      offset += piece.byteLength;
    }
    return result;
  }

  private header(field: number, length: number): this {
    return this.push(varintBytes((field << 3) | LENGTH_DELIMITED)).push(varintBytes(length));
  }

  private push(piece: Uint8Array): this {
    this.pieces.push(piece);
    this.byteLength += piece.byteLength;
    return this;
  }
}

/** Base-128 little endian; negative numbers as 64-bit two's complement. */
function varintBytes(value: number | bigint): Uint8Array {
  let rest = BigInt.asUintN(64, BigInt(value));
  const bytes: number[] = [];
  while (rest > 127n) {
    bytes.push(Number(rest & 127n) | 128);
    rest >>= 7n;
  }
  bytes.push(Number(rest));
  return Uint8Array.from(bytes);
}

/** UTF-8 without TextEncoder, which this folder's runtime does not promise. */
function utf8(text: string): Uint8Array {
  const bytes: number[] = [];
  for (const char of text) {
    // A character is a code point.
    const code = char.codePointAt(0) as number;
    if (code < 0x80) bytes.push(code);
    else if (code < 0x800) bytes.push(0xc0 | (code >> 6), 0x80 | (code & 63));
    else if (code < 0x10000) bytes.push(0xe0 | (code >> 12), 0x80 | ((code >> 6) & 63), 0x80 | (code & 63));
    else bytes.push(0xf0 | (code >> 18), 0x80 | ((code >> 12) & 63), 0x80 | ((code >> 6) & 63), 0x80 | (code & 63));
  }
  return Uint8Array.from(bytes);
}
