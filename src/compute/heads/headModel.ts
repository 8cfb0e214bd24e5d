/** An opened model with what a forward pass needs beside its plan: the tokenizer, and how to tell that its files changed. */

import { stat } from 'node:fs/promises';
import type { HeadsModelInfo } from '../../shared/headsContract';
import type { Engine } from '../engines/engine';
import { manifestOf } from '../../weights/partsFile';
import { openModel, type OpenModel } from '../../weights/openModel';
import type { TextTokenizer } from '../../weights/textTokenizer';
import { WeightsError } from '../../weights/weightsError';
import { ForwardPass } from './forward';
import type { ForwardLimits, HeadSubject } from './layerPass';

export class HeadModel implements HeadSubject {
  private pendingTokenizer: Promise<TextTokenizer | null> | undefined;

  private constructor(
    readonly path: string,
    readonly model: OpenModel,
    /** Changes when a file of the model does. */
    readonly fingerprint: string,
  ) {}

  /** @throws WeightsError when files are missing or damaged, or the model's family is not supported. */
  static async open(path: string): Promise<HeadModel> {
    const model = await openModel(path);
    return new HeadModel(path, model, await fingerprintOf(model));
  }

  /** Null where the model has none: token ids only. */
  tokenizer(): Promise<TextTokenizer | null> {
    this.pendingTokenizer ??= this.model.tokenizer();
    return this.pendingTokenizer;
  }

  /**
   * Ids of a text.
   * @throws WeightsError when there is no tokenizer.
   */
  async encode(text: string): Promise<readonly number[]> {
    const tokenizer = await this.tokenizer();
    if (tokenizer !== null) return tokenizer.encode(text);
    throw new WeightsError({
      file: this.path,
      problem: 'there is no usable tokenizer beside the weights.',
      fix: 'Give token ids (--ids 1,2,3) instead of text.',
    });
  }

  /** What the ids stand for, for labels; `#id` without a tokenizer. */
  async pieces(ids: readonly number[]): Promise<string[]> {
    const tokenizer = await this.tokenizer().catch(() => null);
    return tokenizer?.pieces(ids) ?? ids.map((id) => `#${id}`);
  }

  async info(): Promise<HeadsModelInfo> {
    const { family, hiddenSize, vocabularySize, layers } = this.model.plan;
    return {
      family,
      hiddenSize,
      vocabularySize,
      layers: layers.map(({ block }) => block.layer.attention),
      tokenizer: (await this.tokenizer().catch(() => null)) !== null,
      words: false,
    };
  }

  pass(engine: Engine, limits?: ForwardLimits): ForwardPass {
    return new ForwardPass(this.model, engine, limits);
  }

  seeded(): null {
    return null;
  }

  /** Whether the files are still those that were opened. */
  async unchanged(): Promise<boolean> {
    return (await fingerprintOf(this.model).catch(() => '')) === this.fingerprint;
  }

  close(): Promise<void> {
    return this.model.close();
  }
}

/** Size and time of every file behind the tensors. */
async function fingerprintOf({ store }: OpenModel): Promise<string> {
  const files = [...new Set([store.path, ...store.names().map((name) => store.info(name).file)])].sort();
  const marks = await Promise.all(
    files.map(async (file) => {
      const info = await stat(file);
      // A file in parts changes as it is read; its content has a name.
      const { size, mtimeMs } = info.isDirectory() ? await stat(manifestOf(file)) : info;
      return `${file} ${size} ${mtimeMs}`;
    }),
  );
  return marks.join('\n');
}
