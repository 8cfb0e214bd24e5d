/**
 * Real configs with expected bytes, and golden models. What tests need is vendored in test/fixtures/reference (its README says where
 * from); the whole reference may lie beside the checkout, and what only it has is tested where it is, and counted as skipped elsewhere.
 */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { it } from 'vitest';

const checkout = resolve(import.meta.dirname, '../../..');
export const vendored = join(checkout, 'test', 'fixtures', 'reference');

const candidate = process.env['HEADLIGHT_REFERENCE'] ?? resolve(checkout, '../shared/reference');
/** The whole reference, where it is: HEADLIGHT_REFERENCE, or beside the checkout. */
export const besideFolder: string | null = existsSync(join(candidate, 'expected.json')) ? candidate : null;

const ABSENT = 'not here: HEADLIGHT_REFERENCE or HEADLIGHT_GOLDEN names its folder';

/** A file or folder of the reference that is not vendored; null where there is no reference. */
export function besideFile(name: string): string | null {
  const path = join(candidate, name);
  return existsSync(path) ? path : null;
}

/** A test of something that may be absent (see `besideFile`): then it is skipped, and counted. */
export function itWith<T>(thing: T | null, title: string, body: (thing: T) => void | Promise<void>): void {
  if (thing === null) it.skip(`${title} (${ABSENT})`, () => undefined);
  else it(title, () => body(thing));
}

/** What the reference says of a model. */
export interface ExpectedModel {
  readonly model_type: string;
  readonly variant: string;
  readonly num_layers: number;
  readonly smax: number;
  readonly bytes: Readonly<Record<'b1_s1' | 'b1_s4096' | 'b8_s32768' | 'b1_smax', number>>;
  readonly state_bytes: number | null;
  readonly params_transformers?: number;
  readonly params_transformers_text?: number;
  readonly published_params?: number;
}

const expectedIn = (folder: string): Record<string, ExpectedModel> =>
  JSON.parse(readFileSync(join(folder, 'expected.json'), 'utf8')) as Record<string, ExpectedModel>;

/** Vendored models; those that only the reference beside the checkout has follow. */
export const expectedModels: Readonly<Record<string, ExpectedModel>> = {
  ...(besideFolder === null ? {} : expectedIn(besideFolder)),
  ...expectedIn(vendored),
};

/** Names of the models with a config, sorted. */
export function referenceNames(): string[] {
  return Object.keys(expectedModels).sort();
}

/** The text of a model's config.json. */
export function referenceConfig(name: string): string {
  const own = join(vendored, 'configs', name, 'config.json');
  return readFileSync(existsSync(own) ? own : join(candidate, 'configs', name, 'config.json'), 'utf8');
}

/** A golden model: its folder, or null where it is not vendored and the reference is absent. */
export interface GoldenModel {
  readonly name: string;
  readonly modelType: string;
  readonly folder: string | null;
}

/** Golden models of the reference that are not vendored (a lineage has one), with their model types. */
const NOT_VENDORED: Readonly<Record<string, string>> = {
  'falcon-new-decoder': 'falcon',
  'gpt-neox': 'gpt_neox',
  mistral: 'mistral',
  qwen2: 'qwen2',
};

function modelsIn(root: string): GoldenModel[] {
  return readdirSync(root)
    .sort()
    .map((name) => ({ name, folder: join(root, name) }))
    .filter(({ folder }) => existsSync(join(folder, 'config.json')))
    .map(({ name, folder }) => {
      const config = JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8')) as { model_type: string };
      return { name, modelType: config.model_type, folder };
    });
}

/** Golden models: vendored, of the reference, and of HEADLIGHT_GOLDEN (more of the same kind) where it is set. */
export function goldenModels(): readonly GoldenModel[] {
  const roots = [join(vendored, 'golden'), besideFile('golden'), process.env['HEADLIGHT_GOLDEN'] ?? null];
  const found = roots.flatMap((root) => (root === null ? [] : modelsIn(root)));
  const missing = Object.entries(NOT_VENDORED).map(([name, modelType]) => ({ name, modelType, folder: null }));
  const all = [...found, ...missing];
  return all.filter(({ name }, index) => all.findIndex((other) => other.name === name) === index);
}

/** Golden models of these names, in this order; one of HEADLIGHT_GOLDEN that is not there has no folder. */
export function goldenNamed(...names: readonly string[]): readonly GoldenModel[] {
  const all = goldenModels();
  return names.map(
    (name) => all.find((model) => model.name === name) ?? { name, modelType: name.replaceAll('-', '_'), folder: null },
  );
}
