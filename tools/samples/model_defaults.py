"""Writes src/weights/names/classDefaults.json: what transformers' configuration classes give to absent keys.

    python tools/samples/model_defaults.py > src/weights/names/classDefaults.json

Only scalars, nulls and short lists of declared fields; `aliases` are the classes' attribute maps; `theta` their default RoPE base.
"""

import dataclasses
import json

import transformers
from transformers import CONFIG_MAPPING

TYPES = """llama mistral mixtral qwen2 qwen2_moe qwen3 qwen3_moe gemma gemma2 gemma3_text gemma4_text vaultgemma olmo olmo2 olmo3
olmoe cohere cohere2 granite granitemoe starcoder2 gpt_bigcode gptj gpt_neo codegen gpt_neox opt bloom falcon mpt phi phi3 phimoe
stablelm glm glm4 glm4_moe deepseek_v2 deepseek_v3 minicpm3 youtu gpt_oss smollm3 nemotron persimmon helium ernie4_5 ernie4_5_moe
exaone4 arcee seed_oss hunyuan_v1_dense biogpt xglm dbrx apertus gpt2 ministral ministral3 dots1 llama4_text mimo_v2_flash cwm
bitnet flex_olmo openai-gpt granitemoeshared qwen2_vl_text qwen2_5_vl_text qwen3_vl_text minimax_m2 glm4_moe_lite""".split()
# Neither numbers of the forward pass nor names of weights.
DROP = {
    "use_cache", "initializer_range", "pad_token_id", "bos_token_id", "eos_token_id", "sep_token_id", "chunk_size_feed_forward", "is_encoder_decoder",
    "output_hidden_states", "return_dict", "dtype", "architectures", "id2label", "label2id", "problem_type", "transformers_version", "output_attentions",
    "pretraining_tp", "router_aux_loss_coef", "output_router_logits", "router_z_loss_coef", "decoder_start_token_id", "init_std", "layerdrop", "slow_but_exact",
}


def keep(key: str, value) -> bool:
    if key in DROP or key.startswith(("summary_", "_")) or "dropout" in key or key.endswith("_pdrop"):
        return False
    return value is None or isinstance(value, (bool, int, float, str)) or (isinstance(value, (list, tuple)) and len(value) < 8)


def main() -> None:
    types = {}
    for name in TYPES:
        cls = CONFIG_MAPPING[name]
        values = {}
        for field in dataclasses.fields(cls):
            value = field.default if field.default is not dataclasses.MISSING else (field.default_factory() if field.default_factory is not dataclasses.MISSING else None)
            if keep(field.name, value):
                values[field.name] = value
        entry = {"values": values}
        if cls.attribute_map:
            entry["aliases"] = cls.attribute_map
        entry["theta"] = getattr(cls, "default_theta", 10000.0)
        types[name] = entry
    rows = ",\n".join(f"  {json.dumps(name)}: {json.dumps(entry, separators=(',', ':'))}" for name, entry in types.items())
    print(f'{{\n "source": "transformers {transformers.__version__}",\n "types": {{\n{rows}\n }}\n}}')


if __name__ == "__main__":
    main()
