// See look.mjs.
import { mkdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { parseArgs } from 'node:util';
import { chromium, type Browser, type Page } from 'playwright-core';
import { isKvDtype } from '../../src/model/dtype';
import { weightFormatOf } from '../../src/model/weightFormat';
import { parseEngine } from '../../src/cache/engines/choose';
import { parseEngineOption } from '../../src/cache/engines/parseOptions';
import { allocationRule } from '../../src/cache/engines/register';
import { UNSHARDED } from '../../src/model/scenario';
import { PANEL_VIEWS, type PanelView } from '../../src/shared/panelViews';
import { buildPage, PanelPages } from './panelPage';
import { findConfig, ScriptedHost } from './scriptedHost';
import { THEME_KINDS, type ThemeKind } from './themes';

export const USAGE = `Shows a view of the panel in headless Chromium and makes pictures of it.
  node test/webview/look.mjs --view compare --theme dark --width 320 --config llama-3-8b --out /tmp/x.png
  --view     ${PANEL_VIEWS.join(' | ')}            (default architecture)
  --config   a path, or the name of a sample, preset or reference config; none: no config is open (default llama-3-8b)
  --beside   another config, which the architecture is drawn beside (default none)
  --results  a folder where trade-offs keep what they found      (default none)
  --theme    ${THEME_KINDS.join(' | ')} | all, or several with commas            (default dark)
  --width    pixels, several with commas                         (default 320)
  --height   of the window                                       (default 900; the picture is of the whole page)
  --place    side | editor                                       (default side up to 400 px)
  --tokens --batch --engine --kv-dtype --weights --tp --gpu      the scenario (default 32768 1 vllm auto 1 h100-sxm)
  --opt NAME=VALUE                                               an option of the engine, which may be NAME@RELEASE; may be given again
  --do STEP  may be given again, in order: "click TEXT-OR-CSS", "press Tab", "type abc", "hover CSS", "wait CSS", "sleep 100",
             "focus CSS", "drag CSS dx dy", "hold CSS dx dy" (a drag that does not end), "config OTHER-CONFIG" (as if edited to that text), "line N" (the cursor of the file), "reload", "fail MESSAGE" (an error),
             "block NAME" and "stall NAME" (files with that in their name do not come, or not yet)
  --text     prints what a screen reader is told;  --axe  prints what axe finds;  --log  prints what the page asked of the host
  --scale    device pixels per pixel (default 1);  --motion  with motion
  --out      picture; with several themes or widths their names are added (default none)`;

export async function look(root: string, executablePath: string, args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      view: { type: 'string', default: 'architecture' },
      beside: { type: 'string' },
      results: { type: 'string' },
      config: { type: 'string', default: 'llama-3-8b' },
      theme: { type: 'string', default: 'dark' },
      width: { type: 'string', default: '320' },
      height: { type: 'string', default: '900' },
      place: { type: 'string' },
      tokens: { type: 'string', default: '32768' },
      batch: { type: 'string', default: '1' },
      engine: { type: 'string', default: 'vllm' },
      opt: { type: 'string', multiple: true, default: [] },
      'kv-dtype': { type: 'string', default: 'auto' },
      weights: { type: 'string', default: 'file' },
      tp: { type: 'string', default: '1' },
      gpu: { type: 'string', default: 'h100-sxm' },
      do: { type: 'string', multiple: true, default: [] },
      text: { type: 'boolean' },
      axe: { type: 'boolean' },
      log: { type: 'boolean' },
      motion: { type: 'boolean' },
      scale: { type: 'string', default: '1' },
      out: { type: 'string' },
    },
  });
  const themes = values.theme === 'all' ? THEME_KINDS : (values.theme.split(',') as ThemeKind[]);
  const widths = values.width.split(',').map(Number);
  const { view } = values;
  const kvDtype = values['kv-dtype'];
  const weights = weightFormatOf(values.weights);
  const chosen = parseEngine(values.engine);
  if (chosen.engine === null || !isKvDtype(kvDtype) || !(PANEL_VIEWS as readonly string[]).includes(view))
    throw new Error(USAGE);
  const scenario = {
    workload: { batch: Number(values.batch), tokens: Number(values.tokens) },
    ...chosen,
    options: Object.fromEntries(
      values.opt.map((text) => {
        const option = parseEngineOption(allocationRule(chosen.engine), text);
        if (option.name === null) throw new Error(option.problem);
        return [option.name, option.value];
      }),
    ),
    kvDtype,
    ...(weights ? { weights } : {}),
    sharding: { ...UNSHARDED, tp: Number(values.tp) },
  };
  const config = values.config === 'none' ? null : findConfig(root, values.config);
  const browser = await chromium.launch({
    executablePath,
    args: ['--no-sandbox', '--disable-gpu', '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1'],
  });
  let complaints = 0;
  try {
    const pages = await PanelPages.start(browser, await buildPage(root));
    for (const theme of themes) {
      for (const width of widths) {
        const host = new ScriptedHost({
          root,
          config,
          scenario,
          gpu: values.gpu,
          view: view as PanelView,
          ...(values.results === undefined ? {} : { results: values.results }),
          ...(values.beside === undefined ? {} : { beside: findConfig(root, values.beside) }),
        });
        const place = values.place === 'editor' || (values.place === undefined && width > 400) ? 'editor' : 'side';
        const shown = await pages.open(host, {
          theme,
          width,
          height: Number(values.height),
          place,
          reducedMotion: !values.motion,
          scale: Number(values.scale),
        });
        await shown.settled();
        for (const step of values.do) await act(root, shown.page, host, step);
        // What stalls does not settle.
        if (!values.do.some((step) => step.startsWith('stall '))) await shown.settled();
        if (values.out) {
          const name =
            themes.length * widths.length === 1
              ? values.out
              : values.out.replace(/(\.png)?$/, `-${theme}-${width}.png`);
          mkdirSync(dirname(name), { recursive: true });
          await shown.page.screenshot({ path: name, fullPage: true });
          console.log(name);
        }
        if (values.text) console.log(await shown.page.locator('headlight-app').ariaSnapshot());
        if (values.axe) console.log(await axe(root, shown.page, `${theme} ${width}`));
        if (values.log) console.log(host.log.join('\n'));
        for (const complaint of shown.complaints) console.error(`${theme} ${width}: ${complaint}`);
        complaints += shown.complaints.length;
        await shown.close();
        host.dispose();
      }
    }
    await pages.stop();
  } finally {
    await close(browser);
  }
  return complaints > 0 ? 1 : 0;
}

async function close(browser: Browser): Promise<void> {
  await browser.close();
}

async function act(root: string, page: Page, host: ScriptedHost, step: string): Promise<void> {
  const [verb = '', ...rest] = step.split(' ');
  const what = rest.join(' ');
  // Playwright's CSS sees through shadow roots.
  const find = (text: string): ReturnType<Page['locator']> =>
    /^[.#[a-z-]*[.#[>:]|^[a-z]+-[a-z-]+$|^[.#[]/.test(text)
      ? page.locator(text).first()
      : page.getByText(text, { exact: true }).first();
  switch (verb) {
    case 'click':
      return find(what).click();
    case 'hover':
      return find(what).hover();
    case 'focus':
      return find(what).focus();
    case 'wait':
      return find(what).waitFor();
    case 'press':
      for (const key of rest) await page.keyboard.press(key);
      return;
    case 'type':
      return page.keyboard.type(what);
    case 'sleep':
      return page.waitForTimeout(Number(what));
    case 'reload':
      await page.reload();
      return;
    case 'block':
      await page.route(`**/*${what}*`, (route) => route.abort());
      return;
    case 'stall':
      // Never answered.
      await page.route(`**/*${what}*`, () => undefined);
      return;
    case 'fail':
      return page.evaluate(
        (message) =>
          void setTimeout(() => {
            throw new Error(message);
          }),
        what,
      );
    case 'config':
      return host.type(readFileSync(findConfig(root, what), 'utf8'));
    case 'line':
      return host.moveCursor(Number(what));
    case 'hold':
    case 'drag': {
      const [dx, dy] = rest.slice(-2).map(Number);
      const box = await find(rest.slice(0, -2).join(' ')).boundingBox();
      if (!box) throw new Error(`nothing to drag: ${what}`);
      const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
      await page.mouse.move(x, y);
      await page.mouse.down();
      await page.mouse.move(x + (dx ?? 0), y + (dy ?? 0), { steps: 8 });
      if (verb === 'drag') await page.mouse.up();
      return;
    }
    default:
      throw new Error(`--do ${step}: unknown\n${USAGE}`);
  }
}

interface Finding {
  readonly id: string;
  readonly impact: string;
  readonly help: string;
  readonly nodes: readonly { readonly target: readonly unknown[]; readonly html: string }[];
}

async function axe(root: string, page: Page, where: string): Promise<string> {
  await page.evaluate(readFileSync(`${root}/node_modules/axe-core/axe.min.js`, 'utf8'));
  const findings = await page.evaluate(async () => {
    const { violations } = await (
      window as unknown as { axe: { run(): Promise<{ violations: Finding[] }> } }
    ).axe.run();
    return violations;
  });
  const lines = findings.map(
    ({ id, impact, help, nodes }) =>
      `  ${impact} ${id}: ${help}\n${nodes
        .slice(0, 4)
        .map((node) => `      ${JSON.stringify(node.target)} ${node.html.slice(0, 160)}`)
        .join('\n')}`,
  );
  return `axe, ${where}: ${findings.length === 0 ? 'nothing found' : `\n${lines.join('\n')}`}`;
}
