/** `lens`: what a model says next at a position, and what it would say after every layer. */

import { readStates } from '../compute/lens/readStates';
import { UNWATCHED } from '../compute/heads/watch';
import type { HeadModel } from '../compute/heads/headModel';
import { below, json, line, lines, type TerminalText } from '../present/terminal';
import type { LensRead, StateRead } from '../shared/lensContract';
import { MOST_POSITIONS } from '../shared/lensContract';
import { parseArguments } from './arguments';
import { numbersOf as dumpNumber } from './dumpJson';
import { InputError, UsageError } from './errors';
import { withPass } from './lensInput';
import { checkTokenOptions, TOKEN_OPTIONS, tokensOf, wholeNumber } from './modelInput';
import type { CliOutput } from './output';

const MOST_TOP = 100;

export async function lens(args: readonly string[], output: CliOutput): Promise<number> {
  const { paths, values } = parseArguments(args, {
    ...TOKEN_OPTIONS,
    position: { type: 'string' },
    top: { type: 'string' },
    token: { type: 'string', multiple: true },
    json: { type: 'boolean' },
  });
  const [path] = paths;
  if (path === undefined || paths.length !== 1) throw new UsageError('lens takes one model folder or GGUF file');
  checkTokenOptions(values);
  const top = values['top'] === undefined ? 10 : wholeNumber(values, 'top', 1);
  if (top > MOST_TOP) throw new UsageError(`--top takes a whole number of at most ${MOST_TOP}`);
  const at = values['position'];
  const one = at === undefined || at === 'all' ? null : wholeNumber(values, 'position', 0);
  const wanted = typeof values['token'] === 'string' ? values['token'].split('\n') : [];
  return withPass(path, output, async (model, pass) => {
    const ids = await tokensOf(model, values);
    const positions = at === 'all' ? [...ids.keys()] : [one ?? ids.length - 1];
    if (positions.length > MOST_POSITIONS)
      throw new InputError(`--position all reads at most ${MOST_POSITIONS} positions; the prompt has ${ids.length}`);
    const tokens: number[] = [];
    for (const text of wanted) tokens.push(await tokenOf(model, text));
    const read = await readStates(model, pass, { ids, positions, top, tokens }, UNWATCHED);
    const pieces = await model.pieces(ids);
    output.out(values['json'] === true ? reportJson(ids, pieces, read) : reportText(model.path, pieces, read));
    return 0;
  });
}

/** An id, or a text that is one token. @throws InputError */
async function tokenOf(model: HeadModel, text: string): Promise<number> {
  if (/^\d+$/.test(text)) return Number(text);
  const tokenizer = await model.tokenizer();
  if (tokenizer === null) throw new InputError(`--token ${text}: there is no tokenizer; give its id`);
  const ids = tokenizer.encode(text, false);
  const [first] = ids;
  if (first === undefined || ids.length !== 1)
    throw new InputError(
      `--token ${JSON.stringify(text)} is ${ids.length} tokens of this model (${tokenizer.pieces(ids).join('|')}); give one token, with the space before it, or its id`,
    );
  return first;
}

function reportJson(
  ids: readonly number[],
  pieces: readonly string[],
  { positions, states, words }: LensRead,
): TerminalText {
  const named = new Map(words.map(({ id, piece }) => [id, piece]));
  const token = <T extends { readonly id: number; readonly logit: number; readonly probability: number }>(
    of: T,
  ): object => ({
    ...of,
    piece: named.get(of.id),
    logit: dumpNumber(of.logit),
    probability: dumpNumber(of.probability),
  });
  return json({
    tokens: ids,
    text: pieces,
    positions: positions.map((position, at) => ({
      position,
      states: states.map(({ layer, reads }) => {
        const { top, entropy, asked, follows } = reads[at] as StateRead;
        return {
          layer,
          entropy: dumpNumber(entropy),
          top: top.map(token),
          tokens: asked.map(token),
          follows: follows === null ? null : token(follows),
        };
      }),
    })),
  });
}

/** Likeliest tokens of a layer in one line. */
const IN_LINE = 4;

function reportText(path: string, pieces: readonly string[], { positions, states, words }: LensRead): TerminalText {
  const named = new Map(words.map(({ id, piece }) => [id, piece]));
  const said = (id: number): string => JSON.stringify(named.get(id) ?? `#${id}`);
  const percent = (probability: number): string => `${(100 * probability).toFixed(2)} %`;
  const last = states.at(-1);
  const parts = positions.map((position, at) => {
    const read = last?.reads[at];
    const ranked = [
      ...(read?.follows ? [['follows in the prompt', read.follows] as const] : []),
      ...(read?.asked ?? []).map((token) => ['asked for', token] as const),
    ];
    return lines([
      `position ${position}, after ${JSON.stringify(pieces[position] ?? '')}: entropy ${(read?.entropy ?? 0).toFixed(4)} nats`,
      ...(read?.top ?? []).map(
        (token, rank) =>
          `${String(rank + 1).padStart(4)}  ${percent(token.probability).padStart(8)}  ${said(token.id)}`,
      ),
      ...ranked.map(
        ([why, token]) =>
          `      ${percent(token.probability).padStart(8)}  ${said(token.id)}, rank ${token.rank} (${why})`,
      ),
      'after each layer:',
      ...states.map(({ layer, reads }) => {
        const state = reads[at] as StateRead;
        const list = state.top.slice(0, IN_LINE).map((token) => `${said(token.id)} ${percent(token.probability)}`);
        const rank = state.follows ? `  rank of the next token ${state.follows.rank}` : '';
        return `${(layer === null ? 'embeddings' : `layer ${layer}`).padStart(12)}  ${list.join('  ')}${rank}`;
      }),
    ]);
  });
  return below(line(`${path}, ${pieces.length} tokens`), ...parts);
}
