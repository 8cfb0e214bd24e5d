/** The JSON schema of model configs, from the tables of keys (src/config/keys.ts, keyShapes.ts, otherKeys.ts). */

import { HEAD_KEYS, HIDDEN_KEYS, LAYER_KEYS } from '../../src/config/spellings';
import type { KeyInfo } from '../../src/config/keys';
import { DESCRIBED_KEYS, shapeOf } from '../../src/config/keyShapes';
import { OTHER_KEYS } from '../../src/config/otherKeys';
import { COMPLETED } from '../../src/reading/offers';

type Schema = Readonly<Record<string, unknown>>;

/** Objects of multi-part configs that describe a language model again. */
const NESTED = [
  'text_config',
  'llm_config',
  'language_config',
  'language_model_config',
  'thinker_config',
  'lm_config',
  'text_model_config',
  'llm',
  'language_model',
  'decoder_config',
  'decoder',
];

/**
 * `config.json` and `params.json` are common names: nothing applies until the object says that it is a model config, nothing is
 * required and no key is forbidden.
 */
export function modelConfigSchema(): Schema {
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    $comment: 'Made by tools/schema/write.mjs from src/config/keys.ts and keyShapes.ts; do not edit.',
    if: {
      type: 'object',
      anyOf: [
        {
          required: ['model_type'],
          anyOf: [...LAYER_KEYS, ...HEAD_KEYS, ...HIDDEN_KEYS, ...NESTED].map((key) => ({ required: [key] })),
        },
        { required: ['model_type', 'architectures'] },
        { required: ['dim', 'n_layers', 'n_heads'] },
      ],
    },
    then: { $ref: '#/definitions/languageModel' },
    definitions: {
      languageModel: { properties: { ...keyProperties(), ...nestedProperties() } },
    },
  };
}

function keyProperties(): Record<string, Schema> {
  return Object.fromEntries([
    ...Object.entries(OTHER_KEYS).map(([key, info]) => [key, { description: describe(key, info), doNotSuggest: true }]),
    ...Object.entries(DESCRIBED_KEYS).map(([key, info]) => [key, keySchema(key, info)]),
  ]) as Record<string, Schema>;
}

function nestedProperties(): Record<string, Schema> {
  const nested = { $ref: '#/definitions/languageModel' };
  return {
    ...Object.fromEntries(NESTED.map((key) => [key, { doNotSuggest: true, ...nested }])),
    // Both are objects of their own that hold keys of the table.
    attn_config: { ...keySchema('attn_config', DESCRIBED_KEYS['attn_config'] ?? { text: '' }), ...nested },
    quantization_config: {
      description: OTHER_KEYS['quantization_config']?.text ?? '',
      doNotSuggest: true,
      properties: pick(['kv_cache_scheme', 'kv_cache_quant_algo']),
    },
  };
}

function pick(keys: readonly string[]): Record<string, Schema> {
  return Object.fromEntries(keys.map((key) => [key, keySchema(key, DESCRIBED_KEYS[key] ?? { text: '' })]));
}

function keySchema(key: string, info: KeyInfo): Schema {
  // doNotSuggest: completion comes from the extension, which knows the family and the other values.
  return { description: describe(key, info), ...shape(key), doNotSuggest: true };
}

export function describe(key: string, { text, families }: KeyInfo): string {
  const { deprecated } = shapeOf(key);
  return [
    text,
    families === undefined ? '' : `Used by ${families}.`,
    deprecated === undefined ? '' : `Deprecated: newer files write ${deprecated}.`,
  ]
    .filter((part) => part !== '')
    .join(' ');
}

/** Null is "not given" in every family. Deprecated keys are described, not warned of: nearly every published file has one. */
function shape(key: string): Schema {
  const { type, values } = shapeOf(key);
  // The extension completes the words of some keys itself; they must not be offered twice.
  const offered =
    values && !COMPLETED.includes(key) ? { anyOf: [{ enum: values }, { type: ['string', 'null'] }] } : null;
  switch (type) {
    case 'flag':
      return { type: ['boolean', 'null'] };
    case 'number':
      return { type: ['number', 'null'] };
    case 'text':
      return offered ?? { type: ['string', 'null'] };
    case 'list':
      return { type: ['array', 'null'], ...(offered ? { items: offered } : {}) };
    case 'object':
      return { type: ['object', 'null'] };
    case 'any':
      return {};
    default:
      return { type: ['integer', 'null'] };
  }
}
