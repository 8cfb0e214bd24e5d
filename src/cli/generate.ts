/** `generate`: a greedy continuation, for checking that the whole stack is true. */

import { generate as continueGreedily } from '../compute/heads/generate';
import { UNWATCHED } from '../compute/heads/watch';
import { formatInteger } from '../model/units';
import { json, line, prose } from '../present/terminal';
import { LackingBytes } from '../weights/partsFile';
import { parseArguments } from './arguments';
import { UsageError } from './errors';
import { checkTokenOptions, TOKEN_OPTIONS, tokensOf, wholeNumber, withModel } from './modelInput';
import type { CliOutput } from './output';

/** `text` and `ids` hold the prompt and what follows it. */
export async function generate(args: readonly string[], output: CliOutput): Promise<number> {
  const { paths, values } = parseArguments(args, {
    ...TOKEN_OPTIONS,
    tokens: { type: 'string' },
    json: { type: 'boolean' },
  });
  const [path] = paths;
  if (path === undefined || paths.length !== 1) throw new UsageError('generate takes one model folder or GGUF file');
  checkTokenOptions(values);
  const count = wholeNumber(values, 'tokens', 1);
  return withModel(path, async (model, engine) => {
    const { store } = model.model;
    const lacking = await new LackingBytes().of(store.names().map((name) => store.span(name)));
    if (lacking > 0) output.err(line(`fetching at most ${formatInteger(lacking)} B: all of the weights`));
    const { ids, generated } = await continueGreedily(model, engine, await tokensOf(model, values), count, UNWATCHED);
    // Ids need none: what is wrong with it was said where a text was given.
    const tokenizer = await model.tokenizer().catch(() => null);
    const text = tokenizer === null ? null : tokenizer.decode(ids);
    output.out(values['json'] === true ? json({ text, ids, generated }) : prose(text ?? ids.join(' ')));
    return 0;
  });
}
