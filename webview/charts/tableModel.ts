/** What a chart shows, as a table of texts: only the cells of a page are asked for. */

export interface TableModel {
  readonly caption: string;
  /** Names the first column. */
  readonly corner: string;
  readonly rows: number;
  readonly columns: number;
  rowHead(row: number): string;
  columnHead(column: number): string;
  cell(row: number, column: number): string;
}
