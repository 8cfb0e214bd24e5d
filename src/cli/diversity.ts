/** `diversity`: how different heads are, of one model or of several beside each other. */

import { stagesFor } from '../compute/effects/chooseStages';
import { headsAndGroups } from '../compute/effects/effects';
import { measureDiversity } from '../compute/lens/diversity';
import { UNWATCHED } from '../compute/heads/watch';
import { allGroupEffects, type GroupEffect, groupEffects } from '../insight/effects/groupEffects';
import type { PairMeans } from '../insight/lens/diversity';
import { below, json, lines, type TerminalText } from '../present/terminal';
import { type Effect, MOST_EFFECT_TOKENS } from '../shared/effectsContract';
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
  /** Of heads and groups; null where they were not asked for. */
  readonly effects: readonly Effect[] | null;
}

export async function diversity(args: readonly string[], output: CliOutput): Promise<number> {
  const { paths, values } = parseArguments(args, {
    ...SEQUENCE_OPTIONS,
    json: { type: 'boolean' },
    effects: { type: 'boolean' },
  });
  if (paths.length === 0) throw new UsageError('diversity takes one or more model folders or GGUF files');
  checkSequenceOptions(values);
  const models: Compared[] = [];
  for (const path of paths)
    models.push(
      await withPass(path, output, async (model, pass, engine) => {
        const looked = await sequenceOf(model, values);
        const found = await measureDiversity(model, pass, looked.ids, UNWATCHED);
        if (values['effects'] !== true) return { path, looked, ...found, effects: null };
        const stages = stagesFor(model, engine, null);
        try {
          const ids = looked.ids.slice(0, MOST_EFFECT_TOKENS);
          return { path, looked, ...found, effects: await headsAndGroups(stages, ids, UNWATCHED) };
        } finally {
          await stages.dispose();
        }
      }),
    );
  output.out(values['json'] === true ? json({ models: models.map(reportOf) }) : below(...models.map(textOf)));
  return 0;
}

function reportOf({ path, looked, tokens, layers, effects }: Compared): object {
  const byLayer = effects === null ? [] : groupEffects(effects);
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
      ...(effects !== null && { effects: effectsReport(byLayer.find((each) => each.layer === layer)) }),
    })),
    ...(effects !== null && { effects: effectsReport(allGroupEffects(effects)) }),
  };
}

function effectsReport(found: Omit<GroupEffect, 'layer'> | undefined): object {
  const { head = null, group = null, together = null } = found ?? {};
  return { head: numbersOf(head), group: numbersOf(group), together: numbersOf(together) };
}

const RANKED: readonly CacheRank['what'][] = ['k', 'v', 'latent'];

function textOf({ path, tokens, layers, effects }: Compared): TerminalText {
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
    ...(effects === null ? [] : effectLines(effects)),
  ]);
}

/** Mean KL without a head, without its whole group, and what groups lose by what their heads lose one by one. */
function effectLines(effects: readonly Effect[]): readonly string[] {
  const shown = (value: number | null, digits: number): string =>
    (value === null ? '–' : value.toFixed(digits)).padStart(15);
  const row = (name: string, { head, group, together }: Omit<GroupEffect, 'layer'>): string =>
    `${name.padStart(5)}${shown(head, 5)}${shown(group, 5)}${shown(together, 2)}`;
  return [
    'taken out, KL of the prediction in nats:',
    'layer         one head      its group  group ÷ heads',
    ...groupEffects(effects).map((each) => row(String(each.layer), each)),
    row('all', allGroupEffects(effects)),
  ];
}
