/** Bytes of texts, and GPT-2's way to write bytes as characters. */

const encoder = new TextEncoder();

/** UTF-8. */
export function bytesOf(text: string): Uint8Array {
  return encoder.encode(text);
}

const isPrinted = (byte: number): boolean => (byte > 32 && byte < 127) || (byte > 160 && byte !== 173);

/** A character for each byte: those that print stand for themselves, the others for U+0100 onwards (GPT-2's `bytes_to_unicode`). */
const CHARACTERS: readonly string[] = (() => {
  let further = 256;
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(isPrinted(byte) ? byte : further++));
})();

const BYTES: ReadonlyMap<string, number> = new Map(CHARACTERS.map((character, byte) => [character, byte]));

/** A text with each byte as a character. */
export function byteCharacters(text: string): string {
  let written = '';
  for (const byte of bytesOf(text)) written += CHARACTERS[byte] as string;
  return written;
}

/** Bytes of a token in such characters. Others, which no such token has, are taken as they are. */
export function bytesOfCharacters(token: string): Uint8Array {
  return Uint8Array.from(
    [...token].flatMap((character) => {
      const byte = BYTES.get(character);
      return byte === undefined ? [...bytesOf(character)] : [byte];
    }),
  );
}

/** How a token that stands for a byte is written: `<0x0A>`. */
export function byteToken(byte: number): string {
  return `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`;
}

/** The byte of such a token; null for others. */
export function byteOfToken(token: string): number | null {
  const digits = /^<0x([0-9A-Fa-f]{2})>$/.exec(token)?.[1];
  return digits === undefined ? null : parseInt(digits, 16);
}
