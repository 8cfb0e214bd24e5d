/** What `architectures` says where `model_type` is missing, or is a slip. */

import { layersRegister } from './register';

/**
 * Class of a model -> the type that its layers are read by, where the class does not have the type's name. Only names that no other
 * type uses. vLLM main 2026-08-14 model_executor/models/registry.py and SGLang 0.5.15 srt/models (EntryClass).
 */
// biome-ignore format: names fill their lines
const TYPES: Readonly<Record<string, string>> = {
  BailingMoeV2_5: 'bailing_hybrid', BailingMoeV3: 'bailing_hybrid', CohereMoe: 'cohere2_moe', Grok1Model: 'grok-1',
  GritLM: 'mistral', GteNew: 'new', HunYuanDenseV1: 'hunyuan_v1_dense', HunYuanMoEV1: 'hunyuan_v1_moe',
  MiniMaxM3Sparse: 'minimax_m3', MistralLarge3: 'deepseek_v3', NemotronHPuzzle: 'nemotron_h',
  PanguProMoEV2: 'pangu_pro_moe_v2', Pixtral: 'mistral', QuantMixtral: 'mixtral', RW: 'falcon', TorchNativeLlama: 'llama',
  TorchNativePhi3: 'phi3',
};

/** Classes that engines load whatever the type says: a type of another lineage beside them is a slip. */
const DECIDES: readonly string[] = ['Grok1', 'Grok1Model', 'DeciLM'];

/** What follows a model's name in the name of a class. */
const ENDS =
  /(?:For(?:CausalLM(?:Eagle3?|NextN|MTP)?|ConditionalGeneration|SequenceClassification\w*|TokenClassification|RewardModel|ProcessRewardModel|Classification|MaskedLM)|LMHeadModel|ModelLM|EmbeddingModel|Model|MTP(?:Model)?)$/;
const DRAFTS = /^P?[Ee]agle3?(?=[A-Z])/;

/** Names without what types and classes write differently: `Qwen3_5Moe`, `qwen3_5_moe`. */
function plain(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9]/g, '');
}

let byName: ReadonlyMap<string, string> | null = null;

/** Types by their plain names; of several with one name, the first. */
function typesByName(): ReadonlyMap<string, string> {
  if (byName) return byName;
  const found = new Map<string, string>();
  for (const type of layersRegister.keys()) {
    const name = plain(type);
    for (const spelling of [name, name.replace(/text(?:model)?$/, '')])
      if (!found.has(spelling)) found.set(spelling, type);
  }
  byName = found;
  return found;
}

/** The model's name in a class's name. */
function stemOf(architecture: string): string {
  return architecture.replace(DRAFTS, '').replace(ENDS, '');
}

/** The type that a file's class stands for, where `model_type` is missing or belongs to another lineage; else null. */
export function typeByArchitecture(architecture: string | null, modelType: string): string | null {
  if (architecture === null) return null;
  const stem = stemOf(architecture);
  const type = Object.hasOwn(TYPES, stem) ? (TYPES[stem] ?? null) : (typesByName().get(plain(stem)) ?? null);
  if (type === null || modelType === '') return type;
  const [named, own] = [layersRegister.of(type), layersRegister.of(modelType)];
  return DECIDES.includes(stem) && own !== null && own !== named ? type : null;
}

/** Classes whose engines drop what the file alone would keep. */
const DROPS: Readonly<Record<string, string>> = {
  UnlimitedOCRForCausalLM: 'all tokens of the prompt are kept, but only the last rswa_window generated ones',
};

export function droppedBy(architecture: string | null): string | null {
  return architecture !== null && Object.hasOwn(DROPS, architecture) ? (DROPS[architecture] ?? null) : null;
}

/** Classes that read all of their input at once, though the type's other classes are decoders. */
const WHOLE_INPUT = /^(?:M|UM|Long)?T5Encoder|^\w+Bidirectional(?:Model|For\w+)$/;

export function readsWholeInput(architecture: string | null): boolean {
  return architecture !== null && WHOLE_INPUT.test(architecture);
}
