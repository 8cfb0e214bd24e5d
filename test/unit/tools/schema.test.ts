import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { DESCRIBED_KEYS } from '../../../src/config/keyShapes';
import { modelConfigSchema } from '../../../tools/schema/modelConfigSchema';

const file = resolve(import.meta.dirname, '../../../media/schema/model-config.schema.json');
type Properties = Record<string, { description?: string; doNotSuggest?: boolean; deprecationMessage?: string }>;
const schema = modelConfigSchema() as {
  definitions: { languageModel: { properties: Properties; required?: unknown; additionalProperties?: unknown } };
  properties?: unknown;
  required?: unknown;
  type?: unknown;
};

describe('the JSON schema of model configs', () => {
  it('is up to date (node tools/schema/write.mjs)', () => {
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(schema);
  });

  it('describes every key of the table, with its families', () => {
    const { properties } = schema.definitions.languageModel;
    for (const [key, { text, families }] of Object.entries(DESCRIBED_KEYS)) {
      expect(properties[key]?.description, key).toContain(text);
      if (families) expect(properties[key]?.description).toContain(families);
    }
  });

  it('says nothing of other files of the same name, requires nothing and forbids nothing', () => {
    expect(schema).not.toHaveProperty('properties');
    expect(schema).not.toHaveProperty('required');
    expect(schema).not.toHaveProperty('type');
    expect(schema.definitions.languageModel).not.toHaveProperty('required');
    expect(schema.definitions.languageModel).not.toHaveProperty('additionalProperties');
  });

  it('leaves completion to the extension, and warns of no key that published files have', () => {
    for (const [key, property] of Object.entries(schema.definitions.languageModel.properties)) {
      expect(property.doNotSuggest, key).toBe(true);
      expect(property.deprecationMessage, key).toBeUndefined();
    }
  });
});
