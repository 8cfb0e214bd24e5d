/** `--out F.html`: what a command says, as a page in one file. */

import { basename, dirname } from 'node:path';
import { version } from '../../package.json';
import { visibleUpTo } from '../model/visibleText';
import type { Markdown } from '../present/markdown';
import { line } from '../present/terminal';
import { type OptionTable, type ParsedArguments } from './arguments';
import { UsageError } from './errors';
import type { CliOutput } from './output';
import { writeWhole } from './writing';

/** Of a command whose result is text: `--out` takes a page alone. */
export const PAGE_OPTION: OptionTable = { out: { type: 'string' } };

/** The page that is asked for; null: the terminal. Said before anything is computed. */
export function pageFile(values: ParsedArguments['values']): string | null {
  const { out } = values;
  if (typeof out !== 'string') return null;
  if (!isPage(out)) throw new UsageError('--out takes a file that ends in .html');
  if (values['json'] === true) throw new UsageError('--json and --out exclude each other');
  return out;
}

export function isPage(file: string): boolean {
  return /\.html?$/i.test(file);
}

export interface WrittenPage {
  readonly title: string;
  readonly markdown: Markdown;
  /** An SVG file of ours. */
  readonly figure?: string;
}

export async function writePage(
  file: string,
  { title, markdown, figure }: WrittenPage,
  output: CliOutput,
): Promise<void> {
  // Loaded here alone: no other command pays for the renderer.
  const { htmlPage } = await import('../present/htmlPage');
  const page = htmlPage({
    title: visibleUpTo(LONGEST_TITLE, title),
    markdown: markdown.source,
    ...(figure === undefined ? {} : { figure }),
    madeBy: `Headlight ${version}.`,
  });
  await writeWhole(file, [page]);
  output.err(line(`${file}: ${Math.ceil(page.length / 1000)} KB`));
}

const LONGEST_TITLE = 120;

/** What a model is called: the folder's name says which it is where the file has the name of most. */
export function modelName(file: string): string {
  const own = basename(file);
  return /^(config|params)\.json$/.test(own) ? basename(dirname(file)) || own : own.replace(/\.json$/, '');
}
