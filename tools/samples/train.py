"""Trains the four sample models (MHA, GQA, MQA, MLA) and writes them as Hugging Face folders.

Same text, same tokens in the same order, same steps, same optimiser; about the same number of parameters: what the smaller
K and V projections save goes to the MLP. Run:

    python tools/samples/train.py [--steps 750] [--only mha,gqa,mqa,mla] [--out media/samples] [--fixtures test/fixtures/samples]

Needs torch, transformers, tokenizers, safetensors. One thread: the sums, and so the weights, come out the same on the
same machine and versions.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import DeepseekV2Config, DeepseekV2ForCausalLM, LlamaConfig, LlamaForCausalLM

from grammar import NAMES, WORDS, Writer, documents

VOCABULARY = 768
BOS, EOS = 0, 1
TOKENS = 112  # of a training row
PRACTICE = 0.55  # of the steps read nothing but copies
BATCH = 16
LAYERS, WIDTH, HEADS, HEAD_DIM = 4, 96, 8, 16
ROPE_THETA = 1000.0  # contexts are short
SEED = 5
LEARNING_RATE = 6e-3
FIXTURE_TOKENS = 18
TRAIN_SEED, PRACTICE_SEED, HELD_OUT_SEED, TOKENIZER_SEED, HEAD_SEED = 20_001, 40_001, 90_001, 10_001, 70_001
PROMPT = "The American flag is red, white, and blue. Say: Bem Mirola."
# Besides: words of the grammar in other forms, words that it has not, other scripts.
ENCODED = [
    PROMPT,
    "The American flag is red, white, and",
    "The next day is",
    "the red fox sleeps in the park and the old dog sees it",
    "Which Unknown words? Größe 漢字 🙂\n\ttwo  spaces, it's 42",
]


def make_tokenizer() -> Tokenizer:
    """
    Every word of the grammar is one token, with and without a space before it where the grammar has it so. What is no such word (an
    invented name, any other text) is put together from bytes by merges, so that nothing is lost.
    """
    cut = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    texts = documents(TOKENIZER_SEED, 4000, invented=0.0) + documents(TOKENIZER_SEED, 500, practice=True, invented=0.0)
    texts += [text for word in WORDS + NAMES for text in (word, f" {word}")]
    words = sorted({word for text in texts for word, _ in cut.pre_tokenize_str(text) if len(word) > 1})
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    special = ["<s>", "</s>"]

    pieces = Tokenizer(models.BPE())
    pieces.pre_tokenizer = cut
    trainer = trainers.BpeTrainer(vocab_size=VOCABULARY, special_tokens=special, initial_alphabet=alphabet, show_progress=False)
    pieces.train_from_iterator(documents(TOKENIZER_SEED, 2000, invented=1.0), trainer)
    model = json.loads(pieces.to_str())["model"]
    merges = [tuple(pair) for pair in model["merges"]]
    vocabulary = {text: index for text, index in sorted(model["vocab"].items(), key=lambda entry: entry[1]) if index < len(special) + len(alphabet)}
    # As many merges, the first ones, as there is room for beside the words.
    room = VOCABULARY - len(vocabulary)
    while len({a + b for a, b in merges} | set(words)) > room:
        merges.pop()
    for word in [*(a + b for a, b in merges), *words]:
        vocabulary.setdefault(word, len(vocabulary))
    assert len(vocabulary) == VOCABULARY
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=merges, ignore_merges=True))
    tokenizer.add_special_tokens(special)
    tokenizer.pre_tokenizer = cut
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", BOS)])
    assert tokenizer.get_vocab_size() == VOCABULARY
    print(f"{len(words)} words, {len(merges)} merges", flush=True)
    return tokenizer


def rows(tokenizer: Tokenizer, seed: int, count: int, practice: bool = False) -> tuple[torch.Tensor, float]:
    """`count` rows of TOKENS + 1 ids, each beginning with `<s>`, and the bytes of text that a token stands for."""
    made: list[list[int]] = []
    text_bytes = text_tokens = 0
    chunk = 0
    pending: list[int] = []
    while len(made) < count:
        texts = documents(seed + chunk, 200, practice)
        chunk += 1
        for text, encoding in zip(texts, tokenizer.encode_batch(texts)):
            text_bytes += len(text.encode())
            text_tokens += len(encoding.ids) - 1
            pending += encoding.ids
            if len(pending) > TOKENS:
                made.append(pending[: TOKENS + 1])
                pending = []
            else:
                pending.append(EOS)
    return torch.tensor(made[:count]), text_bytes / text_tokens


def common() -> dict:
    return dict(
        vocab_size=VOCABULARY, hidden_size=WIDTH, num_hidden_layers=LAYERS, num_attention_heads=HEADS, hidden_act="silu",
        max_position_embeddings=512, rms_norm_eps=1e-5, tie_word_embeddings=True, bos_token_id=BOS, eos_token_id=EOS,
        attention_bias=False, attention_dropout=0.0, initializer_range=0.03,
    )


def llama(kv_heads: int, intermediate: int):
    config = LlamaConfig(**common(), num_key_value_heads=kv_heads, head_dim=HEAD_DIM, intermediate_size=intermediate, rope_parameters={"rope_type": "default", "rope_theta": ROPE_THETA})
    return LlamaForCausalLM(config)


def latent(rank: int, rope: int, intermediate: int):
    config = DeepseekV2Config(
        **common(), num_key_value_heads=HEADS, kv_lora_rank=rank, q_lora_rank=None, qk_rope_head_dim=rope, qk_nope_head_dim=HEAD_DIM, v_head_dim=HEAD_DIM,
        intermediate_size=intermediate, first_k_dense_replace=LAYERS, n_routed_experts=2, n_shared_experts=1, num_experts_per_tok=1, moe_intermediate_size=8,
        n_group=1, topk_group=1, rope_parameters={"rope_type": "default", "rope_theta": ROPE_THETA},
    )
    return DeepseekV2ForCausalLM(config)


# Cached values of one token and layer: 256, 64, 32, and 56 + 8 = 64 (as GQA).
MODELS = {
    "mha": (lambda: llama(8, 70), 2 * 8 * HEAD_DIM),
    "gqa": (lambda: llama(2, 134), 2 * 2 * HEAD_DIM),
    "mqa": (lambda: llama(1, 145), 2 * 1 * HEAD_DIM),
    "mla": (lambda: latent(56, 8, 63), 56 + 8),
}


def schedule(step: int, steps: int) -> float:
    warmup = 60
    if step < warmup:
        return (step + 1) / warmup
    return 0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * (step - warmup) / (steps - warmup)))


@torch.no_grad()
def held_out_loss(model, data: torch.Tensor) -> float:
    model.eval()
    total = 0.0
    for batch in data.split(32):
        logits = model(batch[:, :-1], use_cache=False).logits
        total += torch.nn.functional.cross_entropy(logits.flatten(0, 1), batch[:, 1:].flatten(), reduction="sum").item()
    model.train()
    return total / (data.shape[0] * TOKENS)


@torch.no_grad()
def head_scores(model, tokenizer: Tokenizer) -> list[list[dict]]:
    """
    Per layer and head, on copies of random words that training never saw ("List: … Again: …"): weight on the token before;
    within the second copy, weight on the token after the first copy's (induction); weight on the first token.
    """
    writer = Writer(HEAD_SEED)
    model.eval()
    model.set_attn_implementation("eager")
    count, sums = 0, None
    for _ in range(24):
        words = " ".join(writer.pick(WORDS) for _ in range(14))
        first = tokenizer.encode(f"List: {words}.").ids
        second = tokenizer.encode(f" Again: {words}.", add_special_tokens=False).ids
        copied = tokenizer.encode(f" {words}.", add_special_tokens=False).ids
        start, again = len(first) - len(copied), len(first) + len(second) - len(copied)
        out = model(torch.tensor([first + second]), output_attentions=True, use_cache=False)
        weights = torch.stack([w[0] for w in out.attentions])  # [layers, heads, T, T]
        queries = torch.arange(again, again + len(copied) - 1)
        induction = weights[:, :, queries, start + 1 + torch.arange(len(copied) - 1)].mean(-1)
        previous = weights.diagonal(-1, dim1=2, dim2=3)[:, :, 1:].mean(-1)
        sink = weights[:, :, 1:, 0].mean(-1)
        found = torch.stack([previous, induction, sink])
        sums = found if sums is None else sums + found
        count += 1
    names = ["previousToken", "induction", "sink"]
    means = (sums / count).permute(1, 2, 0).tolist()
    return [[dict(zip(names, (round(value, 4) for value in head))) for head in layer] for layer in means]


def train(name: str, data: torch.Tensor, held_out: torch.Tensor, steps: int):
    torch.manual_seed(SEED)
    build, cached = MODELS[name]
    model = build()
    parameters = sum(p.numel() for p in model.parameters())
    matrices = [p for n, p in model.named_parameters() if p.dim() > 1 and "embed" not in n]
    rest = [p for n, p in model.named_parameters() if p.dim() <= 1 or "embed" in n]
    optimisers = [
        torch.optim.Muon(matrices, lr=1.0, weight_decay=0.01, momentum=0.95, adjust_lr_fn="match_rms_adamw"),
        torch.optim.AdamW(rest, lr=1.0, betas=(0.9, 0.98), weight_decay=0.0),
    ]
    model.train()
    start, curve = time.time(), []
    for step in range(steps):
        for optimiser in optimisers:
            for group in optimiser.param_groups:
                group["lr"] = LEARNING_RATE * schedule(step, steps)
        batch = data[step * BATCH : (step + 1) * BATCH]
        logits = model(batch[:, :-1], use_cache=False).logits
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), batch[:, 1:].flatten())
        model.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimiser in optimisers:
            optimiser.step()
        if step % 100 == 0 or step == steps - 1:
            curve.append([step, round(loss.item(), 4)])
            print(f"{name} step {step} loss {loss.item():.4f} {time.time() - start:.0f}s", flush=True)
    shorten(model)
    loss = held_out_loss(model, held_out)
    print(f"{name} parameters {parameters} held-out {loss:.4f}", flush=True)
    return model, {"parameters": parameters, "heldOutLoss": round(loss, 5), "cachedValuesPerTokenAndLayer": cached, "curve": curve, "seconds": round(time.time() - start)}


def shorten(model) -> None:
    """Rounds every weight to the 15 leading bits of its fraction: the last byte is 0, and a package compresses it away.

    It moves a weight by 1.5e-5 of itself at most. Ties go to even, as in IEEE 754.
    """
    with torch.no_grad():
        for parameter in model.parameters():
            bits = parameter.view(torch.int32)
            bits.copy_((bits + 0x7F + ((bits >> 8) & 1)) & ~0xFF)


def rounded(tensor: torch.Tensor) -> list[float]:
    return [float(f"{value:.7g}") for value in tensor.flatten().tolist()]


@torch.no_grad()
def fixture(model, tokenizer: Tokenizer) -> dict:
    """What PyTorch computes for PROMPT: ids, logits of the last token, and K, V, weights of every layer (as golden.json)."""
    model.eval()
    model.set_attn_implementation("eager")
    ids = tokenizer.encode(PROMPT).ids[:FIXTURE_TOKENS]
    layers, kept, handles = [], {}, []
    is_latent = hasattr(model.config, "kv_lora_rank")
    for index, block in enumerate(model.model.layers):
        def keep(_module, args, kwargs, output, index=index):
            kept.setdefault(index, {})["output"] = output[0]
        handles.append(block.self_attn.register_forward_hook(keep, with_kwargs=True))
    out = model(torch.tensor([ids]), use_cache=True, output_attentions=True, output_hidden_states=True)
    for handle in handles:
        handle.remove()
    for index in range(LAYERS):
        keys, values = out.past_key_values.layers[index].keys[0], out.past_key_values.layers[index].values[0]
        entry = {}
        if is_latent:
            entry["cache_latent"], entry["cache_latent_shape"] = rounded(keys[0]), list(keys[0].shape)
            entry["cache_rope_key"], entry["cache_rope_key_shape"] = rounded(values[0]), list(values[0].shape)
            keys, values = model.model.layers[index].self_attn.expand_kv(keys[None], values[None])
            keys, values = keys[0], values[0]
        entry["k"], entry["k_shape"] = rounded(keys), list(keys.shape)
        entry["v"], entry["v_shape"] = rounded(values), list(values.shape)
        weights = out.attentions[index][0]
        entry["weights"], entry["weights_shape"] = rounded(weights), list(weights.shape)
        entry["attention_output"] = rounded(kept[index]["output"][0])
        if index + 1 < LAYERS:  # the last entry of hidden_states is after the final norm
            entry["hidden_out"] = rounded(out.hidden_states[index + 1][0])
        layers.append(entry)
    return {"text": tokenizer.decode(ids), "tokens": len(ids), "input_ids": [ids], "layers": layers, "logits_last": rounded(out.logits[0, -1]), "torch": torch.__version__}


def save(name: str, model, tokenizer: Tokenizer, out: Path) -> None:
    folder = out / name
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "<s>", "eos_token": "</s>", "model_max_length": 512, "clean_up_tokenization_spaces": False}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings, indent=2) + "\n")


TITLES = {"mha": "multi-head", "gqa": "grouped-query, 2 KV heads", "mqa": "multi-query", "mla": "multi-head latent"}
DESIGNS = {"mha": "MHA", "gqa": "GQA-2", "mqa": "MQA", "mla": "MLA 56 + 8"}


def readme(results: dict) -> str:
    """The trade-off as measured, whatever came out."""
    lines = [
        "# Sample models",
        "",
        "Four small siblings, trained by `tools/samples/train.py` on text from `tools/samples/grammar.py`: the same text, tokens, steps and",
        f"optimiser ({results['steps']} steps, {results['trainingTokens']:,} tokens), about the same number of parameters; 4 layers, width {WIDTH}, 8 query heads.",
        "Llama layout of Hugging Face for the first three, DeepSeek-V2's for MLA. float32, rounded to 15 bits of the fraction, so that packages",
        "compress better. The text is invented: lists are repeated, facts are",
        "asked for later, some names are made of syllables, so that heads that look back pay; flags of countries are always the same.",
        "",
        f"Each word of the grammar is one token of the {VOCABULARY}, so that a pattern can be read: \"The American flag is red, white, and\" is",
        "`The`, ` American`, ` flag`, ` is`, … Any other text is put together from pieces and bytes, and nothing of it is lost.",
        "",
        "| folder | attention | parameters | cached bytes a token (f32) | held-out loss (nats a token) | best previous-token head | best induction head |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name, result in results["models"].items():
        best = {key: max((head[key], f"L{layer} head {index}") for layer, heads in enumerate(result["heads"]) for index, head in enumerate(heads)) for key in ("previousToken", "induction")}
        scores = " | ".join(f"{score:.2f} ({place})" for score, place in best.values())
        lines.append(f"| `{name}` | {TITLES[name]} | {result['parameters']:,} | {result['cacheBytesPerToken']:,} | {result['heldOutLoss']:.4f} | {scores} |")
    lines += [
        "",
        "Head scores: mean weight on the token before, and, within the second copy of a list of random words, on the token after the first",
        "copy's. One run and one seed each: how far another seed would move a loss was not measured. Curves and all heads:",
        "`results.json`.",
        "",
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=750)
    parser.add_argument("--only", default="mha,gqa,mqa,mla")
    parser.add_argument("--out", type=Path, default=Path("media/samples"))
    parser.add_argument("--fixtures", type=Path, default=Path("test/fixtures/samples"))
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    tokenizer = make_tokenizer()
    practice_rows = int(arguments.steps * PRACTICE) * BATCH
    practised, _ = rows(tokenizer, PRACTICE_SEED, practice_rows, practice=True)
    read, bytes_per_token = rows(tokenizer, TRAIN_SEED, arguments.steps * BATCH - practice_rows)
    data = torch.cat([practised, read])
    held_out, _ = rows(tokenizer, HELD_OUT_SEED, 256)
    print(f"{data.numel()} training tokens, {bytes_per_token:.3f} bytes a token", flush=True)
    arguments.fixtures.mkdir(parents=True, exist_ok=True)
    encodings = [{"text": text, "ids": tokenizer.encode(text).ids} for text in ENCODED]
    (arguments.fixtures / "encodings.json").write_text(json.dumps(encodings, indent=1) + "\n")
    for name in arguments.only.split(","):
        model, result = train(name, data, held_out, arguments.steps)
        save(name, model, tokenizer, arguments.out)
        result["design"] = DESIGNS[name]
        result["cacheBytesPerToken"] = result["cachedValuesPerTokenAndLayer"] * LAYERS * 4
        result["heads"] = head_scores(model, tokenizer)
        (arguments.fixtures / f"{name}.json").write_text(json.dumps(fixture(model, tokenizer), separators=(",", ":")) + "\n")
        path = arguments.out / "results.json"
        results = json.loads(path.read_text()) if path.exists() else {"models": {}}
        results |= {"steps": arguments.steps, "trainingTokens": arguments.steps * BATCH * TOKENS, "textBytesPerToken": round(bytes_per_token, 4), "practiceShare": PRACTICE, "heldOutTokens": 256 * TOKENS, "cacheDtype": "float32", "lossUnit": "nats per token", "torch": torch.__version__}
        results["models"][name] = result
        results["models"] = {known: results["models"][known] for known in MODELS if known in results["models"]}
        path.write_text(json.dumps(results, indent=1) + "\n")
        (arguments.out / "README.md").write_text(readme(results))


if __name__ == "__main__":
    main()
