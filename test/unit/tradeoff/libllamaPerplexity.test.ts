// Perplexity by cache type: what is found here is what llama.cpp itself loses with the same -ctk and -ctv on the same text.
import { rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Matrix } from '../../../src/insight/matrix';
import { UNWATCHED } from '../../../src/compute/heads/watch';
import { FLOAT64 } from '../../../src/compute/tradeoff/linear';
import { WholePass } from '../../../src/compute/tradeoff/wholePass';
import { DamageMeter, type PositionDamage } from '../../../src/insight/tradeoff/damage';
import { parseMethod } from '../../../src/insight/tradeoff/method';
import { elementAt } from '../../../src/model/elementAt';
import { openGguf } from '../../../src/weights/gguf';
import { openModel } from '../../../src/weights/openModel';
import { type CacheType, Libllama, LIBLLAMA_TIMEOUT_MS, noLibllama } from '../support/libllama';
import { besideFile, itWith } from '../support/reference';
import { gguf, type GgufEntry, type GgufTensor, ggufValue, temporaryFolder, write } from '../weights/files';

const STORIES = besideFile('models/stories260K.gguf');
const { u32, f32, text } = ggufValue;

/** Dims that heads are padded to: llama.cpp takes quantised caches for multiples of its blocks of 32 alone, and these heads have 8. */
const PADDED = 32;
const [HEADS, KV_HEADS, DIM, LAYERS] = [8, 4, 8, 5];

/** Where a dim of a head goes: pair i of 4 is turned by as much as pair 4i of 16. */
const moved = (row: number): number => Math.floor(row / DIM) * PADDED + 8 * Math.floor((row % DIM) / 2) + (row % 2);

/**
 * stories260K with zeros between the pairs of every head: the same function, for zeros add nothing, RoPE turns each pair as before, and queries
 * make up for the other scale of scores.
 */
async function padded(path: string, folder: string): Promise<string> {
  const store = await openGguf(path);
  const tensors: Record<string, GgufTensor> = {};
  for (const name of store.names()) {
    const { shape } = store.info(name);
    const values = await store.read(name);
    const [rows = 0, columns = 0] = shape;
    const perHead = { attn_q: HEADS, attn_k: KV_HEADS, attn_v: KV_HEADS }[/attn_[qkv]/.exec(name)?.[0] ?? ''];
    let [data, dims] = [values.slice(), [...shape].reverse()];
    if (perHead !== undefined) {
      const by = name.includes('attn_q') ? Math.sqrt(PADDED / DIM) : 1;
      data = new Float32Array(perHead * PADDED * columns);
      for (let row = 0; row < rows; row++)
        for (let c = 0; c < columns; c++) data[moved(row) * columns + c] = by * (values[row * columns + c] ?? 0);
      dims = [columns, perHead * PADDED];
    } else if (name.includes('attn_output')) {
      data = new Float32Array(rows * HEADS * PADDED);
      for (let row = 0; row < rows; row++)
        for (let c = 0; c < columns; c++) data[row * HEADS * PADDED + moved(c)] = values[row * columns + c] ?? 0;
      dims = [HEADS * PADDED, rows];
    }
    tensors[name] = { dims, type: 0, bytes: new Uint8Array(data.buffer) };
  }
  await store.close();
  const metadata: Record<string, GgufEntry> = {
    'general.architecture': text('llama'),
    'llama.context_length': u32(2048),
    'llama.embedding_length': u32(64),
    'llama.block_count': u32(LAYERS),
    'llama.feed_forward_length': u32(172),
    'llama.attention.head_count': u32(HEADS),
    'llama.attention.head_count_kv': u32(KV_HEADS),
    'llama.attention.key_length': u32(PADDED),
    'llama.attention.value_length': u32(PADDED),
    'llama.rope.dimension_count': u32(PADDED),
    'llama.attention.layer_norm_rms_epsilon': f32(0.000009999999747378752),
    'llama.vocab_size': u32(512),
    'tokenizer.ggml.model': text('no_vocab'),
  };
  return write(folder, 'padded.gguf', gguf(metadata, tensors));
}

function matrixOf(rows: readonly Float32Array[]): Matrix {
  const columns = rows[0]?.length ?? 0;
  return { rows: rows.length, columns, data: Float64Array.from(rows.flatMap((row) => [...row])) };
}

/** Of keys and values. */
type Pair = readonly [key: CacheType, value: CacheType];
const FINEST: Pair = ['q8_0', 'q8_0'];
const TYPES: readonly Pair[] = [
  FINEST,
  ['q5_1', 'q5_1'],
  ['q5_0', 'q5_0'],
  ['q4_1', 'q4_1'],
  ['q4_0', 'q4_0'],
  ['q4_0', 'q8_0'],
];
/** What a user has without any option. */
const DEFAULT: Pair = ['f16', 'f16'];

const STORY =
  'Once upon a time, there was a little girl named Lily. She loved to play outside in the park. One day, she saw a big red ball near the tree. ' +
  'She wanted to play with it, but it was too high. Lily asked her mom for help. Her mom said, "Let us find a long stick." They found a stick and ' +
  'pushed the ball. The ball fell down and Lily was very happy. She said, "Thank you, mom!" Then a dog came and took the ball. Lily was sad. The dog ' +
  'ran around the park with the ball in its mouth. Her mom smiled and said, "The dog wants to play with you." So Lily ran after the dog. ' +
  'They ran and ran until they were very tired. Then they sat down under the tree. The dog gave the ball back to Lily. She was happy again and ' +
  'gave the dog a big hug. Her mom said it was time to go home. Lily and the dog said good bye. The next day they went to the park again, and the dog ' +
  'was there. They played all day and became good friends.';

/** Mean changes at all positions of some texts. */
interface Change {
  /** Of the loss: ln of the ratio of perplexities. */
  readonly loss: number;
  readonly kl: number;
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

function changeOf(parts: readonly PositionDamage[]): Change {
  return {
    loss: mean(parts.flatMap(({ lossBefore, lossAfter }) => [...lossAfter].map((x, i) => x - (lossBefore[i] ?? NaN)))),
    kl: mean(parts.flatMap(({ kl }) => [...kl])),
  };
}

const ratio = (own: number, engine: number): number => Math.abs(own / engine - 1);

/** So many tokens each, `step` tokens apart. */
function piecesOf(ids: readonly number[], length: number, step: number): readonly (readonly number[])[] {
  const count = Math.floor((ids.length - length) / step) + 1;
  return Array.from({ length: count }, (_, at) => ids.slice(at * step, at * step + length));
}

describe('perplexity by cache type', () => {
  if (noLibllama !== null) {
    it.skip(noLibllama, () => undefined);
    return;
  }
  let library: Libllama;
  vi.setConfig({ testTimeout: 300_000 });
  const folder = temporaryFolder();
  beforeAll(async () => {
    library = await Libllama.start();
  }, LIBLLAMA_TIMEOUT_MS);
  afterAll(() => {
    library.close();
    rmSync(folder, { recursive: true, force: true });
  });

  itWith(STORIES, 'changes as it does in libllama, within a tenth', async (path) => {
    const original = await openModel(path);
    const ids = (await original.tokenizer())?.encode(STORY) ?? [];
    const own = new WholePass(original, FLOAT64);
    const file = await padded(path, folder);
    const model = await openModel(file);
    const pass = new WholePass(model, FLOAT64);
    const opened = await library.open(file);
    if ('refused' in opened) throw new Error(opened.refused.slice(-500));
    const theirs = async (
      [k, v]: Pair,
      flash: 'on' | 'off',
      texts: readonly (readonly number[])[],
    ): Promise<readonly Matrix[]> => {
      const context = await library.context(opened, { tokens: 512, k, v, flash });
      if ('refused' in context) throw new Error(context.refused.slice(-500));
      const found: Matrix[] = [];
      for (const text of texts) {
        await library.clear(context);
        found.push(matrixOf(await library.decode(context, text, 'all')));
      }
      await library.closeContext(context);
      return found;
    };
    const named = (type: CacheType): string => (type === 'f32' ? 'exact' : type);
    /** Of both, by pieces of the text. */
    const comparing = async (
      texts: readonly (readonly number[])[],
    ): Promise<(pair: Pair, flash?: 'on' | 'off') => Promise<readonly [own: Change, engine: Change][]>> => {
      const baselines = await Promise.all(texts.map((text) => pass.baseline(text, UNWATCHED)));
      // Without fused attention nothing is rounded to half precision.
      const exact = await theirs(['f32', 'f32'], 'off', texts);
      return async ([k, v], flash = 'on') => {
        const rounded = await theirs([k, v], flash, texts);
        const found: [Change, Change][] = [];
        for (const [i, baseline] of baselines.entries()) {
          const methods = baseline.layers.map(() => parseMethod(`k=${named(k)}/v=${named(v)}`));
          const run = await pass.run(methods, baseline, UNWATCHED);
          const meter = new DamageMeter(baseline.ids);
          meter.add(0, elementAt(exact, i), elementAt(rounded, i));
          found.push([changeOf([await pass.damage(baseline, run, UNWATCHED)]), changeOf([meter.result()])]);
        }
        return found;
      };
    };
    /** Pieces are of one length. */
    const together = (found: readonly (readonly [Change, Change])[], side: 0 | 1): Change => ({
      loss: mean(found.map((one) => one[side].loss)),
      kl: mean(found.map((one) => one[side].kl)),
    });

    const pieces = piecesOf(ids, 52, 52);
    expect(pieces).toHaveLength(7);
    const [first = []] = pieces;
    const [paddedFinal, ownFinal] = await Promise.all(
      [pass, own].map(async (one) => (await one.baseline(first, UNWATCHED)).final.data),
    );
    expect(
      Math.max(...[...(paddedFinal ?? [])].map((value, i) => Math.abs(value - (ownFinal?.[i] ?? NaN)))),
    ).toBeLessThan(1e-9);

    const compare = await comparing(pieces);
    const changes = new Map<Pair, readonly [own: Change, engine: Change]>();
    for (const pair of [...TYPES, DEFAULT]) {
      const found = await compare(pair);
      const [ours, engines] = [together(found, 0), together(found, 1)];
      changes.set(pair, [ours, engines]);
      if (pair === DEFAULT) continue;
      expect(ratio(ours.loss, engines.loss), `perplexity, ${pair}`).toBeLessThan(0.1);
      expect(ratio(ours.kl, engines.kl), `KL, ${pair}`).toBeLessThan(0.01);
      // What is left is one number or another that lies so near the middle of two steps that float32 rounds it to the other one: of most pieces none does.
      const apart = found.map(([one, other]) => ratio(one.loss, other.loss)).toSorted((a, b) => a - b);
      expect(elementAt(apart, 3), `the middle one of the pieces, ${pair}`).toBeLessThan(0.002);
    }
    // From the caches that a user has without an option, which are of half precision themselves.
    const [q8, f16] = [changes.get(FINEST), changes.get(DEFAULT)];
    if (q8 === undefined || f16 === undefined) throw new Error('nothing was compared');
    expect(ratio(q8[0].loss - f16[0].loss, q8[1].loss - f16[1].loss), 'from f16 to q8_0').toBeLessThan(0.1);

    // Keys alone, without fused attention: what meets a minimum is the sum in half precision that the library keeps.
    for (const k of ['q5_1', 'q4_1'] as const) {
      const found = await compare([k, 'f32'], 'off');
      expect(ratio(together(found, 0).kl, together(found, 1).kl), `${k} alone`).toBeLessThan(0.01);
      expect(ratio(together(found, 0).loss, together(found, 1).loss), `${k} alone`).toBeLessThan(0.1);
    }

    // In a long text such a number comes sooner or later, and rounds what follows it anew: the smallest changes agree in most long pieces, not in all.
    const long = await (await comparing(piecesOf(ids, 182, 45)))(FINEST);
    expect(long).toHaveLength(5);
    const near = long.filter(([one, other]) => ratio(one.loss, other.loss) < 0.1);
    expect(near.length).toBeGreaterThanOrEqual(3);
    expect(ratio(together(long, 0).kl, together(long, 1).kl)).toBeLessThan(0.03);
    await original.close();
    await model.close();
  });
});
