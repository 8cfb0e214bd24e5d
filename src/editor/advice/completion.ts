/** Completion of keys and values in model configs, with what each costs. Silent in every other JSON. */

import type { Location } from 'jsonc-parser';
import {
  type CancellationToken,
  type CompletionItem,
  CompletionItemKind,
  type CompletionItemProvider,
  type Position,
  Range,
  SnippetString,
  type TextDocument,
} from 'vscode';
import type { JsonValue } from '../../config/document';
import { placeAt } from '../../config/placeAt';
import { DESCRIBED_KEYS, shapeOf } from '../../config/keyShapes';
import { keyOffers, valueOffers } from '../../reading/offers';
import { keyDetail, valueDetail } from '../../present/completionText';
import { SETTINGS } from '../ids';
import { isEnabled } from '../settings';
import { completionItem } from '../sinks';
import type { Insight, Insights } from './insights';

export class ConfigCompletionProvider implements CompletionItemProvider {
  constructor(private readonly insights: Insights) {}

  provideCompletionItems(document: TextDocument, position: Position, token: CancellationToken): CompletionItem[] {
    if (token.isCancellationRequested || !isEnabled(SETTINGS.completionEnabled)) return [];
    const insight = this.insights.of(document);
    if (!insight) return [];
    this.insights.counts.completions++;
    const offset = document.offsetAt(position);
    const text = document.getText();
    const location = placeAt(insight.found.document, offset);
    if (!location) return [];
    const range = replaced(document, position, text, location);
    return location.isAtPropertyKey
      ? keys(insight, location, range, text, document)
      : values(insight, location, range, document.getText(range));
  }
}

/** The literal that is there, quotes included, else the word before the cursor. */
function replaced(document: TextDocument, position: Position, text: string, { previousNode }: Location): Range {
  const offset = document.offsetAt(position);
  if (previousNode && previousNode.offset <= offset && offset <= previousNode.offset + previousNode.length) {
    const start = document.positionAt(previousNode.offset);
    // A string that is not closed reaches to the end of its line.
    const end = document.positionAt(previousNode.offset + previousNode.length);
    return new Range(start, end.line === start.line ? end : position);
  }
  let start = offset;
  while (start > 0 && /[\w".+-]/.test(text[start - 1] ?? '')) start--;
  return new Range(document.positionAt(start), position);
}

function keys(
  insight: Insight,
  location: Location,
  range: Range,
  text: string,
  document: TextDocument,
): CompletionItem[] {
  const path = location.path.slice(0, -1);
  if (path.some((segment) => typeof segment === 'number')) return [];
  const after = text.slice(document.offsetAt(range.end)).trimStart();
  const renamed = after.startsWith(':');
  const comma = after.startsWith('"') ? ',' : '';
  return keyOffers(insight.found.reading, path.map(String), insight.found.document).map(
    ({ key, classDefault }, index) => {
      const info = DESCRIBED_KEYS[key];
      const documentation = `${info?.text ?? ''}${info?.families ? ` (${info.families})` : ''}`;
      const item = completionItem(
        { label: key, description: keyDetail(key, classDefault), documentation },
        CompletionItemKind.Property,
      );
      item.insertText = renamed
        ? JSON.stringify(key)
        : new SnippetString(`${JSON.stringify(key)}: ${valueSnippet(key, classDefault)}${comma}`);
      return placed(item, range, JSON.stringify(key), index);
    },
  );
}

/** The class's own value, else an empty one of the key's type; the cursor is left on it. */
function valueSnippet(key: string, classDefault: JsonValue | undefined): string {
  if (typeof classDefault === 'number' || typeof classDefault === 'boolean') return `\${1:${classDefault}}`;
  switch (shapeOf(key).type) {
    case 'text':
      return '"$1"';
    case 'list':
      return '[$1]';
    case 'object':
      return '{$1}';
    case 'flag':
      return '${1:true}';
    default:
      return '$1';
  }
}

function values({ found, plan }: Insight, { path }: Location, range: Range, present: string): CompletionItem[] {
  const names = path.filter((segment): segment is string => typeof segment === 'string');
  const single = names.length === path.length;
  const offers = valueOffers(found.reading, path);
  // Who asks at a value that is whole wants the others; the editor would keep only those that begin like it.
  const whole = /^-?\d+$/.test(present) || offers.some((value) => JSON.stringify(value) === present);
  return offers.map((value, index) => {
    const text = JSON.stringify(value);
    const detail = single ? valueDetail(found.reading, names, value, plan.scenario) : '';
    const item = completionItem(
      { label: typeof value === 'string' ? value : text, description: detail },
      CompletionItemKind.Value,
    );
    item.insertText = text;
    return placed(item, range, whole ? present : text, index);
  });
}

function placed(item: CompletionItem, range: Range, filter: string, index: number): CompletionItem {
  item.range = range;
  item.filterText = filter;
  // Before what the schema or words of the file offer, in our order.
  item.sortText = `!${String(index).padStart(3, '0')}`;
  return item;
}
