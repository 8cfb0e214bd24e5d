/** A view as an HTML file of its own: what is on the screen, with every chart's picture and table. It loads nothing and runs nothing. */

import { visibleLines } from '../../src/model/visibleText';
import { escapedHtml, htmlText, LOADS_NOTHING, standalonePage } from '../../src/present/standalonePage';
import type { TableModel } from '../charts/tableModel';

/** What keeps its name in the file; of others only what is in them stays. */
const TAGS = new Set('section h2 h3 p div span strong ul li table thead tbody tr th td details summary i'.split(' '));
/** What says nothing where nothing can be pressed, and what only a screen reader is told. */
const LEFT_OUT = '.tools > *:not(label), vscode-button, .visually-hidden, headlight-legend';

export interface ExportedPage {
  readonly title: string;
  /** What it is of, line by line. */
  readonly about: readonly string[];
  /** As `viewHtml` gives it. */
  readonly body: string;
  readonly colours: { readonly background: string; readonly foreground: string };
}

export function exportedPage({ title, about, body, colours }: ExportedPage): string {
  // Colours of pictures are those of the theme that they were drawn in: the page takes its ground from there.
  const style = `body { margin: 2rem auto; padding: 0 1rem; max-width: 60rem; font: 15px/1.5 system-ui, sans-serif; overflow-wrap: anywhere; background: ${colours.background}; color: ${colours.foreground} }
h1 { font-size: 1.5rem } h2 { font-size: 1.15rem } h3 { font-size: 1rem } .small { font-size: 0.85em; opacity: 0.8; font-weight: normal }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: 0.5rem 0 } th, td { border: 1px solid color-mix(in srgb, currentColor 30%, transparent); padding: 0.2rem 0.6rem; text-align: left } .number { text-align: right }
figure { margin: 1rem 0; overflow-x: auto } .wide { overflow-x: auto } .warn { text-decoration: underline } .token { white-space: pre-wrap } .asked { margin-right: 1.5em } pre { white-space: pre-wrap }
.bars { display: grid; grid-template-columns: max-content 6ch minmax(24px, 20rem); gap: 0 8px } .sides { display: grid; gap: 0 2rem; grid-template-columns: repeat(auto-fit, minmax(min(100%, 18rem), 1fr)) } .bar { display: block; height: 8px; margin: 7px 0; background: currentColor }`;
  return standalonePage({
    title,
    style,
    body: `<h1>${htmlText(title)}</h1>
<pre>${linesHtml(about.join('\n'))}</pre>
${body}
<p class="small">Made by Headlight. ${LOADS_NOTHING}</p>`,
  });
}

/** A part of a view as HTML without anything that could be pressed or loaded. */
export function viewHtml(node: Node): string {
  // What only lays the source out is no text.
  if (node.nodeType === Node.TEXT_NODE) return htmlText((node.textContent ?? '').replace(/[ \t\r\n]+/g, ' '));
  if (!(node instanceof HTMLElement)) return '';
  if (node.matches(LEFT_OUT) || node.hidden) return '';
  if (node.matches('headlight-heatmap, headlight-matrix-table')) return chartHtml(node);
  if (node instanceof HTMLTextAreaElement) return `<p class="token">${linesHtml(node.value)}</p>`;
  if (node instanceof HTMLInputElement) return node.value === '' ? '' : `<strong>${htmlText(node.value)}</strong>`;
  if (node instanceof HTMLSelectElement) return `<strong>${htmlText(node.selectedOptions[0]?.text ?? '')}</strong>`;
  // A picture that is made of elements has its sentence.
  if (node.getAttribute('role') === 'img') return `<p>${htmlText(node.getAttribute('aria-label') ?? '')}</p>`;
  const within = [...node.childNodes].map(viewHtml).join('');
  // What was asked, beside each other; a field that was left empty asked nothing.
  if (node instanceof HTMLLabelElement) {
    const empty = node.control instanceof HTMLInputElement && node.control.value === '';
    return empty ? '' : `<span class="asked">${within.trim()}</span> `;
  }
  const tag = node.localName;
  if (!TAGS.has(tag)) return within;
  // As the browser writes it: "width: 95.7%;".
  const [, share] = /^width:\s*([\d.e-]+)%;?$/.exec(node.getAttribute('style') ?? '') ?? [];
  const width = share === undefined ? '' : ` style="width:${share}%"`;
  const open = tag === 'details' ? ' open' : '';
  return `<${tag}${open}${node.className === '' ? '' : ` class="${htmlText(node.className)}"`}${width}>${within}</${tag}>`;
}

/** A text that may have lines, which stay. */
function linesHtml(text: string): string {
  return escapedHtml(visibleLines(text));
}

/** The picture as it is drawn, and all of its numbers, where the page has them in parts. */
function chartHtml(chart: HTMLElement & { readonly table?: TableModel | null; readonly model?: unknown }): string {
  const canvas = chart.shadowRoot?.querySelector<HTMLCanvasElement>('canvas.cells');
  const own = chart.localName === 'headlight-matrix-table' ? (chart.model as TableModel | null) : (chart.table ?? null);
  const legend = chart.querySelector('headlight-legend');
  const picture =
    canvas == null || canvas.width === 0
      ? ''
      : `<figure><img alt="${htmlText(own?.caption ?? '')}" width="${Math.round(canvas.getBoundingClientRect().width)}" src="${canvas.toDataURL('image/png')}"></figure>`;
  const scale =
    legend === null
      ? ''
      : `<p class="small">Colours: ${htmlText(`${legend.getAttribute('from') ?? ''} to ${legend.getAttribute('to') ?? ''}`)}</p>`;
  return `${picture}${scale}${own === null ? '' : tableHtml(own)}`;
}

function tableHtml({ caption, corner, rows, columns, rowHead, columnHead, cell }: TableModel): string {
  const each = (count: number, of: (at: number) => string): string =>
    Array.from({ length: count }, (_, at) => of(at)).join('');
  const head = each(columns, (column) => `<th class="number">${htmlText(columnHead(column))}</th>`);
  const body = each(
    rows,
    (row) =>
      `<tr><th>${htmlText(rowHead(row))}</th>${each(columns, (column) => `<td class="number">${htmlText(cell(row, column))}</td>`)}</tr>\n`,
  );
  return `<details><summary>${htmlText(caption)}, as a table</summary><div class="wide"><table><thead><tr><th>${htmlText(corner)}</th>${head}</tr></thead><tbody>${body}</tbody></table></div></details>`;
}
