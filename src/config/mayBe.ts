/** Tells model configs from every other JSON by a text search: others are never parsed. */

/** A model config has one of these. */
const TELLTALE = /"(?:model_type|architectures|n_heads)"/;

/** False for a text that is certainly no model config; cheap. */
export function mayBeModelConfig(text: string): boolean {
  return TELLTALE.test(text);
}
