/** Where keys of the config stand in its text: where the boxes of a drawing lead, and which of them a line decided. */

import type { ConfigDocument } from '../../../src/config/document';
import type { Part, Scene } from '../../../src/drawing/scene';
import type { TextRange } from '../../../src/model/spec';
import type { FollowedReading } from '../../../src/reading/follow';

interface KeyPlace {
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
function placeOfKey(document: ConfigDocument, path: readonly string[], key: string): KeyPlace | null {
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

/** Of the parts of drawings of one config, looked up once for each text. */
export class KeyPlaces {
  private readonly known = new Map<string, KeyPlace | null>();

  constructor(
    private readonly followed: FollowedReading | null,
    /** Parts that lead nowhere: those of another file. */
    private readonly elsewhere: (part: Part) => boolean = () => false,
  ) {}

  /** Of the first of its keys that stands in the file. */
  first(part: Part): (KeyPlace & { readonly key: string }) | null {
    const [first] = this.all(part);
    return first ?? null;
  }

  /** Parts that a line decided. */
  litBy(line: number | null, scenes: readonly Scene[]): ReadonlySet<string> {
    const lit = new Set<string>();
    if (line === null) return lit;
    for (const { parts } of scenes)
      for (const part of parts)
        if (this.all(part).some(({ firstLine, lastLine }) => firstLine <= line && line <= lastLine)) lit.add(part.id);
    return lit;
  }

  private all(part: Part): readonly (KeyPlace & { readonly key: string })[] {
    if (this.elsewhere(part)) return [];
    return part.keys.flatMap((key) => {
      const place = this.placeOf(key);
      return place ? [{ key, ...place }] : [];
    });
  }

  private placeOf(key: string): KeyPlace | null {
    const { followed, known } = this;
    if (!followed) return null;
    let place = known.get(key);
    if (place === undefined) {
      place = placeOfKey(followed.document, followed.reading.location.path, key);
      known.set(key, place);
    }
    return place;
  }
}
