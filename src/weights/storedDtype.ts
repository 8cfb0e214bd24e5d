/** How elements are stored in safetensors. */

/** Element types of safetensors that can be read, with their bytes. */
export const ELEMENT_BYTES = {
  F64: 8,
  F32: 4,
  F16: 2,
  BF16: 2,
  F8_E4M3: 1,
  F8_E5M2: 1,
  I64: 8,
  U64: 8,
  I32: 4,
  U32: 4,
  I16: 2,
  U16: 2,
  I8: 1,
  U8: 1,
  BOOL: 1,
} as const;
export type StoredDtype = keyof typeof ELEMENT_BYTES;

export function isStoredDtype(text: string): text is StoredDtype {
  return Object.hasOwn(ELEMENT_BYTES, text);
}
