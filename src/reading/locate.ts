/** Is this JSON a model config, in which dialect, and where in it does the language model stand? By content only. */

import type { Dialect } from '../model/spec';
import { classDefaultsOf, languageTypeOf } from '../families/classDefaults';
import { layersRegister } from '../families/register';
import type { ConfigDocument } from '../config/document';
import { HEAD_KEYS, HIDDEN_KEYS, LAYER_KEYS } from '../config/spellings';

export interface Location {
  readonly dialect: Dialect;
  /** Path of the object that describes the language model. */
  readonly path: readonly string[];
  /** `model_type` of that object, or of the root where it has none; empty when neither names one. */
  readonly modelType: string;
  /** `model_type` of the root. */
  readonly rootModelType: string;
  /** First entry of `architectures`. */
  readonly architecture: string | null;
}

/** Keys under which multimodal configs keep their language model, in the order in which they are tried. */
export const LANGUAGE_KEYS: readonly (readonly string[])[] = [
  ['text_config'],
  ['llm_config'],
  ['language_config'],
  ['language_model_config'],
  ['thinker_config', 'text_config'],
  ['lm_config'],
  ['text_model_config'],
  ['llm_cfg'],
  ['llm'],
  ['language_model'],
  ['vlm_config', 'text_config'],
  ['decoder_config'],
  ['decoder'],
];

/** Any of these beside a `model_type` makes an object a model config. */
const SIZE_KEYS: readonly string[] = [
  ...LAYER_KEYS,
  ...HEAD_KEYS,
  ...HIDDEN_KEYS,
  'encoder_layers',
  'encoder_layers_num',
  'intermediate_size',
];

/** Null for every JSON that is not a model config: settings, tokenizers, generation configs, packages. */
export function locate(document: ConfigDocument): Location | null {
  if (document.root?.type !== 'object') return null;
  const modelType = stringAt(document, [], 'model_type');
  const architecture = firstArchitecture(document);
  if (architecture === null && (modelType === null || !isKnown(modelType))) {
    // Mistral's newer files name a model_type that is no type of transformers ("transformer").
    const params = locateParams(document);
    if (params || modelType === null) return params;
  }
  const path = languagePath(document);
  // A known class that is left at its defaults names its architecture, at least.
  const byDefault = architecture !== null && modelType !== null && isKnown(languageTypeOf(modelType));
  const described = path.length > 0 || hasKey(document, [], SIZE_KEYS) || byDefault;
  if (!described) return null;
  return {
    dialect: 'huggingface',
    path,
    modelType: languageTypeOf(stringAt(document, path, 'model_type') ?? modelType ?? ''),
    rootModelType: modelType ?? '',
    architecture,
  };
}

function isKnown(modelType: string): boolean {
  return classDefaultsOf(modelType) !== null || layersRegister.of(modelType) !== null;
}

/** Meta's, Mistral's and DeepSeek's own files: `dim`, `n_layers`, `n_heads`, none of Hugging Face's names. */
function locateParams(document: ConfigDocument): Location | null {
  const complete = ['dim', 'n_layers', 'n_heads'].every((key) => hasNumber(document, [], [key]));
  return complete && !hasKey(document, [], ['hidden_size', 'num_hidden_layers'])
    ? { dialect: 'params', path: [], modelType: 'params', rootModelType: 'params', architecture: null }
    : null;
}

/** Where the language model's keys stand. Vision and audio parts use the same key names: no recursive search. */
function languagePath(document: ConfigDocument): readonly string[] {
  const nested = LANGUAGE_KEYS.filter((path) => document.objectAt(path) !== undefined);
  const withLayers = nested.find((path) => hasNumber(document, path, LAYER_KEYS));
  if (withLayers) return withLayers;
  // A class that makes its language model of `text_config` asks the keys around it only where there is none (Fuyu).
  const root = stringAt(document, [], 'model_type');
  const text =
    root !== null && languageTypeOf(root) !== root ? nested.find(([key]) => key === 'text_config') : undefined;
  if (text && hasKey(document, text, SIZE_KEYS)) return text;
  // A root with layers of its own is flat (Qwen2.5-VL); else the nested object leaves its sizes to its class (LLaVA-1.5).
  if (hasNumber(document, [], LAYER_KEYS)) return [];
  return nested.find((path) => path[0] !== 'decoder') ?? nested[0] ?? [];
}

function entryAt(
  document: ConfigDocument,
  path: readonly string[],
  key: string,
): { readonly type: string; readonly value: unknown } | null {
  const object = document.objectAt(path);
  const node = object && document.propertiesOf(object).get(key)?.valueNode;
  return node ? { type: node.type, value: node.value } : null;
}

function stringAt(document: ConfigDocument, path: readonly string[], key: string): string | null {
  const entry = entryAt(document, path, key);
  return entry?.type === 'string' && typeof entry.value === 'string' && entry.value !== '' ? entry.value : null;
}

function hasNumber(document: ConfigDocument, path: readonly string[], keys: readonly string[]): boolean {
  return keys.some((key) => entryAt(document, path, key)?.type === 'number');
}

function hasKey(document: ConfigDocument, path: readonly string[], keys: readonly string[]): boolean {
  return keys.some((key) => entryAt(document, path, key) !== null);
}

function firstArchitecture(document: ConfigDocument): string | null {
  const object = document.root;
  const node = object && document.propertiesOf(object).get('architectures')?.valueNode;
  const first = node?.type === 'array' ? node.children?.[0] : undefined;
  return first?.type === 'string' && typeof first.value === 'string' ? first.value : null;
}
