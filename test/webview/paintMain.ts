// See paintBench.mjs.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { UNSHARDED } from '../../src/model/scenario';
import { median } from '../unit/support';
import { buildPage, type PageFiles, PanelPages } from './panelPage';
import { findConfig, ScriptedHost } from './scriptedHost';

export interface Comparison {
  /** The checkout; its page is compared with the others. */
  readonly root: string;
  readonly executablePath: string;
  /** Name -> folder of a built page. */
  readonly builds: Readonly<Record<string, string>>;
  readonly rounds: number;
  readonly latencyMs: number;
}

/** The first of each are not counted: the browser itself is still loading. */
const WARM_UP = 3;

/** Opens each page in turn and prints when it painted its first numbers. */
export async function compare({ root, executablePath, builds, rounds, latencyMs }: Comparison): Promise<void> {
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] });
  try {
    const pages = new Map<string, PanelPages>();
    for (const [name, folder] of Object.entries(builds))
      pages.set(name, await PanelPages.start(browser, readPage(folder), latencyMs));
    pages.set('now', await PanelPages.start(browser, await buildPage(root), latencyMs));
    const times = new Map([...pages.keys()].map((name) => [name, [] as number[]]));
    for (let round = 0; round < rounds + WARM_UP; round++) {
      // Who comes first changes: the second finds caches of the system as the first left them.
      const order = round % 2 === 0 ? [...pages] : [...pages].reverse();
      for (const [name, each] of order) {
        const ms = await firstNumbers(root, each);
        if (round >= WARM_UP) times.get(name)?.push(ms);
      }
    }
    const now = times.get('now') ?? [];
    for (const [name, ms] of times) {
      // On a machine at other work the least says most, and the differences of the two that ran one after the other.
      const differences = now.map((each, round) => each - (ms[round] ?? Number.NaN));
      console.log(
        [
          `${name}: first numbers after ${median(ms).toFixed(1)} ms (median of ${ms.length}), at least ${Math.min(...ms).toFixed(1)}`,
          ...(name === 'now' ? [] : [`now ${signed(median(differences))} ms in the same round`]),
        ].join('; '),
      );
    }
    for (const each of pages.values()) await each.stop();
  } finally {
    await browser.close();
  }
}

/** From the beginning of the page's document to the frame with the first numbers. */
async function firstNumbers(root: string, pages: PanelPages): Promise<number> {
  const host = new ScriptedHost({
    root,
    config: findConfig(root, 'llama-3-8b'),
    scenario: { workload: { batch: 1, tokens: 32_768 }, engine: 'vllm', kvDtype: 'auto', sharding: UNSHARDED },
    gpu: 'h100-sxm',
    // Each begins with its own first view.
    view: null,
  });
  const shown = await pages.open(host, { theme: 'dark', width: 320, height: 900, place: 'side' });
  const ms = await shown.firstNumbers();
  if (shown.complaints.length > 0) throw new Error(shown.complaints.join('\n'));
  await shown.close();
  host.dispose();
  return ms;
}

/** As esbuild.js wrote it. */
function readPage(folder: string): Pick<PageFiles, 'files' | 'preloads'> {
  const names = readdirSync(folder).filter((name) => name.endsWith('.js'));
  return {
    files: new Map(names.map((name) => [name, readFileSync(join(folder, name), 'utf8')])),
    preloads: JSON.parse(readFileSync(join(folder, 'preload.json'), 'utf8')) as string[],
  };
}

function signed(ms: number): string {
  return `${ms < 0 ? '−' : '+'}${Math.abs(ms).toFixed(1)}`;
}
