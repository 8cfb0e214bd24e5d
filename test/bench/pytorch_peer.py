"""PyTorch's side of the attention bench: the same tensors and the same arithmetic as the other peers, eager, on the CPU or on a GPU.

A request is a line of JSON on stdin, an answer a line of JSON on stdout. Where PyTorch has more than one way to compute
a case (its fused scaled_dot_product_attention, or the products written out), the faster one is timed.
"""

import json
import sys
import tempfile
import time

import numpy as np
import torch
from torch.nn.functional import linear, scaled_dot_product_attention


def noise(recipe):
    """The numbers of src/compute/seededWeights.ts."""
    count = int(np.prod(recipe["shape"]))
    seed = (recipe["stream"] ^ 0x9E3779B9) & 0xFFFFFFFF
    start = np.uint32((((seed * 0x85EBCA6B) & 0xFFFFFFFF) | 1) & 0xFFFFFFFF)
    a, c = np.uint32(1664525), np.uint32(1013904223)
    with np.errstate(over="ignore"):
        powers = np.full(count, a, dtype=np.uint32)
        np.multiply.accumulate(powers, out=powers)  # a, a², a³ …
        sums = np.empty(count, dtype=np.uint32)  # 1, 1 + a, 1 + a + a² …
        sums[0] = 1
        sums[1:] = powers[:-1]
        np.add.accumulate(sums, out=sums)
        state = powers * start + sums * c
    mixed = (state ^ (state >> np.uint32(15))).view(np.int32)
    values = np.float32(recipe["plus"] + np.float32(mixed * (recipe["scale"] / 2**31)))
    return torch.from_numpy(np.ascontiguousarray(values)).view(recipe["shape"])


def rms_norm(x, weight, epsilon):
    return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + epsilon) * weight


class Rotary:
    def __init__(self, spec, first, count, device, dtype):
        self.dim, self.layout = spec["dim"], spec["layout"]
        frequencies = spec["theta"] ** (-torch.arange(0, self.dim, 2, dtype=torch.float64) / self.dim)
        angles = torch.arange(first, first + count, dtype=torch.float64)[:, None] * frequencies
        self.cos, self.sin = (table.to(device, dtype) for table in (angles.cos(), angles.sin()))

    def __call__(self, x):
        if self.layout == "half":
            a, b = x[..., : self.dim // 2], x[..., self.dim // 2 :]
            return torch.cat([a * self.cos - b * self.sin, b * self.cos + a * self.sin], -1)
        a, b = x[..., 0::2], x[..., 1::2]
        return torch.stack([a * self.cos - b * self.sin, b * self.cos + a * self.sin], -1).flatten(-2)


class Case:
    def __init__(self, request):
        self.device, self.dtype = request.get("device", "cpu"), getattr(torch, request.get("precision", "float32"))
        self.batch = request.get("batch", 1)
        self.layer, self.tokens, self.past_tokens = request["layer"], request["tokens"], request["pastTokens"]
        self.attention, self.core, self.form = self.layer["attention"], request["core"], request["form"]
        self.folded = request["folded"]
        here = lambda recipe: noise(recipe).to(self.device, self.dtype)
        self.weights = {name: here(recipe) for name, recipe in request["weights"].items()}
        self.inputs = {name: here(recipe) for name, recipe in request["inputs"].items()}
        # Room for the new rows, as a cache has it: appending copies nothing of the past.
        self.cache = {}
        for role, recipe in request["past"].items():
            past = here(recipe)
            axis = past.dim() - 2
            shape = list(past.shape)
            shape[axis] += self.tokens
            buffer = torch.zeros(shape, device=self.device, dtype=self.dtype)
            buffer.narrow(axis, 0, self.past_tokens).copy_(past)
            self.cache[role] = buffer
        self.rotary = Rotary(self.layer["rotary"], self.past_tokens, self.tokens, self.device, self.dtype)
        self.mask = None
        self.present_bytes = 0

    def ways(self):
        if self.attention["kind"] == "latent":
            return {self.form: self.absorbed if self.form == "absorbed" else self.expanded}
        fused = {"scaled_dot_product_attention": lambda: self.headed(True)}
        # Scores of all tokens at once: not of a long prompt.
        if self.past_tokens == 0 and self.tokens > 4096:
            return fused
        return {**fused, "products written out": lambda: self.headed(False)}

    def project(self, name):
        return self.inputs[f"core_{name}"] if self.core else linear(self.inputs["hidden"], self.weights[f"{name}.weight"])

    def finish(self, heads):
        rows = heads.transpose(1, 2).reshape(self.batch, self.tokens, -1)
        return rows if self.core else linear(rows, self.weights["o.weight"])

    def append(self, role, fresh):
        """Writes the new rows behind the past; all of them together."""
        if self.past_tokens == 0:
            self.cache[role] = fresh
            return fresh
        buffer = self.cache[role]
        buffer.narrow(buffer.dim() - 2, self.past_tokens, self.tokens).copy_(fresh)
        return buffer

    def headed(self, fused):
        a = self.attention
        heads, groups, key_dim, value_dim = a["queryHeads"], a["kvHeads"], a["keyDim"], a["valueDim"]
        split = lambda x, n, d: x.view(self.batch, self.tokens, n, d).transpose(1, 2)
        q = self.rotary(split(self.project("q"), heads, key_dim))
        k = self.append("key", self.rotary(split(self.project("k"), groups, key_dim)))
        v = self.append("value", split(self.project("v"), groups, value_dim))
        if fused:
            out = scaled_dot_product_attention(q, k, v, is_causal=self.past_tokens == 0, scale=self.layer["scale"], enable_gqa=heads != groups)
            return self.finish(out)
        rows = q.reshape(self.batch, groups, -1, key_dim) * self.layer["scale"]
        scores = rows @ k.transpose(-1, -2)
        if self.past_tokens == 0:
            if self.mask is None:
                self.mask = torch.full((self.tokens, self.tokens), float("-inf"), device=self.device, dtype=self.dtype).triu(1)
            scores = (scores.view(self.batch, heads, self.tokens, -1) + self.mask).view(self.batch, groups, -1, self.tokens)
        return self.finish((scores.softmax(-1) @ v).view(self.batch, heads, self.tokens, value_dim))

    def latent_rows(self):
        a, norms = self.attention, self.layer["latentNorms"]
        rank = a["latentDim"]
        if self.core:
            q, compressed = self.inputs["core_q_b"], self.inputs["core_kv_a"]
        else:
            hidden = self.inputs["hidden"]
            q_a = rms_norm(linear(hidden, self.weights["q_a.weight"]), self.weights["q_a_norm.weight"], norms["query"]["epsilon"])
            q, compressed = linear(q_a, self.weights["q_b.weight"]), linear(hidden, self.weights["kv_a.weight"])
        q = q.view(1, self.tokens, a["queryHeads"], -1).transpose(1, 2)
        nope, rope = q[..., : a["nopeDim"]], self.rotary(q[..., a["nopeDim"] :])
        latent = rms_norm(compressed[..., :rank], self.weights["kv_a_norm.weight"], norms["latent"]["epsilon"])
        rows = self.append("latent", torch.cat([latent, self.rotary(compressed[..., rank:])], -1))
        return nope, rope, rows

    def absorbed(self):
        rank, scale = self.attention["latentDim"], self.layer["scale"]
        nope, rope, rows = self.latent_rows()
        # Folded: W_UK belongs to the projection before, W_UV to the one behind.
        query = self.inputs["core_w_uk"][0] if self.folded else nope[0] @ self.weights["w_uk"]
        q = torch.cat([query, rope[0]], -1) * scale  # [H,T,rank + rope]
        rows = rows[0]
        heads, tokens, width = q.shape
        weights = (q.view(heads * tokens, width) @ rows.T).softmax(-1)
        summed = (weights @ rows[:, :rank]).view(heads, tokens, rank)
        return summed[None] if self.folded else self.finish((summed @ self.weights["w_uv"].transpose(1, 2))[None])

    def expanded(self):
        a, rank = self.attention, self.attention["latentDim"]
        nope, rope, rows = self.latent_rows()
        rows = rows[0]
        expand = lambda w: (rows[:, :rank] @ w.reshape(-1, rank).T).view(rows.shape[0], a["queryHeads"], -1).transpose(0, 1)
        scores = nope[0] @ expand(self.weights["w_uk"]).transpose(1, 2) + rope[0] @ rows[:, rank:].T
        return self.finish(((scores * self.layer["scale"]).softmax(-1) @ expand(self.weights["w_uv"]))[None])


def timed(run, count, device):
    """On a GPU a run has ended when the device says so."""
    wait = torch.cuda.synchronize if device == "cuda" else lambda: None
    times = []
    for _ in range(count):
        wait()
        start = time.perf_counter()
        run()
        wait()
        times.append((time.perf_counter() - start) * 1e3)
    return times


def main():
    run, device = None, "cpu"
    for line in sys.stdin:
        request = json.loads(line)
        try:
            with torch.inference_mode():
                if request["do"] == "prepare":
                    torch.set_num_threads(request["threads"])
                    run = case = None
                    device = request.get("device", "cpu")
                    # float32 shall be float32: TF32 has ten bits of it.
                    torch.backends.cuda.matmul.allow_tf32 = False
                    case = Case(request)
                    ways = case.ways()
                    best = {name: min(timed(way, 3, device)) for name, way in ways.items()}
                    name = min(best, key=best.get)
                    run = ways[name]
                    with tempfile.NamedTemporaryFile(suffix=".f32", delete=False) as file:
                        file.write(run().float().contiguous().cpu().numpy().tobytes())
                    cache = sum(tensor.numel() * tensor.element_size() for tensor in case.cache.values())
                    answer = {"file": file.name, "cacheBytes": cache, "library": f"torch {torch.__version__}", "remark": name}
                    if device == "cuda":
                        answer["library"] += f", {torch.cuda.get_device_name()}"
                else:
                    timed(run, request["warm"], device)
                    answer = {"times": timed(run, request["runs"], device)}
        except Exception as error:  # the other side must get an answer
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


main()
