/** An engine with its release as one text, `NAME[@RELEASE|@YYYY-MM]`: on the command line, in settings, in menus. */

import { ENGINES, type EngineRule, isEngineRule } from '../../model/scenario';
import { usualRelease, releaseOf } from './options';
import { allocationRule } from './register';

export interface ChosenEngine {
  readonly engine: EngineRule;
  /** Id of a release that its rule models. */
  readonly release: string;
}

/** `problem` follows on the name of what was given: "must be one of …", "vllm@9 is not supported: …". */
export function parseEngine(text: string): ChosenEngine | { readonly engine: null; readonly problem: string } {
  const [name = '', ...rest] = text.split('@');
  if (!isEngineRule(name)) return { engine: null, problem: `must be one of ${ENGINES.join(', ')}` };
  const rule = allocationRule(name);
  const asked = rest.length > 0 ? rest.join('@') : undefined;
  const release = releaseOf(rule, asked);
  if (release) return { engine: name, release: release.id };
  const known = rule.releases.map(({ id, date }) => `${name}@${id} (${date})`).join(', ');
  return {
    engine: null,
    problem: `${name}@${asked ?? ''} is not supported: use one of ${known}, or a month (@YYYY-MM) from ${rule.releases[0].date} on`,
  };
}

/** The text that `parseEngine` reads. The usual release needs no name: another may become it. */
export function engineChoice({ engine, release }: ChosenEngine): string {
  return release === usualRelease(allocationRule(engine)).id ? engine : `${engine}@${release}`;
}

/** Every engine at every release: the newest first, then its older ones. */
export function engineChoices(): readonly ChosenEngine[] {
  return ENGINES.flatMap((engine) =>
    [...allocationRule(engine).releases].reverse().map(({ id }) => ({ engine, release: id })),
  );
}
