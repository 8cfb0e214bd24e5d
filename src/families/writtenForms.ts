/** What a config of our own is called: the classes of transformers that load what a conversion writes, without remote code. */

export interface WrittenForm {
  readonly model_type: string;
  readonly architectures: readonly string[];
}

/** K and V per head: `LlamaForCausalLM`. */
export const LLAMA_FORM: WrittenForm = { model_type: 'llama', architectures: ['LlamaForCausalLM'] };
/** The same with a norm on each query and key head: `Qwen3ForCausalLM`. */
export const NORMED_HEADS_FORM: WrittenForm = { model_type: 'qwen3', architectures: ['Qwen3ForCausalLM'] };
/** A latent and a rotary key: `DeepseekV3ForCausalLM`. */
export const LATENT_FORM: WrittenForm = { model_type: 'deepseek_v3', architectures: ['DeepseekV3ForCausalLM'] };
/** As Llama, with experts whose weights are scaled to a sum of 1: `MixtralForCausalLM`. */
export const MIXTURE_FORM: WrittenForm = { model_type: 'mixtral', architectures: ['MixtralForCausalLM'] };
/** With a norm on each head, and dense layers between: `Qwen3MoeForCausalLM`. */
export const NORMED_MIXTURE_FORM: WrittenForm = { model_type: 'qwen3_moe', architectures: ['Qwen3MoeForCausalLM'] };
/** A latent, and experts chosen by softmax, whose weights stay as they are: `DeepseekV2ForCausalLM`. */
export const LATENT_SOFTMAX_FORM: WrittenForm = { model_type: 'deepseek_v2', architectures: ['DeepseekV2ForCausalLM'] };
