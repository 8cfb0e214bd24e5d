/** Keys of a table or tree of which only the rows in sight exist. */

export interface GridPlace {
  readonly row: number;
  readonly rows: number;
  /** Rows in sight. */
  readonly page: number;
}

/** The row that a key leads to; null where it leads nowhere. */
export function movedRow(key: string, { row, rows, page }: GridPlace): number | null {
  if (rows === 0) return null;
  const by = { ArrowDown: 1, ArrowUp: -1, PageDown: page - 1, PageUp: 1 - page }[key];
  if (by !== undefined) return Math.min(rows - 1, Math.max(0, row + by));
  return { Home: 0, End: rows - 1 }[key] ?? null;
}

/** A letter that is typed into the table, which searches. */
export function isTyped({
  key,
  ctrlKey,
  metaKey,
  altKey,
}: Pick<KeyboardEvent, 'key' | 'ctrlKey' | 'metaKey' | 'altKey'>): boolean {
  return key.length === 1 && key !== ' ' && key !== '*' && !ctrlKey && !metaKey && !altKey;
}
