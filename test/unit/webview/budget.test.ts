import { resolve } from 'node:path';
import { gzipSync } from 'node:zlib';
import { beforeAll, describe, expect, it } from 'vitest';
import { measured } from '../../budgets/measured';
import { buildPage, type PageFiles } from '../../webview/panelPage';

/**
 * 110 until the derivation had its formula in symbols, and its sum.
 * Bytes as gzip makes them. What a page takes is reading and running it, and that follows this closely. */
const FIRST_VIEW = 112_000;
/**
 * 210 until scopes, units and the types of weights came: those are in every view's words; 220 until the architecture was drawn, with how every
 * family joins its parts; 245 until it had steps, 253 until two were drawn beside each other, 271.5 until heads had effects (next token, named
 * heads, what is lost without each, designs beside each other), 281 until the whole model's trade-off had a view, 299 until that took methods of
 * one's own, a difference said how layers follow each other, ten more types said how their parts are joined, and a kind that stands alone said
 * what tells it from another; 303 until Effects could be exported as a page and designs had a head against its group; 306.5 until these asked
 * all that the command line does (ways to take out, several places together, sources, parts and tokens to patch, composition).
 */
const ALL_VIEWS = 310_500;
/** Of the page of a weight file: its table, and with a tensor. */
const WEIGHTS_FIRST = 30_000;
const WEIGHTS_ALL = 46_000;
/** The modules of the views that load when they are first shown. */
const LATE_VIEW = /^webview\/views\/(overview\.ts|architecture\/|compare|whatIf|tradeoff|heads|steps)/;

describe("the panel's page", () => {
  let page: PageFiles;
  beforeAll(async () => {
    page = await buildPage(resolve(import.meta.dirname, '../../..'));
  });

  const zipped = (names: readonly string[]): number =>
    names.reduce((sum, name) => sum + gzipSync(page.files.get(name) ?? '').length, 0);
  const firstView = (): string[] => ['main.js', ...page.preloads];

  it(`is smaller than ${FIRST_VIEW / 1000} KB at its first view and ${ALL_VIEWS / 1000} KB with all, gzipped`, () => {
    const all = [...page.files.keys()];
    console.log(`page, gzipped: first view ${zipped(firstView())} B, all views ${zipped(all)} B`);
    measured({ panelFirst: zipped(firstView()) / 1000, panelAll: zipped(all) / 1000 });
    expect(zipped(firstView())).toBeGreaterThan(0);
    expect(zipped(firstView())).toBeLessThan(FIRST_VIEW);
    expect(zipped(all)).toBeLessThan(ALL_VIEWS);
  });

  it('begins with the numbers of the architecture alone: its drawing and the other views are files of their own', () => {
    const modules = firstView().flatMap((name) => page.modules.get(name) ?? []);
    expect(modules).toContain('webview/views/architecture.ts');
    expect(modules.filter((module) => LATE_VIEW.test(module))).toEqual([]);
    // What to count weights takes comes after the numbers of the cache: the blocks of every family.
    expect(modules.filter((module) => /^src\/(?:serving\/parameters|families\/blocksOf)/.test(module))).toEqual([]);
    expect(modules).toContain('src/families/llama.ts?layers');
    expect([...page.modules.values()].flat()).toContain('src/families/llama.ts?others');
    for (const view of ['drawing', 'difference', 'overview', 'compare', 'whatIf', 'tradeoff', 'heads', 'steps'])
      expect([...page.files.keys()].filter((file) => file.startsWith(`${view}-`))).toHaveLength(1);
  });

  it('names beside its HTML every file that the entry imports', () => {
    const imported = (name: string): string[] =>
      [...(page.files.get(name) ?? '').matchAll(/(?:from|import)"\.\/([\w-]+\.js)"/g)].map(([, file = '']) => file);
    const needed = new Set(['main.js']);
    for (const name of needed) for (const next of imported(name)) needed.add(next);
    expect(needed.size).toBeGreaterThan(1);
    expect(firstView().sort()).toEqual([...needed].sort());
  });
});

describe('the page of a weight file', () => {
  it(`is smaller than ${WEIGHTS_FIRST / 1000} KB at first and ${WEIGHTS_ALL / 1000} KB with a tensor, gzipped, and knows no families`, async () => {
    const page = await buildPage(resolve(import.meta.dirname, '../../..'), 'weightPage');
    const zipped = (names: readonly string[]): number =>
      names.reduce((sum, name) => sum + gzipSync(page.files.get(name) ?? '').length, 0);
    const [first, all] = [zipped(['weights.js', ...page.preloads]), zipped([...page.files.keys()])];
    console.log(`page of a weight file, gzipped: first ${first} B, with a tensor ${all} B`);
    measured({ weightsFirst: first / 1000, weightsAll: all / 1000 });
    expect(first).toBeGreaterThan(0);
    expect(first).toBeLessThan(WEIGHTS_FIRST);
    expect(all).toBeLessThan(WEIGHTS_ALL);
    const modules = [...page.modules.values()].flat();
    expect(modules).toContain('webview/weights/tensor.ts');
    expect(modules.filter((module) => /^src\/(?:families|reading|cache)\//.test(module))).toEqual([]);
    const late = ['weights.js', ...page.preloads].flatMap((name) => page.modules.get(name) ?? []);
    expect(late).not.toContain('webview/charts/heatmap/element.ts');
  });
});
