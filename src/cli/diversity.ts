/** `diversity`: how different heads are, of one model or of several beside each other. */

import { measureDiversity } from '../compute/lens/diversity';
import { UNWATCHED } from '../compute/heads/watch';
import type { PairMeans } from '../insight/lens/diversity';
import { below, json, lines, type TerminalText } from '../present/terminal';
import type { CacheRank, LayerDiversity } from '../shared/lensContract';
import { parseArguments } from './arguments';
import { numbersOf } from './dumpJson';
import { UsageError } from './errors';
import { checkSequenceOptions, type LookedAt, SEQUENCE_OPTIONS, sequenceOf, withPass } from './lensInput';
import type { CliOutput } from './output';

interface Compared {
  readonly path: string;
  readonly looked: LookedAt;
  readonly tokens: number;
  readonly layers: readonly LayerDiversity[];
}

export async function diversity(args: readonly string[], output: CliOutput): Promise<number> {
  const { paths, values } = parseArguments(args, { ...SEQUENCE_OPTIONS, json: { type: 'boolean' } });
  if (paths.length === 0) throw new UsageError('diversity takes one or more model folders or GGUF files');
  checkSequenceOptions(values);
  const models: Compared[] = [];
  for (const path of paths)
    models.push(
      await withPass(path, output, async (model, pass) => {
        const looked = await sequenceOf(model, values);
        return { path, looked, ...(await measureDiversity(model, pass, looked.ids, UNWATCHED)) };
      }),
    );
  output.out(values['json'] === true ? json({ models: models.map(reportOf) }) : below(...models.map(textOf)));
  return 0;
}

function reportOf({ path, looked, tokens, layers }: Compared): object {
  const means = (of: PairMeans): object =>
    Object.fromEntries(Object.entries(of).map(([key, value]) => [key, numbersOf(value as number | null)]));
  return {
    path,
    tokens: looked.ids.slice(0, tokens),
    layers: layers.map(({ layer, attention, groups, cka, patternDistance, ranks }) => ({
      layer,
      kind: attention.kind,
      queryHeads: attention.queryHeads,
      groups,
      cka: means(cka),
      patternDistance: means(patternDistance),
      ranks: Object.fromEntries(ranks.map(({ what, rank, ...rest }) => [what, { rank: numbersOf(rank), ...rest }])),
    })),
  };
}

const RANKED: readonly CacheRank['what'][] = ['k', 'v', 'latent'];

function textOf({ path, tokens, layers }: Compared): TerminalText {
  const number = (value: number | null): string => (value === null ? '–' : value.toFixed(3)).padStart(9);
  const ranked = (ranks: readonly CacheRank[], what: CacheRank['what']): string => {
    const found = ranks.find((each) => each.what === what);
    return (found === undefined ? '–' : `${found.rank.toFixed(1)}/${found.most}`).padStart(11);
  };
  return lines([
    `${path}, ${tokens} tokens`,
    `layer  heads  groups   CKA: all  in group  between   patterns apart: all  in group  between   effective rank:  K          V     latent`,
    ...layers.map(({ layer, attention, groups, cka, patternDistance, ranks }) =>
      [
        String(layer).padStart(5),
        String(attention.queryHeads).padStart(7),
        String(groups).padStart(8),
        '   ',
        number(cka.all),
        number(cka.inside),
        number(cka.between),
        '            ',
        number(patternDistance.all),
        number(patternDistance.inside),
        number(patternDistance.between),
        '      ',
        ...RANKED.map((what) => ranked(ranks, what)),
      ].join(''),
    ),
  ]);
}
