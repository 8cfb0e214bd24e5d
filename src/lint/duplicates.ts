/** Keys that stand twice in one object: parsers take the last one without a word. */

import type { Node } from 'jsonc-parser';
import { type JsonValue } from '../config/document';
import { show } from '../config/reader';
import type { LintContext } from './context';
import { ROPE_KEYS } from './ropeObjects';

/** Nested objects that decide about attention. Vision and audio parts are none of ours. */
const NESTED = [...ROPE_KEYS, 'quantization_config', 'attn_config', 'linear_attn_config', 'sparse_attention_config'];

/** So many are told of; who has more has another trouble. */
const MOST_TOLD = 50;

export function lintDuplicates(context: LintContext): void {
  const { document, location } = context.reading;
  const paths = new Map<string, readonly string[]>();
  for (let depth = 0; depth <= location.path.length; depth++) {
    const path = location.path.slice(0, depth);
    for (const full of [path, ...NESTED.map((key) => [...path, key])]) paths.set(full.join('\0'), full);
  }
  for (const path of paths.values()) {
    const object = document.objectAt(path);
    if (object) lintObject(context, object, path);
  }
}

function lintObject(context: LintContext, object: Node, path: readonly string[]): void {
  const { document } = context.reading;
  const last = document.propertiesOf(object);
  const properties = object.children ?? [];
  if (properties.length === last.size) return;
  let told = 0;
  for (const property of properties) {
    if (told === MOST_TOLD) break;
    const [keyNode, valueNode] = property.children ?? [];
    const key: unknown = keyNode?.value;
    const winner = typeof key === 'string' ? last.get(key) : undefined;
    if (!keyNode || !winner || winner.keyNode === keyNode) continue;
    told++;
    const ignored = text(valueNode ? document.valueOf(valueNode) : undefined);
    const counts = text(winner.valueNode ? document.valueOf(winner.valueNode) : undefined);
    const line = document.lineAt(winner.keyNode.offset);
    const same = ignored === counts;
    const message = same
      ? `${winner.key} appears twice with the same value; the one on line ${line} is used.`
      : `${winner.key} appears twice: ${ignored} here is ignored, ${counts} on line ${line} is used.`;
    context.reportAt(
      { key: [...path, winner.key].join('.'), range: document.rangeOf(keyNode.offset, keyNode.length), rule: 'given' },
      'duplicate-key',
      same ? 'information' : 'warning',
      message,
    );
  }
}

function text(value: JsonValue | undefined): string {
  return show(value);
}
