/**
 * A converted model as files that published classes load: Llama's (or Qwen3's, with its norms on heads) for pooled heads, DeepSeek-V3's for MLA, Mixtral's, Qwen3-MoE's and
 * DeepSeek-V2's with experts. A file for each layer, written as it is converted, so that memory stays that of one layer.
 */

import { copyFile, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { BlockSpec } from '../../attention/spec/blockSpec';
import { feedForwardWeights } from '../../attention/spec/weightNames';
import { LATENT_FORM, LLAMA_FORM, NORMED_HEADS_FORM, type WrittenForm } from '../../families/writtenForms';
import { type LayerNumbers, need } from '../../insight/conversion/layerRows';
import { ConversionRefused } from '../../insight/conversion/target';
import { fromLatent } from '../../insight/conversion/latent';
import { transpose } from '../../insight/matrix';
import type { Damage } from '../../insight/tradeoff/damage';
import type { LayerMethod } from '../../insight/tradeoff/method';
import { isHeaded, type ModelLayer } from '../../insight/tradeoff/modelLayer';
import { elementAt } from '../../model/elementAt';
import type { OpenModel } from '../../weights/openModel';
import { LayerReader } from '../heads/layerReader';
import { floats } from '../heads/tokenAxis';
import { normConstant, withConstant } from './constantDim';
import {
  headedMixture,
  latentMixture,
  type Mixture,
  mixtureOf,
  mixtureTensors,
  type Named,
  oddMixture,
} from './exportMixture';

type Numbers = Float32Array | Float64Array;

export interface ExportCard {
  readonly model: string;
  readonly method: string;
  readonly text: string;
  readonly damage: Damage;
  readonly bytesPerToken: { readonly before: number; readonly after: number };
  readonly notes: readonly string[];
}

/** Names of the block's weights in the published classes, behind `model.layers.N.`. */
const NAMES: Readonly<Record<string, string>> = {
  norm_attention: 'input_layernorm',
  norm_feed_forward: 'post_attention_layernorm',
  gate_proj: 'mlp.gate_proj',
  up: 'mlp.up_proj',
  down: 'mlp.down_proj',
};
const TOKENIZER_FILES = [
  'tokenizer.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'tokenizer.model',
  'generation_config.json',
];

export class ModelExport {
  private readonly files: Record<string, string> = {};
  private bytes = 0;
  private config: Readonly<Record<string, unknown>> | null = null;

  private constructor(
    private readonly model: OpenModel,
    private readonly folder: string,
    private readonly originalConfig: Readonly<Record<string, unknown>>,
    private readonly mixture: Mixture | null,
  ) {}

  /** @throws ConversionRefused where no published class has what such a model would be. */
  static async of(model: OpenModel, folder: string, methods: readonly LayerMethod[]): Promise<ModelExport> {
    assertPlain(model);
    const [first] = methods;
    if (methods.some(({ design }) => design.kind === 'share'))
      throw new ConversionRefused('no published class has layers that share a cache and keep their own queries so');
    if (first === undefined || methods.some((method) => JSON.stringify(method.design) !== JSON.stringify(first.design)))
      throw new ConversionRefused('layers with different designs have no published class: give all layers one design');
    const mixture = mixtureOf(model.plan.layers.map(({ block }) => block));
    await mkdir(folder, { recursive: true });
    return new ModelExport(model, folder, await originalConfig(model), mixture);
  }

  /** Writes a layer as it was run. */
  async layer(index: number, layer: ModelLayer, weights: LayerNumbers): Promise<void> {
    const { block } = elementAt(this.model.plan.layers, index);
    const attention = isHeaded(layer) ? headedTensors(layer) : latentTensors(layer, block, weights);
    const config = isHeaded(layer) ? this.headedConfig(layer, block) : this.latentConfig(layer, block);
    if (this.config !== null && JSON.stringify(this.config) !== JSON.stringify(config.keys))
      throw new ConversionRefused(
        `layer ${index} is of another shape than those before it: no published class has such layers`,
      );
    this.config = config.keys;
    const others = Object.entries(NAMES).flatMap(([own, name]): Named[] => {
      const data = weights.get(`${own}.weight`);
      if (data === undefined) return [];
      const width = own.startsWith('norm')
        ? data.length
        : own === 'down'
          ? data.length / block.layer.hiddenSize
          : block.layer.hiddenSize;
      const shape = own.startsWith('norm') ? [data.length] : [data.length / width, width];
      return [{ name: `${name}.weight`, shape, data }];
    });
    const experts = await this.experts(index, config.form, block, weights);
    await this.write(
      index,
      [...attention, ...others, ...experts].map((tensor) => ({
        ...tensor,
        name: `model.layers.${index}.${tensor.name}`,
      })),
    );
  }

  private experts(
    index: number,
    form: WrittenForm,
    { feedForward, layer: { hiddenSize } }: BlockSpec,
    weights: LayerNumbers,
  ): Promise<readonly Named[]> {
    if (this.mixture === null || feedForward.kind !== 'moe') return Promise.resolve([]);
    const reader = new LayerReader(this.model.store, this.model.plan);
    const infos = feedForwardWeights(feedForward.expert, hiddenSize);
    return mixtureTensors(this.mixture, form, hiddenSize, weights, async (which) => {
      const read = await reader.readExpert(index, which, infos);
      // The reader takes its buffers again for the next one.
      return new Map([...read].map(([name, tensor]) => [name, floats(tensor).slice()]));
    });
  }

  /** Embeddings, head, config, tokenizer and card. */
  async finish(card: ExportCard): Promise<void> {
    const { plan, store } = this.model;
    if (this.config === null) throw new TypeError('no layers were written');
    const ends: Named[] = [];
    const add = async (tensor: string, name: string): Promise<void> => {
      ends.push({ name, shape: store.info(tensor).shape, data: await store.read(tensor) });
    };
    await add(plan.embedding.tensor, 'model.embed_tokens.weight');
    if (plan.output.norm !== null) await add(`${plan.output.norm.base}.weight`, 'model.norm.weight');
    const tied = plan.output.head === plan.embedding.tensor;
    if (!tied) await add(plan.output.head, 'lm_head.weight');
    await this.write(plan.layers.length, ends);
    const kept = ['bos_token_id', 'eos_token_id', 'pad_token_id'].flatMap((key) =>
      this.originalConfig[key] === undefined ? [] : [[key, this.originalConfig[key]] as const],
    );
    const config = {
      ...this.config,
      ...Object.fromEntries(kept),
      vocab_size: plan.vocabularySize,
      tie_word_embeddings: tied,
      dtype: 'float32',
    };
    await writeFile(join(this.folder, 'config.json'), `${JSON.stringify(config, null, 2)}\n`);
    const index = { metadata: { total_size: this.bytes }, weight_map: this.files };
    await writeFile(join(this.folder, 'model.safetensors.index.json'), `${JSON.stringify(index, null, 2)}\n`);
    for (const file of TOKENIZER_FILES) {
      const from = join(this.model.folder, file);
      if ((await stat(from).catch(() => null))?.isFile() === true) await copyFile(from, join(this.folder, file));
    }
    await writeFile(join(this.folder, 'README.md'), cardText(card));
  }

  private headedConfig({ spec }: ModelLayer, block: BlockSpec): Written {
    const { attention } = spec;
    if (attention.kind === 'latent') throw new TypeError('no heads');
    const normed = spec.queryNorm !== null;
    const { form, keys } =
      this.mixture === null
        ? { form: normed ? NORMED_HEADS_FORM : LLAMA_FORM, keys: denseWidth(block) }
        : headedMixture(this.mixture, normed, anyBias(block));
    return {
      form,
      keys: {
        ...form,
        ...this.shared(block),
        ...keys,
        num_attention_heads: attention.queryHeads,
        num_key_value_heads: attention.kvHeads,
        head_dim: attention.keyDim,
        attention_bias: anyBias(block),
        ...ropeOf(block, this.originalConfig),
      },
    };
  }

  private latentConfig({ spec }: ModelLayer, block: BlockSpec): Written {
    const { attention, rotary } = spec;
    if (attention.kind !== 'latent' || rotary === null || rotary.scaling?.kind !== 'longrope')
      throw new TypeError('no converted latent');
    const { queryHeads, latentDim, ropeDim, nopeDim, valueDim } = attention;
    const { shortFactor, longFactor, originalContext, attentionFactor } = rotary.scaling;
    const { form, keys } =
      this.mixture === null
        ? { form: LATENT_FORM, keys: { ...denseWidth(block), ...withoutExperts(this.model.plan.layers.length) } }
        : latentMixture(this.mixture);
    return {
      form,
      keys: {
        ...form,
        ...this.shared(block),
        ...keys,
        num_attention_heads: queryHeads,
        num_key_value_heads: queryHeads,
        q_lora_rank: null,
        // One dim more than the latent: it holds a constant, see the card.
        kv_lora_rank: latentDim + 1,
        qk_rope_head_dim: ropeDim,
        qk_nope_head_dim: nopeDim,
        qk_head_dim: nopeDim + ropeDim,
        v_head_dim: valueDim,
        head_dim: ropeDim,
        attention_bias: true,
        rope_theta: rotary.theta,
        rope_interleave: true,
        rope_scaling: {
          rope_type: 'longrope',
          short_factor: shortFactor,
          long_factor: longFactor,
          // The class reads it for any scaled RoPE (modeling_deepseek_v3.py, yarn_apply_mscale); it changes nothing here.
          factor: 1,
          original_max_position_embeddings: originalContext,
          attention_factor: attentionFactor,
        },
      },
    };
  }

  private shared({ layer, norms }: BlockSpec): Readonly<Record<string, unknown>> {
    return {
      hidden_size: layer.hiddenSize,
      num_hidden_layers: this.model.plan.layers.length,
      hidden_act: 'silu',
      rms_norm_eps: norms.attention?.epsilon ?? 1e-6,
      max_position_embeddings: Number(this.originalConfig['max_position_embeddings'] ?? 4096),
      attention_dropout: 0,
    };
  }

  private async write(part: number, tensors: readonly Named[]): Promise<void> {
    const of = this.model.plan.layers.length + 1;
    const pad = (value: number): string => String(value).padStart(5, '0');
    const file = `model-${pad(part + 1)}-of-${pad(of)}.safetensors`;
    const header: Record<string, unknown> = { __metadata__: { format: 'pt' } };
    let at = 0;
    for (const { name, shape, data } of tensors) {
      const size = shape.reduce((product, dim) => product * dim, 1);
      if (size !== data.length) throw new RangeError(`${name}: ${data.length} numbers for ${shape.join(' × ')}`);
      header[name] = { dtype: 'F32', shape, data_offsets: [at, at + 4 * data.length] };
      at += 4 * data.length;
      this.files[name] = file;
    }
    this.bytes += at;
    const text = JSON.stringify(header);
    const head = Buffer.from(text.padEnd(Math.ceil(text.length / 8) * 8));
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(head.length));
    const parts = tensors.map(
      ({ data }) => new Uint8Array((data instanceof Float32Array ? data : Float32Array.from(data)).slice().buffer),
    );
    await writeFile(join(this.folder, file), Buffer.concat([length, head, ...parts]));
  }
}

/** A class, and what its config says. */
interface Written {
  readonly form: WrittenForm;
  readonly keys: Readonly<Record<string, unknown>>;
}

function denseWidth({ feedForward }: BlockSpec): Readonly<Record<string, unknown>> {
  if (feedForward.kind === 'moe') throw new TypeError('a mixture without its experts');
  return { intermediate_size: feedForward.width };
}

/** All layers dense; the class wants numbers of experts all the same. */
const withoutExperts = (layers: number): Readonly<Record<string, unknown>> => ({
  first_k_dense_replace: layers,
  moe_layer_freq: 1,
  n_routed_experts: 1,
  n_shared_experts: 1,
  num_experts_per_tok: 1,
  n_group: 1,
  topk_group: 1,
  moe_intermediate_size: 1,
  num_nextn_predict_layers: 0,
});

/** @throws ConversionRefused unless the model is a Llama in all but its attention and its experts. */
function assertPlain({ plan }: OpenModel): void {
  const { embedding, output } = plan;
  const why = [
    ...plan.layers.map(({ block }) => notPlain(block)),
    embedding.multiplier !== 1 ||
    embedding.projection !== null ||
    embedding.positions !== null ||
    embedding.norm !== null
      ? 'its embeddings are scaled, projected, normed or have positions'
      : null,
    output.projection !== null || output.bias !== null || output.multiplier !== 1 || output.softcap !== null
      ? 'its output head has a projection, bias, scale or cap'
      : null,
  ].find((one) => one !== null);
  if (why !== undefined)
    throw new ConversionRefused(`no published class holds such a model once it is converted: ${why}`);
}

function notPlain({
  layer,
  feedForward,
  norms,
  arrangement,
  residualMultiplier,
  residualFrom,
  outputMultiplier,
}: BlockSpec): string | null {
  const experts = feedForward.kind === 'moe' ? oddMixture(feedForward) : null;
  if (experts !== null) return experts;
  const gated = feedForward.kind === 'moe' ? feedForward.expert : feedForward;
  if (
    gated.kind !== 'gated' ||
    gated.activation !== 'silu' ||
    gated.clampedSwiglu !== null ||
    gated.biasIn ||
    gated.biasOut
  )
    return 'its feed-forward is not Llama’s';
  const { attention, feedForward: before, ...others } = norms;
  const rms = [attention, before].every((norm) => norm?.kind === 'rms' && norm.weight === 'plain' && !norm.bias);
  if (!rms || Object.values(others).some((norm) => norm !== null)) return 'its norms are not Llama’s';
  if (
    arrangement !== 'sequential' ||
    residualMultiplier !== 1 ||
    residualFrom !== 'sum' ||
    (outputMultiplier ?? 1) !== 1
  )
    return 'its residuals are not Llama’s';
  if (layer.attention.kind !== 'full') return `its attention is ${layer.attention.kind}`;
  const odd =
    layer.softcap !== null ||
    layer.sinks ||
    layer.clip !== null ||
    layer.alibi !== null ||
    layer.temperature !== null ||
    layer.outputGate !== 'none' ||
    layer.outputNorm !== null ||
    layer.valueNorm !== null ||
    layer.rotary === null;
  return odd ? 'its attention has more than projections and RoPE' : null;
}

function anyBias({ layer: { biases } }: BlockSpec): boolean {
  return biases.q || biases.k || biases.v || biases.o;
}

function headedTensors(layer: ModelLayer): readonly Named[] {
  const { spec, weights, lowRank } = layer;
  const { attention, hiddenSize, rotary } = spec;
  if (attention.kind === 'latent') throw new TypeError('no heads');
  const { queryHeads, kvHeads, keyDim, valueDim } = attention;
  if (Math.abs(spec.scale * Math.sqrt(keyDim) - 1) > 1e-6)
    throw new ConversionRefused('its scores have a scale of their own, which Llama’s class has not');
  const halves = (data: Numbers, heads: number, columns: number): Numbers =>
    rotary?.layout === 'half' || rotary === null ? data : toHalves(data, heads, keyDim, rotary.dim, columns);
  const [k, v] = lowRank === null ? [need(weights, 'k.weight'), need(weights, 'v.weight')] : lowRankWeights(layer);
  const shapes: readonly (readonly [string, string, number, number, Numbers])[] = [
    ['q', 'q_proj', queryHeads * keyDim, hiddenSize, halves(need(weights, 'q.weight'), queryHeads, hiddenSize)],
    ['k', 'k_proj', kvHeads * keyDim, hiddenSize, halves(k, kvHeads, hiddenSize)],
    ['v', 'v_proj', kvHeads * valueDim, hiddenSize, v],
    ['o', 'o_proj', hiddenSize, queryHeads * valueDim, need(weights, 'o.weight')],
  ];
  const biased = spec.biases.q || spec.biases.k || spec.biases.v || spec.biases.o;
  const tensors = shapes.flatMap(([own, name, rows, columns, data]): Named[] => {
    const bias = weights.get(`${own}.bias`) ?? new Float64Array(rows);
    const turned = own === 'q' || own === 'k' ? halves(bias, own === 'q' ? queryHeads : kvHeads, 1) : bias;
    return [
      { name: `self_attn.${name}.weight`, shape: [rows, columns], data },
      ...(biased ? [{ name: `self_attn.${name}.bias`, shape: [rows], data: turned }] : []),
    ];
  });
  const norms = (['q', 'k'] as const).flatMap((side): Named[] => {
    const norm = side === 'q' ? spec.queryNorm : spec.keyNorm;
    if (norm === null) return [];
    if (
      norm.extent !== 'head' ||
      norm.stage !== 'before-rope' ||
      norm.norm.kind !== 'rms' ||
      norm.norm.weight !== 'plain'
    )
      throw new ConversionRefused('its norms on heads are not Qwen3’s');
    const data = need(weights, `${side}_norm.weight`);
    return [{ name: `self_attn.${side}_norm.weight`, shape: [data.length], data }];
  });
  if (norms.length === 1) throw new ConversionRefused('it normalises queries or keys alone');
  return [...tensors, ...norms];
}

/** Keys and values through the latent, as plain projections: the numbers are the same, the cache is not smaller in Llama's class. */
function lowRankWeights({ lowRank }: ModelLayer): readonly [Float64Array, Float64Array] {
  if (lowRank === null) throw new TypeError('no low rank');
  const { key, value } = fromLatent(transpose(lowRank.down), lowRank.basis);
  return [transpose(key).data, transpose(value).data];
}

/** Rows of pairs 2i, 2i + 1 (GGUF's Llama) as i and i + half, as Llama's class has them. */
function toHalves(data: Numbers, heads: number, dim: number, rotated: number, columns: number): Float64Array {
  const result = Float64Array.from(data);
  for (let head = 0; head < heads; head++)
    for (let i = 0; i < rotated; i++) {
      const to = i % 2 === 0 ? i / 2 : (i - 1) / 2 + rotated / 2;
      const from = (head * dim + i) * columns;
      result.set(data.subarray(from, from + columns), (head * dim + to) * columns);
    }
  return result;
}

function latentTensors({ spec, weights }: ModelLayer, block: BlockSpec, own: LayerNumbers): readonly Named[] {
  const { attention, hiddenSize } = spec;
  if (attention.kind !== 'latent') throw new TypeError('no latent');
  const { queryHeads, latentDim, ropeDim, nopeDim, valueDim } = attention;
  if (block.layer.attention.kind === 'latent')
    throw new ConversionRefused('it has latent attention already: nothing was converted that could be exported');
  if (spec.biases.q) throw new ConversionRefused('its queries have a bias, which DeepSeek’s class has not');
  const dims = nopeDim + ropeDim;
  // The class scales scores by 1 / √(nope + rope).
  const by = spec.scale * Math.sqrt(dims);
  const q = Float64Array.from(need(weights, 'q.weight'), (value) => value * by);
  const down = need(weights, 'kv_a.weight');
  const constant = normConstant(down.subarray(0, latentDim * hiddenSize), need(own, 'norm_attention.weight'));
  const made = withConstant(
    {
      latentDim,
      down,
      bias: weights.get('kv_a.bias') ?? new Float64Array(latentDim + ropeDim),
      keys: { rows: queryHeads * nopeDim, columns: latentDim, data: Float64Array.from(need(weights, 'w_uk')) },
      keyBias: weights.get('uk.bias') ?? new Float64Array(queryHeads * nopeDim),
      values: { rows: queryHeads * valueDim, columns: latentDim, data: Float64Array.from(need(weights, 'w_uv')) },
      valueBias: weights.get('uv.bias') ?? new Float64Array(queryHeads * valueDim),
      heads: queryHeads,
    },
    constant,
  );
  return [
    { name: 'self_attn.q_proj.weight', shape: [queryHeads * dims, hiddenSize], data: q },
    { name: 'self_attn.kv_a_proj_with_mqa.weight', shape: [latentDim + 1 + ropeDim, hiddenSize], data: made.down },
    { name: 'self_attn.kv_a_proj_with_mqa.bias', shape: [latentDim + 1 + ropeDim], data: made.bias },
    { name: 'self_attn.kv_a_layernorm.weight', shape: [latentDim + 1], data: made.norm },
    { name: 'self_attn.kv_b_proj.weight', shape: [queryHeads * (nopeDim + valueDim), latentDim + 1], data: made.up },
    { name: 'self_attn.o_proj.weight', shape: [hiddenSize, queryHeads * valueDim], data: need(weights, 'o.weight') },
    { name: 'self_attn.o_proj.bias', shape: [hiddenSize], data: weights.get('o.bias') ?? new Float64Array(hiddenSize) },
  ];
}

/** RoPE as the original config has it; of a GGUF file, plain RoPE alone. */
function ropeOf(
  { layer: { rotary } }: BlockSpec,
  original: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  if (rotary === null) return {};
  if (rotary.scaling === null) return { rope_theta: rotary.theta };
  const { rope_scaling: scaling, rope_parameters: parameters } = original;
  if (scaling === undefined && parameters === undefined)
    throw new ConversionRefused(
      `its RoPE is scaled (${rotary.scaling.kind}), and there is no config.json to take that from`,
    );
  return {
    rope_theta: rotary.theta,
    ...(scaling === undefined ? {} : { rope_scaling: scaling }),
    ...(parameters === undefined ? {} : { rope_parameters: parameters }),
  };
}

async function originalConfig({ folder, store }: OpenModel): Promise<Readonly<Record<string, unknown>>> {
  if (store.format === 'gguf') return {};
  const value: unknown = JSON.parse(await readFile(join(folder, 'config.json'), 'utf8'));
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function cardText({ model, method, text, damage, bytesPerToken, notes }: ExportCard): string {
  const percent = (100 * bytesPerToken.after) / bytesPerToken.before;
  const change = 100 * (damage.perplexityAfter / damage.perplexityBefore - 1);
  return `# ${model}, converted: ${method}

Made from ${model} by Headlight (\`headlight tradeoff\`), without any training. Weights are float32.

| | before | after |
|---|---|---|
| bytes of cache per token, 16-bit | ${Math.round(bytesPerToken.before)} | ${Math.round(bytesPerToken.after)} (${percent.toFixed(1)} %) |
| perplexity | ${damage.perplexityBefore.toPrecision(5)} | ${damage.perplexityAfter.toPrecision(5)} (${change >= 0 ? '+' : ''}${change.toPrecision(3)} %) |
| mean KL of the next token | 0 | ${damage.klMean.toPrecision(3)} ± ${damage.klStandardError.toPrecision(2)} nats |
| same likeliest token | 100 % | ${(100 * damage.sameTopShare).toFixed(1)} % |

Measured on ${text}, at ${damage.tokens} positions: little text, so take it as a first look. Published conversions train afterwards and get back most of what is lost.
${notes.map((note) => `\n- ${note}`).join('')}
`;
}
