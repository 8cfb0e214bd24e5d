/** What `architectures` says where `model_type` is missing, or is a slip. */

import { layersRegister } from './register';

/** Class of a model -> the type that its layers are read by. Only names that no other type uses. */
const TYPES: Readonly<Record<string, string>> = {
  DeciLMForCausalLM: 'decilm',
  Grok1ForCausalLM: 'grok-1',
  Grok1ModelForCausalLM: 'grok-1',
  LlamaForCausalLM: 'llama',
  MistralForCausalLM: 'mistral',
  MixtralForCausalLM: 'mixtral',
  Qwen2ForCausalLM: 'qwen2',
  Qwen3ForCausalLM: 'qwen3',
  Qwen3MoeForCausalLM: 'qwen3_moe',
  Gemma2ForCausalLM: 'gemma2',
  Phi3ForCausalLM: 'phi3',
  DeepseekV2ForCausalLM: 'deepseek_v2',
  DeepseekV3ForCausalLM: 'deepseek_v3',
};

/** Classes that engines load whatever the type says: a type of another lineage beside them is a slip. */
const DECIDES: readonly string[] = ['Grok1ForCausalLM', 'Grok1ModelForCausalLM', 'DeciLMForCausalLM'];

/** The type that a file's class stands for, where `model_type` is missing or belongs to another lineage; else null. */
export function typeByArchitecture(architecture: string | null, modelType: string): string | null {
  if (architecture === null || !Object.hasOwn(TYPES, architecture)) return null;
  const type = TYPES[architecture] ?? null;
  if (type === null || modelType === '') return type;
  const [named, own] = [layersRegister.of(type), layersRegister.of(modelType)];
  return DECIDES.includes(architecture) && own !== null && own !== named ? type : null;
}

/** Classes that read all of their input at once, though the type's other classes are decoders. */
const WHOLE_INPUT = /^(?:M|UM|Long)?T5Encoder|^\w+Bidirectional(?:Model|For\w+)$/;

export function readsWholeInput(architecture: string | null): boolean {
  return architecture !== null && WHOLE_INPUT.test(architecture);
}
