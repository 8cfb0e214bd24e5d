/** The support matrix: a row for each group of model types of one file that can do the same. */

import { isRunnable } from '../src/attention/spec/layerSpec';
import { planCache } from '../src/cache/plan';
import { type EngineRule, ENGINES, UNSHARDED } from '../src/model/scenario';
import { readModelConfig } from '../src/reading/read';
import { blocksRegister, countsRegister, ggufRegister, layersRegister, namesRegister } from '../src/families/register';

/** What a file of src/families exports, as far as the matrix asks. */
export interface FamilyFile {
  readonly name: string;
  readonly modelTypes: readonly string[];
}

/** Model type -> a small config of it. */
export type Samples = Readonly<Record<string, object>>;

const SMALL = { workload: { batch: 1, tokens: 64 }, kvDtype: 'auto', sharding: UNSHARDED } as const;
const YES = '✓';
const NO = '–';

function parametersOf(type: string): string {
  if (blocksRegister.of(type))
    return countsRegister.of(type) ? 'derived, counted where blocks are not known' : 'derived';
  return countsRegister.of(type) ? 'counted' : NO;
}

/** Architectures whose files hold this type; of a type whose heads run, that llama.cpp has none is said. */
function ggufOf(type: string): string {
  const found = ggufRegister.all().filter(({ modelType, alsoOf }) => modelType === type || alsoOf?.includes(type));
  if (found.length === 0) return namesRegister.of(type) ? 'not in llama.cpp' : NO;
  return found.map(({ architecture, rope }) => `\`${architecture}\`${rope === undefined ? ' (cache)' : ''}`).join(', ');
}

/** Whether a layer with weights from a seed can be run: with the family's maths, or as its plain shape; '?' where no config is at hand. */
function seededOf(type: string, samples: Samples): string {
  if (blocksRegister.of(type)) return 'own maths';
  const sample = samples[type];
  if (!sample) return '?';
  const layers = readModelConfig(JSON.stringify(sample))?.spec.layers ?? [];
  return layers.some(({ attention }) => isRunnable(attention)) ? 'plain shape' : NO;
}

/** Engines whose rule for this type's layers is exact; null where no small config of it is at hand. */
function enginesOf(type: string, samples: Samples): string {
  const sample = samples[type];
  const reading = sample && readModelConfig(JSON.stringify(sample));
  if (!reading || !reading.spec.exact || reading.spec.layers.length === 0) return '?';
  const exact = ENGINES.filter((engine: EngineRule) => planCache(reading.spec, { ...SMALL, engine }).exact);
  return exact.length === ENGINES.length ? 'all' : exact.join(', ');
}

/** One Markdown table over all files. */
export function familyMatrix(files: readonly FamilyFile[], samples: Samples): string {
  const lines = [
    '| file | model types | cache | parameters | heads of real weights | seeded heads | GGUF | engines, exact |',
    '|---|---|:-:|---|:-:|---|---|---|',
  ];
  for (const { name, modelTypes } of files) {
    const rows = new Map<string, string[]>();
    for (const type of modelTypes) {
      const cells = [
        layersRegister.of(type) ? YES : NO,
        parametersOf(type),
        namesRegister.of(type) ? YES : NO,
        seededOf(type, samples),
        ggufOf(type),
        enginesOf(type, samples),
      ].join(' | ');
      rows.set(cells, [...(rows.get(cells) ?? []), type]);
    }
    for (const [cells, types] of rows) lines.push(`| ${name} | ${types.join(', ')} | ${cells} |`);
  }
  return lines.join('\n');
}
