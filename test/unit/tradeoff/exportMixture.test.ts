// Models with experts: what is written loads in our own reader as the class that it names, and predicts the same.
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { UNWATCHED } from '../../../src/compute/heads/watch';
import { FLOAT64 } from '../../../src/compute/tradeoff/linear';
import { ResultStore } from '../../../src/compute/tradeoff/resultStore';
import { Sweeper } from '../../../src/compute/tradeoff/sweep';
import { WholePass } from '../../../src/compute/tradeoff/wholePass';
import { isRefused } from '../../../src/insight/tradeoff/result';
import { openModel } from '../../../src/weights/openModel';
import { randomFloats, seeded } from '../attention/support/random';
import { f32, safetensors, temporaryFolder, write } from '../weights/files';

const [HIDDEN, HEADS, KV, DIM, LAYERS, EXPERTS, WIDTH, VOCABULARY] = [16, 4, 2, 8, 2, 4, 12, 40];

type Tensors = Readonly<Record<string, readonly number[]>>;

const PLAIN: Readonly<Record<string, unknown>> = {
  hidden_size: HIDDEN,
  num_hidden_layers: LAYERS,
  num_attention_heads: HEADS,
  num_key_value_heads: KV,
  head_dim: DIM,
  hidden_act: 'silu',
  rms_norm_eps: 1e-5,
  vocab_size: VOCABULARY,
  max_position_embeddings: 64,
  rope_theta: 1000,
  tie_word_embeddings: false,
};

const expert = (base: string, [gate, up, down]: readonly [string, string, string], width = WIDTH): Tensors => ({
  [`${base}.${gate}.weight`]: [width, HIDDEN],
  [`${base}.${up}.weight`]: [width, HIDDEN],
  [`${base}.${down}.weight`]: [HIDDEN, width],
});
const USUAL = ['gate_proj', 'up_proj', 'down_proj'] as const;
const experts = (base: string, names: readonly [string, string, string]): Tensors => ({
  [`${base}.gate.weight`]: [EXPERTS, HIDDEN],
  ...Object.assign({}, ...Array.from({ length: EXPERTS }, (_, e) => expert(`${base}.experts.${e}`, names))),
});
const ATTENTION: Tensors = {
  'self_attn.q_proj.weight': [HEADS * DIM, HIDDEN],
  'self_attn.k_proj.weight': [KV * DIM, HIDDEN],
  'self_attn.v_proj.weight': [KV * DIM, HIDDEN],
  'self_attn.o_proj.weight': [HIDDEN, HEADS * DIM],
  'input_layernorm.weight': [HIDDEN],
  'post_attention_layernorm.weight': [HIDDEN],
};

/** A checkpoint with random weights. @param layer Its tensors besides attention and norms. */
function checkpoint(config: Readonly<Record<string, unknown>>, layer: (index: number) => Tensors): string {
  const folder = temporaryFolder();
  const shapes: Record<string, readonly number[]> = {
    'model.embed_tokens.weight': [VOCABULARY, HIDDEN],
    'model.norm.weight': [HIDDEN],
    'lm_head.weight': [VOCABULARY, HIDDEN],
  };
  for (let index = 0; index < LAYERS; index++)
    for (const [name, shape] of Object.entries({ ...ATTENTION, ...layer(index) }))
      shapes[`model.layers.${index}.${name}`] = shape;
  const next = seeded(18);
  const tensors = Object.fromEntries(
    Object.entries(shapes).map(([name, shape]) => {
      const count = shape.reduce((product, dim) => product * dim, 1);
      const values = [...randomFloats(next, count)].map((value) => (shape.length === 1 ? 1 + value / 4 : value));
      return [name, { dtype: 'F32', shape: [...shape], bytes: f32(values) }];
    }),
  );
  write(folder, 'model.safetensors', safetensors(tensors));
  write(folder, 'config.json', JSON.stringify({ ...PLAIN, ...config }));
  return folder;
}

const IDS = [3, 14, 15, 9, 26, 5, 35, 8, 9, 7, 9, 3];

async function exported(
  folder: string,
  method: string,
): Promise<{ config: Readonly<Record<string, unknown>>; card: string; difference: number; klMean: number }> {
  const model = await openModel(folder);
  const to = join(temporaryFolder(), 'made');
  mkdirSync(to);
  try {
    const pass = new WholePass(model, FLOAT64);
    const ask = {
      name: 'experts',
      ids: IDS,
      text: { name: 'tokens', ofTokens: IDS.length },
      methods: [method],
      alone: false,
    };
    const sweeper = await Sweeper.of(model, pass, new ResultStore(null, null), ask, UNWATCHED);
    await sweeper.exportTo(to);
    const [swept] = (await sweeper.sweep()).methods;
    if (swept === undefined || isRefused(swept)) throw new Error('nothing was measured');
    const made = await openModel(to);
    try {
      const again = await sweeper.sibling('made', made, new WholePass(made, FLOAT64));
      if (isRefused(again)) throw new Error(again.refused);
      return {
        config: JSON.parse(readFileSync(join(to, 'config.json'), 'utf8')) as Readonly<Record<string, unknown>>,
        card: readFileSync(join(to, 'README.md'), 'utf8'),
        difference: Math.abs(again.damage.klMean - swept.damage.klMean),
        klMean: swept.damage.klMean,
      };
    } finally {
      await made.close();
    }
  } finally {
    await model.close();
  }
}

const MIXTRAL = { model_type: 'mixtral', num_local_experts: EXPERTS, num_experts_per_tok: 2, intermediate_size: WIDTH };
const mixtral = (): string => checkpoint(MIXTRAL, () => experts('block_sparse_moe', ['w1', 'w3', 'w2']));

describe('a model with experts', () => {
  it('of Mixtral’s kind is written for MixtralForCausalLM', async () => {
    const { config, card, difference, klMean } = await exported(mixtral(), 'mqa@aligned-pool');
    expect(config).toMatchObject({
      architectures: ['MixtralForCausalLM'],
      num_local_experts: EXPERTS,
      num_experts_per_tok: 2,
      num_key_value_heads: 1,
    });
    expect(klMean).toBeGreaterThan(1e-4);
    expect(difference).toBeLessThan(1e-6);
    expect(card).toMatch(/converted: mqa@aligned-pool/);
  });

  it('with norms on heads and a dense layer is written for Qwen3MoeForCausalLM', async () => {
    const folder = checkpoint(
      {
        model_type: 'qwen3_moe',
        num_experts: EXPERTS,
        num_experts_per_tok: 2,
        moe_intermediate_size: WIDTH,
        intermediate_size: 20,
        norm_topk_prob: true,
        decoder_sparse_step: 1,
        mlp_only_layers: [0],
      },
      (index) => ({
        'self_attn.q_norm.weight': [DIM],
        'self_attn.k_norm.weight': [DIM],
        ...(index === 0 ? expert('mlp', USUAL, 20) : experts('mlp', USUAL)),
      }),
    );
    const { config, difference } = await exported(folder, 'mqa@mean-pool');
    expect(config).toMatchObject({
      architectures: ['Qwen3MoeForCausalLM'],
      mlp_only_layers: [0],
      norm_topk_prob: true,
    });
    expect(difference).toBeLessThan(1e-6);
  });

  it('with sigmoid scores, a correction and shared experts is written as MLA for DeepseekV3ForCausalLM', async () => {
    const folder = checkpoint(
      {
        model_type: 'glm4_moe',
        attention_bias: false,
        use_qk_norm: false,
        partial_rotary_factor: 1,
        n_routed_experts: EXPERTS,
        n_shared_experts: 1,
        num_experts_per_tok: 2,
        moe_intermediate_size: WIDTH,
        intermediate_size: 20,
        first_k_dense_replace: 1,
        norm_topk_prob: true,
        routed_scaling_factor: 1.5,
        n_group: 1,
        topk_group: 1,
      },
      (index) =>
        index === 0
          ? expert('mlp', USUAL, 20)
          : {
              ...experts('mlp', USUAL),
              'mlp.gate.e_score_correction_bias': [EXPERTS],
              ...expert('mlp.shared_experts', USUAL),
            },
    );
    const { config, difference } = await exported(folder, 'mla:16+4@joint-svd');
    expect(config).toMatchObject({
      architectures: ['DeepseekV3ForCausalLM'],
      kv_lora_rank: 17,
      n_routed_experts: EXPERTS,
      first_k_dense_replace: 1,
      routed_scaling_factor: 1.5,
      // Read for any scaled RoPE: the classes stop without it.
      rope_scaling: { rope_type: 'longrope', factor: 1 },
    });
    expect(difference).toBeLessThan(1e-5);
  });

  it('is refused where no published class has its router beside MLA', async () => {
    await expect(exported(mixtral(), 'mla:16+4@joint-svd')).rejects.toThrow(/beside MLA: the weights of a softmax/);
  });
});
