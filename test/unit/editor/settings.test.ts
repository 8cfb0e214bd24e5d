import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { KV_DTYPES } from '../../../src/model/dtype';
import { ENGINES } from '../../../src/model/scenario';
import { parseEngine } from '../../../src/cache/engines/choose';
import { readEngineOptions } from '../../../src/cache/engines/parseOptions';
import { allocationRule } from '../../../src/cache/engines/register';
import { engineEnum, engineOptionsSchema, writeEngines } from '../../../tools/schema/engineSettings';
import { DEVICES } from '../../../src/serving/hardware';
import { ENGINE_IDS } from '../../../src/shared/engineIds';

interface ValueSchema {
  readonly default?: unknown;
  readonly description: string;
  readonly enum?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
}

interface EngineSchema {
  readonly additionalProperties: boolean;
  readonly properties: Readonly<Record<string, ValueSchema>>;
}

interface Manifest {
  readonly contributes: {
    readonly configuration: readonly {
      readonly properties: Readonly<
        Record<
          string,
          {
            readonly enum?: readonly string[];
            readonly enumItemLabels?: readonly string[];
            readonly properties?: Readonly<Record<string, EngineSchema>>;
          }
        >
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
    ['headlight.scenario.engine', engineEnum().enum],
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
        ['engine', engineEnum().enum],
      ] as const) {
        const property = inputSchema.properties[key];
        if (property) expect(property.enum, `${name}.${key}`).toEqual(choices);
      }
    }
  });
});

describe('of engines package.json says what their rules declare', () => {
  const schema = settings['headlight.scenario.engineOptions']?.properties ?? {};

  it('word for word: npm run generate would change nothing', () => {
    const text = readFileSync(resolve(import.meta.dirname, '../../../package.json'), 'utf8');
    const written = JSON.parse(text) as Parameters<typeof writeEngines>[0];
    writeEngines(written);
    expect(written).toEqual(JSON.parse(text));
    expect(schema).toEqual(engineOptionsSchema());
  });

  it('every engine and release, and every option of every engine that has some, and no other', () => {
    const named = engineEnum().enum;
    for (const text of named) expect(parseEngine(text).engine, text).not.toBeNull();
    for (const id of ENGINES) {
      const { releases, options } = allocationRule(id);
      expect(named).toContain(id);
      if (id !== 'intrinsic') for (const release of releases) expect(named).toContain(`${id}@${release.id}`);
      expect(Object.keys(schema[id]?.properties ?? {})).toEqual(options.map(({ name }) => name));
      if (options.length > 0) expect(schema[id]?.additionalProperties).toBe(false);
    }
  });

  it('defaults and bounds that the code takes, and no value beyond them', () => {
    const cases = ENGINES.flatMap((id) =>
      Object.entries(schema[id]?.properties ?? {}).map(([name, value]) => ({ rule: allocationRule(id), name, value })),
    );
    expect(cases.length).toBeGreaterThan(15);
    for (const { rule, name, value } of cases) {
      const taken = (given: unknown): boolean => readEngineOptions(rule, { [name]: given }).problems.length === 0;
      const { minimum, maximum, exclusiveMinimum } = value;
      for (const good of [value.default, minimum, maximum, ...(value.enum ?? [])])
        if (good !== undefined) expect(taken(good), `${rule.id} ${name} ${String(good)}`).toBe(true);
      const beyond = [minimum === undefined ? undefined : minimum - 1, maximum === undefined ? undefined : maximum + 1];
      for (const bad of [...beyond, exclusiveMinimum, { not: 'a value' }])
        if (bad !== undefined) expect(taken(bad), `${rule.id} ${name} ${String(bad)}`).toBe(false);
      expect(value.description).toMatch(/^[A-Z].*\. Default: .+\.$/);
    }
  });
});
