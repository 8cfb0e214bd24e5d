/** One layer with seeded weights: nothing of the model but this layer is made, and no more of it than is looked at. */

import type { BlockSpec, DenseFeedForward } from '../../attention/spec/blockSpec';
import { buildBlockPrograms } from '../../attention/onnx/buildBlock';
import { elementCount } from '../../attention/onnx/graph';
import type { AttentionLayerSpec, RunnableAttention } from '../../attention/spec/layerSpec';
import type { WeightInfo } from '../../attention/spec/weightNames';
import { formatSize, formatInteger } from '../../model/units';
import type { DescribedLayer } from '../../shared/computeContract';
import { RpcError } from '../../shared/rpcError';
import { block } from '../../families/kit/blocks';
import type { Engine } from '../engines/engine';
import { captureBytes } from '../memory';
import { noiseStream, noiseTensor, seededNoise, weightRecipe } from '../seededWeights';
import { type BlockWeights, BlockRunner, fitsAtOnce, stepTokens } from './blockRun';
import type { CaptureAsk, ForwardLimits, LayerCapture, LayerPass } from './layerPass';
import type { WeightTensors } from './layerReader';
import { ProgramCache } from './programs';
import { floats } from './tokenAxis';
import { checkCancelled, type Watch } from './watch';

/** What follows the attention is never computed: it only stands in the block's place. */
const UNUSED: DenseFeedForward = { kind: 'plain', width: 1, activation: 'identity', biasIn: false, biasOut: false };
/** Uniform noise of this largest value has variance 1, as what leaves a norm. */
const UNIT = Math.sqrt(3);

/** The layers of a config, with weights from a seed. */
export interface SeededLayers {
  readonly seed: number;
  /** @throws RpcError `invalidInput` for a layer that is not there or has no heads that can be run. */
  layer(index: number): DescribedLayer;
}

export class SeededPass implements LayerPass {
  readonly sessions: ProgramCache;
  readonly memoryCeiling: number;

  constructor(
    private readonly model: SeededLayers,
    engine: Engine,
    private readonly limits: ForwardLimits,
  ) {
    this.sessions = new ProgramCache(engine);
    this.memoryCeiling = limits.memoryCeiling ?? Infinity;
  }

  attention(layer: number): RunnableAttention | undefined {
    try {
      return this.model.layer(layer).layer.attention;
    } catch {
      return undefined;
    }
  }

  atOnce(layer: number, tokens: number): boolean {
    return this.attention(layer) === undefined || fitsAtOnce(this.block(layer), tokens, this.limits.stepBytes);
  }

  /** @throws RpcError `invalidInput` for a layer without heads and for what needs the whole model, `tooLarge`, `cancelled`. */
  async capture({ ids, layer, captures, logits }: CaptureAsk, watch: Watch): Promise<LayerCapture> {
    const block = this.block(layer);
    const spec = block.layer;
    if (logits || captures.includes('hidden'))
      throw new RpcError(
        'invalidInput',
        `seeded weights are made for one layer’s attention only: there is no ${logits ? 'logits' : 'hidden'}`,
      );
    if (ids.length === 0) throw new RpcError('invalidInput', 'there are no tokens');
    const needed = buildBlockPrograms(block, { mode: 'prefill', cache: 'none', captures, output: false }).main
      .weightInputs;
    this.assertFits(layer, spec, needed, ids.length);
    const stage: Watch = {
      signal: watch.signal,
      progress: ({ message, fraction = 0 }) => watch.progress({ message: `layer ${layer}: ${message}`, fraction }),
    };
    const weights = this.weightsOf(layer, stage);
    const runner = new BlockRunner(this.sessions, weights, this.limits.stepBytes);
    const input = seededEmbeddings(ids, spec.hiddenSize, this.model.seed);
    const result = await runner.run(layer, input, { captures, hidden: false }, stage);
    const sinks = spec.sinks
      ? floats((await weights.read(layer, [{ name: 'sinks', shape: [spec.attention.queryHeads] }])).get('sinks'))
      : null;
    return { ids, layer, spec, tensors: result.captures, sinks, logits: null };
  }

  weights(layer: number, infos: readonly WeightInfo[], watch: Watch): Promise<WeightTensors> {
    return this.weightsOf(layer, watch).read(layer, infos);
  }

  dispose(): Promise<void> {
    return this.sessions.dispose();
  }

  private weightsOf(layer: number, watch: Watch): SeededWeights {
    return new SeededWeights(this.block(layer), noiseStream(`layer ${layer}`, this.model.seed), watch);
  }

  private block(layer: number): BlockSpec {
    return block(this.model.layer(layer).layer, UNUSED, {});
  }

  private assertFits(layer: number, spec: AttentionLayerSpec, infos: readonly WeightInfo[], tokens: number): void {
    const { memoryCeiling: ceiling } = this;
    const { stepBytes } = this.limits;
    const weights = 4 * infos.reduce((sum, { shape }) => sum + elementCount(shape), 0);
    const run = captureBytes(spec, tokens, Math.min(tokens, stepTokens(this.block(layer), tokens, stepBytes)));
    const bytes = weights + run;
    if (bytes <= ceiling) return;
    const parts = `${formatSize(weights)} for its weights as float32 and ${formatSize(run)} for ${formatInteger(tokens)} tokens`;
    throw new RpcError(
      'tooLarge',
      `layer ${layer} needs about ${formatSize(bytes)} (${parts}), more than the ${formatSize(ceiling)} that Headlight may use`,
      { bytes, ceiling },
    );
  }
}

/** Weights that are made when they are asked for, and kept by no one. */
class SeededWeights implements BlockWeights {
  constructor(
    private readonly spec: BlockSpec,
    private readonly seed: number,
    private readonly watch: Watch,
  ) {}

  layer(): { readonly block: BlockSpec } {
    return { block: this.spec };
  }

  async read(_index: number, infos: readonly WeightInfo[]): Promise<WeightTensors> {
    const all = infos.reduce((sum, { shape }) => sum + elementCount(shape), 0);
    const result = new Map<
      string,
      { readonly type: 'float32'; readonly shape: readonly number[]; readonly data: Float32Array }
    >();
    let made = 0;
    for (const info of infos) {
      this.watch.progress({ message: `making seeded weights (${info.name})`, fraction: (made / all) * 0.8 });
      // Lets a cancellation in, and the progress out.
      await new Promise((resolve) => setImmediate(resolve));
      checkCancelled(this.watch.signal);
      result.set(info.name, { type: 'float32', shape: info.shape, data: noiseTensor(weightRecipe(info, this.seed)) });
      made += elementCount(info.shape);
    }
    this.watch.progress({ message: 'running', fraction: 0.8 });
    return result;
  }

  readExpert(): Promise<WeightTensors> {
    throw new TypeError('a seeded layer has no experts');
  }
}

/** One vector for each distinct token, as it might leave the norm before the attention: `[tokens, width]`. */
function seededEmbeddings(ids: readonly number[], width: number, seed: number): Float32Array {
  const vectors = new Map<number, Float32Array>();
  const result = new Float32Array(ids.length * width);
  ids.forEach((id, token) => {
    let vector = vectors.get(id);
    if (vector === undefined) vectors.set(id, (vector = seededNoise(width, noiseStream(`token ${id}`, seed), UNIT)));
    result.set(vector, token * width);
  });
  return result;
}
