/** A model as its files describe it: config read, weights open, every tensor's place known. */

import { type Reading, readModelConfig } from '../reading/read';
import { openGguf } from './gguf';
import { ggufConfig } from './ggufConfig';
import { locateModel, readText } from './modelFolder';
import { configFromTensors, ggufPlan } from './plan/ggufPlan';
import { modelPlanOf } from './plan/modelPlan';
import type { ModelPlan } from './plan/weightPlan';
import { openSafetensors } from './safetensors';
import { folderTokenizer } from './folderTokenizer';
import { tokenizerOfGguf } from './ggufTokenizer';
import type { TextTokenizer } from './textTokenizer';
import { WeightsError } from './weightsError';
import type { WeightStore } from './weightStore';

export interface OpenModel {
  readonly reading: Reading;
  readonly plan: ModelPlan;
  readonly store: WeightStore;
  readonly folder: string;
  /** The model's tokenizer; null where it has none that is understood: token ids only. */
  tokenizer(): Promise<TextTokenizer | null>;
  close(): Promise<void>;
}

/**
 * Opens a model folder, config.json, safetensors or GGUF file.
 * @throws WeightsError when files are missing or damaged, or the model's family is not supported.
 */
export async function openModel(path: string): Promise<OpenModel> {
  const files = await locateModel(path);
  if (files.config === null) return openGgufModel(files.weights, files.folder);
  const reading = readModelConfig(await readText(files.config));
  if (reading === null)
    throw new WeightsError({
      file: files.config,
      problem: 'this is not a model config.',
      fix: "Put the model's own config.json beside its weights.",
    });
  const store = await openSafetensors(files.weights);
  try {
    const plan = await modelPlanOf({ configFile: files.config, reading, store });
    return {
      reading,
      plan,
      store,
      folder: files.folder,
      tokenizer: () => folderTokenizer(files.folder),
      close: () => store.close(),
    };
  } catch (error) {
    await store.close();
    throw error;
  }
}

async function openGgufModel(path: string, folder: string): Promise<OpenModel> {
  const store = await openGguf(path);
  try {
    const config = await configFromTensors(store, ggufConfig(store.metadata));
    const reading = readModelConfig(JSON.stringify(config));
    if (reading === null)
      throw new WeightsError({
        file: path,
        problem: 'its metadata does not describe a language model.',
        fix: 'Name the GGUF file of a language model.',
      });
    const plan = await ggufPlan({ store, architecture: String(store.metadata['general.architecture']), reading });
    const tokenizer = async (): Promise<TextTokenizer | null> => tokenizerOfGguf(path, store.metadata);
    return { reading, plan, store, folder, tokenizer, close: () => store.close() };
  } catch (error) {
    await store.close();
    throw error;
  }
}
