/** Where a key of the config stands in its text. */

import type { ConfigDocument } from '../../../src/config/document';
import type { TextRange } from '../../../src/model/spec';

export interface KeyPlace {
  /** Of its value. */
  readonly range: TextRange;
  /** Lines of key and value, from 1; the last is one of them. */
  readonly firstLine: number;
  readonly lastLine: number;
}

/**
 * @param key A path from the root, or from the object of the language model.
 * @param path Of that object.
 */
export function placeOfKey(document: ConfigDocument, path: readonly string[], key: string): KeyPlace | null {
  const keys = key.split('.');
  for (const whole of [keys, [...path, ...keys]]) {
    const object = document.objectAt(whole.slice(0, -1));
    const entry = object && document.propertiesOf(object).get(whole.at(-1) ?? '');
    if (!entry) continue;
    const node = entry.valueNode ?? entry.keyNode;
    return {
      range: document.rangeOfNode(node),
      firstLine: document.lineAt(entry.keyNode.offset),
      lastLine: document.lineAt(node.offset + Math.max(0, node.length - 1)),
    };
  }
  return null;
}
