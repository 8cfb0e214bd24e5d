import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { KV_DTYPES } from '../../../src/model/dtype';
import { ENGINES } from '../../../src/model/scenario';
import { DEVICES } from '../../../src/serving/hardware';
import { ENGINE_IDS } from '../../../src/shared/engineIds';

interface Manifest {
  readonly contributes: {
    readonly configuration: readonly {
      readonly properties: Readonly<
        Record<string, { readonly enum?: readonly string[]; readonly enumItemLabels?: readonly string[] }>
      >;
    }[];
    readonly languageModelTools: readonly {
      readonly name: string;
      readonly inputSchema: { readonly properties: Readonly<Record<string, { readonly enum?: readonly string[] }>> };
    }[];
  };
}

const { contributes } = JSON.parse(
  readFileSync(resolve(import.meta.dirname, '../../../package.json'), 'utf8'),
) as Manifest;
const settings = Object.assign(
  {},
  ...contributes.configuration.map(({ properties }) => properties),
) as Manifest['contributes']['configuration'][number]['properties'];

describe('the choices that package.json offers are those that the code knows', () => {
  it.each([
    ['headlight.scenario.kvDtype', KV_DTYPES],
    ['headlight.scenario.engine', ENGINES],
    ['headlight.scenario.gpu', DEVICES.map(({ id }) => id)],
  ])('%s', (key, choices) => {
    expect(settings[key]?.enum).toEqual(choices);
  });

  it('headlight.compute.engine', () => {
    expect([...(settings['headlight.compute.engine']?.enum ?? [])].sort()).toEqual(['auto', ...ENGINE_IDS].sort());
  });

  it('with the names of devices', () => {
    expect(settings['headlight.scenario.gpu']?.enumItemLabels).toEqual(DEVICES.map(({ name }) => name));
  });

  it('in the schemas of chat tools, too', () => {
    for (const { name, inputSchema } of contributes.languageModelTools) {
      for (const [key, choices] of [
        ['kvDtype', KV_DTYPES],
        ['engine', ENGINES],
      ] as const) {
        const property = inputSchema.properties[key];
        if (property) expect(property.enum, `${name}.${key}`).toEqual(choices);
      }
    }
  });
});
