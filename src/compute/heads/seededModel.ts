/** A config without its weights: any of its layers with weights from a seed. Shapes, groups and masks are true, numbers are noise. */

import { readModelConfig } from '../../reading/read';
import type { ModelSpec } from '../../model/spec';
import type { DescribedLayer } from '../../shared/computeContract';
import type { HeadsModelInfo, SeededNote, SeededSource } from '../../shared/headsContract';
import { RpcError } from '../../shared/rpcError';
import { folderTokenizer } from '../../weights/folderTokenizer';
import type { TextTokenizer } from '../../weights/textTokenizer';
import { WeightsError } from '../../weights/weightsError';
import { describeLayer } from '../describeLayer';
import type { Engine } from '../engines/engine';
import { noiseStream } from '../seededWeights';
import type { ForwardLimits, HeadSubject, LayerPass } from './layerPass';
import { runnableOrRefused } from './refused';
import { type SeededLayers, SeededPass } from './seededPass';

/** Words and other signs. */
const WORDS = /[\p{L}\p{M}\p{N}_]+|[^\s\p{L}\p{M}\p{N}_]/gu;
/** Every id that a word can have, and that a list can name. */
const VOCABULARY = 2 ** 31;

export class SeededModel implements HeadSubject, SeededLayers {
  private readonly described = new Map<number, DescribedLayer>();
  /** Words by id, as far as they were met. */
  private readonly words = new Map<number, string>();

  private constructor(
    readonly path: string,
    private readonly source: SeededSource,
    private readonly spec: ModelSpec,
    private readonly modelType: string,
    private readonly tokenizer: TextTokenizer | null,
    /** How many ids the config has; null where it does not say. */
    readonly vocabulary: number | null,
  ) {}

  /**
   * @param path Names the config in messages; a tokenizer that lies there is used.
   * @throws RpcError `invalidInput` when the text is no model config.
   */
  static async open(path: string, source: SeededSource): Promise<SeededModel> {
    const reading = readModelConfig(source.text, { families: source.families ?? {} });
    if (reading === null || reading.spec.layers.length === 0)
      throw new RpcError('invalidInput', 'no layer of this config can be read: give it a model_type and its sizes');
    const tokenizer = path === '' ? null : await folderTokenizer(path).catch(damaged);
    const vocabulary = [reading.location.path, []].map((at) => reading.readerAt(at).number(['vocab_size'])?.value);
    return new SeededModel(
      path,
      source,
      reading.spec,
      reading.location.modelType,
      tokenizer,
      vocabulary.find((size) => size !== undefined && size > 0) ?? null,
    );
  }

  get seed(): number {
    return this.source.seed;
  }

  info(): Promise<HeadsModelInfo> {
    const { spec, tokenizer } = this;
    return Promise.resolve({
      family: this.modelType,
      hiddenSize: spec.hiddenSize ?? 0,
      vocabularySize: VOCABULARY,
      layers: spec.layers.map(({ attention }) => runnableOrRefused(attention)),
      tokenizer: tokenizer !== null,
      words: tokenizer === null,
    });
  }

  encode(text: string): Promise<readonly number[]> {
    if (this.tokenizer !== null) return Promise.resolve(this.tokenizer.encode(text));
    return Promise.resolve(
      (text.match(WORDS) ?? []).map((word) => {
        const id = noiseStream(word, 0) >>> 1;
        this.words.set(id, word);
        return id;
      }),
    );
  }

  pieces(ids: readonly number[]): Promise<string[]> {
    return Promise.resolve(this.tokenizer?.pieces(ids) ?? ids.map((id) => this.words.get(id) ?? `#${id}`));
  }

  /** The text is the model: another text is another one. */
  unchanged(): Promise<boolean> {
    return Promise.resolve(true);
  }

  pass(engine: Engine, limits: ForwardLimits = {}): LayerPass {
    return new SeededPass(this, engine, limits);
  }

  seeded(layer: number): SeededNote {
    return { seed: this.seed, note: this.described.get(layer)?.note ?? null };
  }

  /**
   * A layer, ready to run.
   * @throws RpcError `invalidInput` for a layer that is not there or has no heads that can be run.
   */
  layer(index: number): DescribedLayer {
    const known = this.described.get(index);
    if (known !== undefined) return known;
    const { layers } = this.spec;
    const attention = layers[index]?.attention;
    if (attention === undefined)
      throw new RpcError('invalidInput', `there is no layer ${index}: the config has layers 0 to ${layers.length - 1}`);
    const runnable = runnableOrRefused(attention);
    if (runnable.kind === 'refused') throw new RpcError('invalidInput', `layer ${index} ${runnable.why}`);
    const described = describeLayer(this.source, index);
    this.described.set(index, described);
    return described;
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

/** A tokenizer that cannot be read is no reason not to show seeded heads. */
function damaged(error: unknown): null {
  if (error instanceof WeightsError) return null;
  throw error;
}
