/** Whether a Python source may hold a model config: a text search, before anything is scanned or loaded. */

const MAY_HOLD =
  /(?:Config|Args)[ \t]*\(|["'](?:model_type|architectures|n_heads)["']|\bdict\([^)]{0,200}\bmodel_type\b/;

export function mayHoldModel(text: string): boolean {
  return text.length <= MAX_PYTHON_CHARACTERS && MAY_HOLD.test(text);
}

/** Longer sources are left alone. Characters. */
const MAX_PYTHON_CHARACTERS = 262_144;
