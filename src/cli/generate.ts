/** `generate`: a continuation, greedy or drawn with a seed; with `--trace` token by token, with what is read of the cache and what is new. */

import { generate as continuation, type GeneratedStep } from '../compute/heads/generate';
import type { HeadModel } from '../compute/heads/headModel';
import { UNWATCHED } from '../compute/heads/watch';
import { distributionOf } from '../insight/lens/distribution';
import { formatInteger } from '../model/units';
import { below, json, line, lines, prose } from '../present/terminal';
import { LackingBytes } from '../weights/partsFile';
import { parseArguments } from './arguments';
import { UsageError } from './errors';
import { checkTokenOptions, TOKEN_OPTIONS, tokensOf, wholeNumber, withModel } from './modelInput';
import type { CliOutput } from './output';
import { SAMPLING_OPTIONS, samplingOf } from './sampling';

/** `text` and `ids` hold the prompt and what follows it. */
export async function generate(args: readonly string[], output: CliOutput): Promise<number> {
  const { paths, values } = parseArguments(args, {
    ...TOKEN_OPTIONS,
    ...SAMPLING_OPTIONS,
    tokens: { type: 'string' },
    trace: { type: 'boolean' },
    json: { type: 'boolean' },
  });
  const [path] = paths;
  if (path === undefined || paths.length !== 1) throw new UsageError('generate takes one model folder or GGUF file');
  checkTokenOptions(values);
  const count = wholeNumber(values, 'tokens', 1);
  const sampling = samplingOf(values);
  const traced = values['trace'] === true;
  return withModel(path, async (model, engine) => {
    const { store } = model.model;
    const lacking = await new LackingBytes().of(store.names().map((name) => store.span(name)));
    if (lacking > 0) output.err(line(`fetching at most ${formatInteger(lacking)} B: all of the weights`));
    const steps: Step[] = [];
    const prompt = await tokensOf(model, values);
    const { ids, generated } = await continuation(model, engine, prompt, count, UNWATCHED, sampling, (step) => {
      if (traced) steps.push(stepOf(step));
    });
    // Ids need none: what is wrong with it was said where a text was given.
    const tokenizer = await model.tokenizer().catch(() => null);
    const text = tokenizer === null ? null : tokenizer.decode(ids);
    const trace = traced ? { steps: await withPieces(model, steps) } : {};
    if (values['json'] === true) output.out(json({ text, ids, generated, ...trace }));
    else {
      const whole = prose(text ?? ids.join(' '));
      output.out(traced ? below(whole, lines((trace.steps ?? []).map(stepText))) : whole);
    }
    return 0;
  });
}

/** Likeliest tokens that a step names. */
const NAMED = 5;

type Step = ReturnType<typeof stepOf>;

function stepOf({ id, logits, cache }: GeneratedStep) {
  const { top, entropy, asked } = distributionOf(logits, NAMED, [id]);
  const [chosen] = asked;
  return { id, probability: chosen?.probability ?? null, rank: chosen?.rank ?? null, entropy, top, cache };
}

async function withPieces(model: HeadModel, steps: readonly Step[]) {
  const pieces = await model.pieces(steps.map(({ id }) => id));
  return steps.map((step, at) => ({ ...step, piece: pieces[at] ?? `#${step.id}` }));
}

function stepText({ piece, probability, rank, cache }: Step & { readonly piece: string }): string {
  const most = cache.reduce((a, b) => (b.read > a.read ? b : a), cache[0] ?? { read: 0, written: 0 });
  const bytes = cache.reduce((sum, layer) => sum + layer.bytes, 0);
  return `${JSON.stringify(piece).padEnd(16)} p ${(probability ?? 0).toFixed(4)}  rank ${rank ?? '–'}  cache: ${most.read} read, ${most.written} new, ${formatInteger(bytes)} B`;
}
