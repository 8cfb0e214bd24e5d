// A workspace whose every file would like to run a command: it is opened, looked at in all places where Headlight shows something, and
// no link to that command is in the window. The command is there, and counts who runs it.
import { join } from 'node:path';
import { type Frame, type Locator, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from 'vitest';
import { thorough } from '../unit/depth';
import { COMMAND, FOLDER, LINK, writeHostile } from '../unit/support/hostile';
import { Panel } from './pageObjects/panel';
import { QuickPick } from './pageObjects/quickPick';
import { useWorkbench } from './window';

/** What a page finds of a command in itself: in shadow trees, too. Runs in the page. */
function linksIn(command: string): string[] {
  const found: string[] = [];
  const walk = (root: Document | ShadowRoot): void => {
    for (const element of root.querySelectorAll('*')) {
      for (const { name, value } of element.attributes)
        if (/^(?:(?:data-|xlink:)?href|src|action|formaction|data|srcdoc|on\w+)$/.test(name) && value.includes(command))
          found.push(`${element.tagName} ${name}=${value}`);
      if (element.tagName === 'IMG' && element.getAttribute('src') === 'x') found.push('IMG of a file');
      if (element.shadowRoot) walk(element.shadowRoot);
    }
  };
  walk(document);
  return found;
}

/** Text that the panel's page shows, but for line ends. Runs in the page. */
function unseenIn(): string[] {
  const found: string[] = [];
  const walk = (root: Node): void => {
    if (root.nodeType === Node.TEXT_NODE && root.parentElement?.tagName !== 'STYLE') {
      const odd = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u.exec((root.textContent ?? '').replace(/[\n\t]/g, ''));
      if (odd) found.push(`U+${(odd[0].codePointAt(0) ?? 0).toString(16)} in ${root.parentElement?.tagName ?? ''}`);
    }
    if (root instanceof Element && root.shadowRoot) walk(root.shadowRoot);
    for (const child of root.childNodes) walk(child);
  };
  walk(document);
  return found;
}

/** Ends when a page, its shadow trees too, has added and removed nothing for a moment. Runs in the page. */
function quiet(): Promise<void> {
  const [stillMs, mostMs] = [150, 2_000];
  return new Promise((resolve) => {
    const observer = new MutationObserver((changes) => {
      clearTimeout(still);
      still = setTimeout(end, stillMs);
      for (const { addedNodes } of changes) for (const node of addedNodes) observe(node);
    });
    const end = (): void => {
      observer.disconnect();
      resolve();
    };
    const observe = (root: Node): void => {
      observer.observe(root, { childList: true, characterData: true, subtree: true });
      if (!(root instanceof Element || root instanceof Document || root instanceof ShadowRoot)) return;
      if (root instanceof Element && root.shadowRoot) observe(root.shadowRoot);
      for (const { shadowRoot } of root.querySelectorAll('*')) if (shadowRoot) observe(shadowRoot);
    };
    let still = setTimeout(end, stillMs);
    setTimeout(end, mostMs);
    observe(document);
  });
}

describe.skipIf(!thorough)('a hostile workspace', () => {
  const workbench = useWorkbench();
  const folder = (): string => join(inject('folder'), 'hostile');
  const frames = (page: Page): Frame[] => page.frames().filter((frame) => !frame.isDetached());
  const links = async (): Promise<string[]> => {
    const found = await Promise.all(
      frames(workbench().page).map((frame) => frame.evaluate(linksIn, COMMAND).catch((): string[] => [])),
    );
    return found.flat();
  };
  const settled = async (): Promise<void> => {
    await Promise.all(frames(workbench().page).map((frame) => frame.evaluate(quiet).catch(() => undefined)));
  };
  /** Now and when all is shown: what came late counts, too. */
  const noLinks = async (where: string): Promise<void> => {
    for (const wait of [() => Promise.resolve(), settled]) {
      await wait();
      const found = await links();
      expect(found, `${where}: ${found.join(' ')}`).toEqual([]);
    }
  };
  const run = (command: string, ...given: unknown[]): Promise<void> =>
    workbench().host.evaluate(
      async (vscode, { command: id, given: parameters, root }) => {
        const uri = (value: unknown): unknown =>
          typeof value === 'string' && value.startsWith('file:')
            ? vscode.Uri.joinPath(vscode.Uri.file(root), value.slice('file:'.length))
            : value;
        const revived = parameters.map((each) =>
          typeof each === 'object' && each !== null
            ? Object.fromEntries(Object.entries(each).map(([key, value]) => [key, uri(value)]))
            : uri(each),
        );
        // What fails is said to people: that is what is looked at.
        const done = Promise.resolve(vscode.commands.executeCommand(id, ...revived)).catch(() => undefined);
        await Promise.race([done, new Promise((resolve) => setTimeout(resolve, 20_000))]);
      },
      { command, given, root: folder() },
    );
  const open = (path: string, at = ''): Promise<void> =>
    workbench().host.evaluate(
      async (vscode, { file, word }) => {
        const editor = await vscode.window.showTextDocument(vscode.Uri.file(file), { preview: false });
        const position = editor.document.positionAt(Math.max(0, editor.document.getText().indexOf(word)) + 1);
        editor.selection = new vscode.Selection(position, position);
        editor.revealRange(editor.selection);
      },
      { file: join(folder(), path), word: at },
    );
  /** Results are documents that nobody saved: closing them would ask. */
  const closeAll = (): Promise<void> =>
    workbench().host.evaluate(async (vscode) => {
      for (const document of vscode.workspace.textDocuments.filter(({ isDirty }) => isDirty)) {
        await vscode.window.showTextDocument(document);
        await vscode.commands.executeCommand('workbench.action.revertAndCloseActiveEditor');
      }
      await vscode.commands.executeCommand('workbench.action.closeAllEditors');
      await vscode.commands.executeCommand('notifications.clearAll');
    }, null);
  /** Windows of tests keep their messages behind the bell. */
  const message = async (text: string): Promise<Locator> => {
    const item = workbench().page.locator('.notification-list-item', { hasText: text }).first();
    await expect
      .poll(
        async () => {
          await run('notifications.showList');
          return item.isVisible();
        },
        { timeout: 30_000, interval: 1_000 },
      )
      .toBe(true);
    return item;
  };
  const hoverShows = async (text: string): Promise<void> => {
    const hover = workbench().page.locator('.monaco-hover:visible', { hasText: text }).first();
    await expect
      .poll(
        async () => {
          await run('editor.action.showHover');
          return hover.isVisible();
        },
        { timeout: 20_000, interval: 1_000 },
      )
      .toBe(true);
  };

  beforeAll(async () => {
    writeHostile(folder());
    await workbench().untilHeadlightIsActive();
    // The editor would ask about U+2028, above everything else.
    await workbench().setSetting('editor.unusualLineTerminators', 'off');
    await workbench().host.evaluate((vscode, id) => {
      const counter = globalThis as unknown as { hostileRuns?: number };
      counter.hostileRuns = 0;
      vscode.commands.registerCommand(id, () => void (counter.hostileRuns = (counter.hostileRuns ?? 0) + 1));
    }, COMMAND);
  }, 120_000);

  afterEach(closeAll);
  // Whatever was looked at: nobody ran it.
  afterAll(async () => {
    const runs = await workbench().host.evaluate(
      () => (globalThis as unknown as { hostileRuns?: number }).hostileRuns,
      null,
    );
    expect(runs).toBe(0);
  });

  test('would be caught: a message of somebody else has the link', async () => {
    await workbench().host.evaluate((vscode, text) => void vscode.window.showInformationMessage(text), LINK);
    await message('Fix');
    await expect.poll(links).not.toEqual([]);
    await run('notifications.clearAll');
    await expect.poll(links).toEqual([]);
  });

  test.each([
    ['mystery', 'num_key_value_heads', 'not known'],
    ['everything', 'num_hidden_layers', 'not known'],
    ['known', 'num_key_value_heads', 'B/token'],
    ['nested', 'num_hidden_layers', 'not known'],
  ])('%s: lens, hints, problems, status and hover', async (name, key, shown) => {
    const { page } = workbench();
    await open(`${name}/config.json`, key);
    await page.locator('.codelens-decoration').first().waitFor();
    await run('workbench.actions.view.problems');
    await hoverShows(shown);
    await noLinks(`${name}: hover`);
    await page.keyboard.press('Escape');
    const language = page
      .locator('.statusbar-item[id="status.languageStatus"], .statusbar-item[id*="languageStatus"]')
      .first();
    await language.hover();
    await page.locator('.hover-language-status, .monaco-hover:visible').first().waitFor();
    await noLinks(`${name}: language status`);
    await page
      .locator('.statusbar-item', { hasText: /tokens|not known/ })
      .first()
      .hover();
    await page.waitForTimeout(700);
    await noLinks(`${name}: status`);
    await page.mouse.move(0, 0);
    await run('editor.action.quickFix');
    await page.waitForTimeout(500);
    await noLinks(`${name}: fixes`);
    await page.keyboard.press('Escape');
    await run('editor.action.triggerSuggest');
    await page.waitForTimeout(500);
    await noLinks(`${name}: completion`);
    await page.keyboard.press('Escape');
  });

  test('Python: the hover', async () => {
    await open('config.py', 'num_key_value_heads');
    await hoverShows('B/token');
    await noLinks('python');
    await workbench().page.keyboard.press('Escape');
  });

  test('messages: a layer that is written or run, and what goes wrong', async () => {
    await run('headlight.saveAttentionLayerAsOnnx', 'file:mystery/config.json', {
      layer: 1,
      target: 'file:layer.onnx',
    });
    const written = await message('was written');
    await expect.poll(() => written.innerText()).toContain('[Fix] (command:');
    await expect.poll(() => written.locator('.notification-list-item-message a').count()).toBe(0);
    await noLinks('a written layer');
    await workbench().screenshot('hostile-notification');
    await run('notifications.clearAll');
    await run('headlight.runAttentionLayer', 'file:mystery/config.json', { layer: 0 });
    await message('');
    await noLinks('a layer that does not run');
    await run('notifications.clearAll');
    // The folder is there as a file: the sentence names it.
    await run('headlight.saveAttentionLayerAsOnnx', 'file:runs/config.json', {
      layer: 0,
      target: `file:runs/config.json/${LINK}.onnx`,
    });
    await message('could not be written');
    await noLinks('a layer that is not written');
    await run('notifications.clearAll');
  });

  test('documents: summaries, derivations and comparisons, as text and as rendered Markdown', async () => {
    const shown: readonly (readonly [string, ...unknown[]])[] = [
      ['headlight.estimateWeights', 'file:runs/model.safetensors'],
      ['headlight.estimateWeights', 'file:overlap/model.safetensors'],
      ['headlight.estimateWeights', 'file:gguf/llama.gguf'],
      ['headlight.estimateWeights', 'file:strange/strange.gguf'],
      ['headlight.explainThisNumber', 'file:known/config.json', {}],
      ['headlight.explainThisNumber', 'file:mystery/config.json', {}],
      ['headlight.showKvCacheAt', 'file:everything/config.json', { tokens: 100 }],
      ['headlight.compareWithAnotherConfig', 'file:mystery/config.json', { with: [] }],
      ['headlight.runAttentionLayer', 'file:mystery/config.json', { layer: 1 }],
    ];
    for (const [command, ...given] of shown) {
      await run(command, ...given);
      const where = `${command} ${String(given[0])}`;
      await noLinks(where);
      const targets = await workbench().host.evaluate(async (vscode) => {
        const input = vscode.window.tabGroups.activeTabGroup.activeTab?.input;
        if (!(input instanceof vscode.TabInputCustom)) throw new Error('no page is in front');
        const document = await vscode.workspace.openTextDocument(input.uri);
        const found =
          (await vscode.commands.executeCommand<{ target?: { toString(): string } }[]>(
            'vscode.executeLinkProvider',
            document.uri,
          )) ?? [];
        return found.map(({ target }) => target?.toString() ?? '');
      }, null);
      expect(
        targets.filter((target) => target.includes(COMMAND)),
        where,
      ).toEqual([]);
      await noLinks(`${where}, rendered`);
      await closeAll();
    }
  }, 180_000);

  test('questions: names of files, families and revisions', async () => {
    const { page } = workbench();
    await open('mystery/config.json', 'model_type');
    await open(`${FOLDER}/config.json`, 'model_type');
    const quickPick = new QuickPick(page);
    for (const command of [
      'Headlight: Compare with Another Config',
      'Headlight: Show KV Cache at',
      'Headlight: Fit This Config to a GPU',
    ]) {
      await quickPick.run(command);
      await page.locator('.quick-input-widget .monaco-list-row').first().waitFor();
      await noLinks(command);
      await expect.poll(() => page.locator('.quick-input-widget .codicon-alert').count()).toBe(0);
      await expect
        .poll(() => page.locator('.quick-input-widget').innerText())
        .not.toMatch(/[\u0000-\u0008\u001b\u202a-\u202e\u2066-\u2069]/);
      await quickPick.leave();
    }
  });

  test('the view of configs', async () => {
    const { page } = workbench();
    await run('headlight.configs.focus');
    await run('headlight.findModelConfigs');
    const rows = page.locator('.part.sidebar .pane-body .monaco-list-row', { hasText: 'Fix' });
    await rows.first().waitFor();
    await rows.first().hover();
    await noLinks('the view');
    await expect.poll(() => page.locator('.part.sidebar .pane-body .codicon-alert').count()).toBe(0);
    await workbench().screenshot('hostile-tree');
    await run('workbench.view.explorer');
  });

  test.each(['mystery', 'everything', 'known', 'nested', 'runs'])('the panel: %s in every view', async (name) => {
    const { page } = workbench();
    await open(`${name}/config.json`, 'model_type');
    await run('headlight.openPanel', `file:${name}/config.json`);
    const panel = new Panel(page);
    await panel.frame.locator('headlight-app').waitFor({ timeout: 30_000 });
    for (const tab of ['Architecture', 'Overview', 'Compare', 'What-if', 'Heads', 'Step by step']) {
      if ((await panel.tab(tab).count()) === 0) continue;
      await panel.tab(tab).click();
      await noLinks(`${name}: ${tab}`);
      const document = await panel.document();
      await expect.poll(() => document.evaluate(unseenIn)).toEqual([]);
    }
    await workbench().screenshot(`hostile-panel-${name}`);
  });
});
