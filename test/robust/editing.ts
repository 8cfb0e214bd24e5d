/** One document that is edited thousands of times, as the readings of the editor follow it: answers, and memory that stays. */

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { planCache } from '../../src/cache/plan';
import { textEdits } from '../../src/config/textEdits';
import { lintReading } from '../../src/lint/lint';
import { UNSHARDED } from '../../src/model/scenario';
import { hintsOf } from '../../src/present/hintText';
import { hoverOf } from '../../src/present/hover';
import { follow, type Followed } from '../../src/reading/follow';
import type { Reading } from '../../src/reading/read';
import type { Random } from './inputs';
import type { Watch } from './watch';

/** What may be kept of edits between a third and the end of them. */
const MOST_KEPT_BYTES = 8 * 1024 * 1024;
const SIGNS = ['"', ',', '{', '}', '[', ']', ':', '0', '7', 'x', ' ', '\n', '//', 'null'];
const KEYS = ['num_key_value_heads', 'num_hidden_layers', 'sliding_window', 'head_dim', 'x'];

/** `onEdit`: what a test does beside each edit. */
export function edit(text: string, edits: number, watch: Watch, random: Random, onEdit?: () => void): void {
  watch.begin('edits of one document', text);
  let lastGood: Reading | null = null;
  let now = text;
  let early = 0;
  for (let index = 0; index < edits; index++) {
    if (index === Math.floor(edits / 3)) early = usedBytes();
    now = typed(now, text, random);
    onEdit?.();
    const nothing: Followed = { result: null, lastGood };
    const followed: Followed = watch.ask('typing: read', () => follow(now, lastGood)) ?? nothing;
    const { result } = followed;
    lastGood = followed.lastGood;
    watch.count('typed edits');
    if (!result) continue;
    const plan = planCache(result.reading.spec, {
      workload: { batch: 1, tokens: 4096 },
      engine: 'vllm',
      kvDtype: 'auto',
      sharding: UNSHARDED,
    });
    watch.ask('typing: hints', () => hintsOf(plan, result.reading));
    if (!result.stale) watch.ask('typing: lint', () => lintReading(result.reading));
    watch.ask('typing: hover', () =>
      hoverOf(result.reading, result.document, random(now.length + 1), plan.scenario, result.stale),
    );
  }
  const kept = usedBytes() - early;
  watch.count('bytes kept of edits', Math.max(0, kept));
  if (kept > MOST_KEPT_BYTES)
    watch.breach('memory', 'edits of one document', `${kept} bytes are kept of ${edits} edits`);
}

/** A sign that is typed or taken away, a key that a quick fix sets, and now and then everything undone. */
function typed(now: string, text: string, random: Random): string {
  const at = random(now.length + 1);
  switch (random(8)) {
    case 0:
      return text;
    case 1:
      return now.slice(0, at) + now.slice(at + 1 + random(3));
    case 2:
    case 3:
    case 4: {
      const value = random(4) === 0 ? undefined : random(9);
      const [change] = textEdits(now, [{ path: [KEYS[random(KEYS.length)] ?? 'x'], value }]);
      return change ? now.slice(0, change.offset) + change.content + now.slice(change.offset + change.length) : now;
    }
    default:
      return now.slice(0, at) + (SIGNS[random(SIGNS.length)] ?? '') + now.slice(at);
  }
}

/** After everything that nobody holds is gone. */
function usedBytes(): number {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  collect();
  collect();
  return process.memoryUsage().heapUsed;
}
