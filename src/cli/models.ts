/** `models`: what Hugging Face's cache, Ollama, LM Studio and llama.cpp keep on this machine. Reads configs and headers, no weights. */

import { homedir } from 'node:os';
import { planCache } from '../cache/plan';
import { formatSize } from '../model/units';
import { costText } from '../present/lensText';
import { stateText, storeName } from '../present/storeText';
import { json, line, lines } from '../present/terminal';
import { type Reading, readModelConfig } from '../reading/read';
import { type LocalModel, STORES, type StoreId } from '../shared/storesContract';
import { localModels } from '../stores/localModels';
import { storeEnvironment } from '../stores/storePlaces';
import { type OptionTable, parseArguments, SCENARIO_OPTIONS, scenarioOf } from './arguments';
import { UsageError } from './errors';
import type { CliOutput } from './output';

const MODELS_OPTIONS: OptionTable = { ...SCENARIO_OPTIONS, store: { type: 'string' } };

export async function models(args: readonly string[], output: CliOutput): Promise<number> {
  const { paths, values } = parseArguments(args, MODELS_OPTIONS);
  if (paths.length > 0) throw new UsageError('models takes no PATH: it looks where other programs keep models');
  const stores = storesOf(values['store']);
  const scenario = scenarioOf(values);
  const found = await localModels(storeEnvironment(process.env, homedir(), process.platform), { stores });
  const rows = found.models.map((model) => ({ model, reading: readingOf(model) }));
  const plan = (reading: Reading | null) => reading && planCache(reading.spec, scenario);
  if (values['json'] === true) {
    output.out(
      json({
        models: rows.map(({ model: { config: _, place: __, ...model }, reading }) => ({
          ...model,
          modelType: reading?.spec.modelType ?? null,
          variant: reading?.spec.variant ?? null,
          bytesPerToken: plan(reading)?.bytesPerToken ?? null,
        })),
        problems: found.problems,
        places: found.places,
        cut: found.cut,
      }),
    );
    return 0;
  }
  for (const problem of found.problems) output.err(line(problem));
  if (found.cut)
    output.err(
      line('not everything was searched: there are too many folders to search at once; narrow the search with --store'),
    );
  output.out(
    lines(
      rows.length === 0
        ? [`no models in ${found.places.map(({ path }) => path).join(', ') || 'the folders of these programs'}`]
        : rows.flatMap(({ model, reading }) => {
            const at = plan(reading);
            const design = at
              ? `${at.spec.variant} · ${costText(at)}`
              : (model.problem ?? 'not the config of a language model');
            const state = model.state === 'whole' ? [] : [stateText(model.state)];
            return [
              [storeName(model.store), model.name, design, `${formatSize(model.bytes)} on disk`, ...state].join(' · '),
              `  ${model.path}`,
            ];
          }),
    ),
  );
  return 0;
}

function storesOf(value: string | boolean | undefined): readonly StoreId[] {
  if (typeof value !== 'string') return STORES;
  const store = STORES.find((each) => each.toLowerCase() === value.replaceAll(/[-. ]/g, '').toLowerCase());
  if (!store) throw new UsageError('--store takes huggingface, ollama, lmstudio or llamacpp');
  return [store];
}

function readingOf({ config }: LocalModel): Reading | null {
  return config === null ? null : readModelConfig(config);
}
