// What heads do, in a real VS Code: the next token, named heads, what is lost without each, by mouse and by keys.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Frame } from 'playwright-core';
import { beforeAll, describe, expect, inject, test } from 'vitest';
import { thorough } from '../unit/depth';
import { Panel } from './pageObjects/panel';
import { useWorkbench } from './window';

const TIMEOUT = 30_000;

describe.skipIf(!thorough)('what the heads of the GQA sample do', () => {
  const workbench = useWorkbench();
  let frame: Frame;
  const view = (): ReturnType<Frame['locator']> => frame.locator('headlight-heads-effects');
  const press = (name: string): Promise<void> => view().getByRole('button', { name, exact: true }).click();

  beforeAll(async () => {
    await workbench().openFile('llama-3-8b/config.json');
    await workbench().untilHeadlightIsActive();
    await workbench().host.evaluate(
      (vscode, command) => vscode.commands.executeCommand(command).then(() => null),
      'headlight.openPanel',
    );
    const panel = new Panel(workbench().page);
    frame = await panel.document();
    await panel.show('Heads');
    const source = frame.locator('headlight-heads select').first();
    await source.waitFor({ timeout: TIMEOUT });
    const sample = await source.locator('option', { hasText: 'GQA' }).getAttribute('value');
    await source.selectOption(sample ?? '');
    await frame.getByRole('button', { name: 'Run', exact: true }).click({ timeout: TIMEOUT });
    await frame.getByRole('button', { name: 'Effects', exact: true }).click({ timeout: TIMEOUT });
  });

  test('is the next token, after every layer, and token by token on a growing cache', async () => {
    await expect.poll(() => view().locator('.bars').innerText(), { timeout: TIMEOUT }).toMatch(/^␣blue\s/);
    await expect
      .poll(() =>
        view()
          .getByRole('row', { name: /^layer 3 / })
          .innerText(),
      )
      .toContain('␣blue');
    await press('One token');
    await view().getByText('K and V of 0 tokens read, 10 new').waitFor({ timeout: TIMEOUT });
    await press('One token');
    await view().getByText('K and V of 10 tokens read, 1 new').waitFor({ timeout: TIMEOUT });
  });

  test('has names, with what they were measured by', async () => {
    await press('Named heads');
    await press('Find in a random list, twice');
    await expect
      .poll(() => view().getByRole('region', { name: 'Named heads' }).innerText(), { timeout: TIMEOUT })
      .toMatch(/Induction heads from 0\.4[\s\S]*layer 3 head 7\s+0\.\d\d/);
  });

  test('is every part by keys alone, and one HTML file of what is shown', async () => {
    const { page } = workbench();
    const { keyboard } = page;
    await view().getByRole('button', { name: 'Named heads', exact: true }).focus();
    const focused = (): Promise<string> =>
      frame.evaluate(() => {
        let at = document.activeElement;
        while (at?.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
        const host = at?.getRootNode();
        const name = host instanceof ShadowRoot && host.host.localName === 'vscode-button' ? host.host : at;
        return name?.getAttribute('aria-label') ?? name?.textContent?.trim() ?? '';
      });
    /** Tab until it is reached: the way that a person goes. */
    const reach = async (label: string): Promise<void> => {
      for (let step = 0; step < 30; step++) {
        await keyboard.press('Tab');
        if ((await focused()) === label) return;
      }
      throw new Error(`Tab does not reach ${label}; it is at ${await focused()}`);
    };
    await reach('Who wrote it');
    await keyboard.press('Enter');
    await view().getByRole('region', { name: 'Who wrote it' }).waitFor({ timeout: TIMEOUT });
    await reach('Attribute');
    await keyboard.press('Enter');
    await view().getByText('the parts sum to').waitFor({ timeout: TIMEOUT });
    await reach('Export View…');
    await keyboard.press('Enter');
    const input = page.locator('.quick-input-widget input[type="text"]');
    await expect.poll(() => input.inputValue(), { timeout: 20_000 }).toMatch(/who-wrote-it.*\.html$/);
    const target = join(inject('folder'), 'effects-view.html');
    await input.fill(target);
    await keyboard.press('Enter');
    await expect.poll(() => existsSync(target), { timeout: 20_000 }).toBe(true);
    await expect.poll(() => readFileSync(target, 'utf8')).toMatch(/<\/html>\s*$/);
    const html = readFileSync(target, 'utf8');
    expect(html).toMatch(/the parts sum to [\d.]+/);
    expect(html).toMatch(/<img alt="What each head adds to the logit" width="\d+" src="data:image\/png;base64,/);
    // Heads of four layers, in the table of the picture; nothing to press, nothing to load.
    expect(html.match(/<th>L[0-3]<\/th>/g)).toHaveLength(4);
    expect(html).not.toMatch(/<(?:script|button|vscode-|link|iframe)|(?:src|href)="(?!data:)/);
  });

  test('is what is lost without it, read by keys, and leads to its pattern', async () => {
    await press('Without a head');
    await view().getByRole('button', { name: 'Take out every head' }).focus();
    await frame.page().keyboard.press('Enter');
    const plot = view().locator('headlight-heatmap .plot');
    await plot.waitFor({ timeout: TIMEOUT });
    await expect.poll(() => view().getByText('still missing').count(), { timeout: TIMEOUT }).toBe(0);
    await plot.focus();
    await frame.page().keyboard.press('ArrowRight');
    await expect
      .poll(() => view().locator('headlight-heatmap .readout').innerText())
      .toMatch(/^layer \d head \d [\d.]+ nats, loss .* its whole group [\d.]+$/);
    await workbench().screenshot('heads-effects');
    await frame.page().keyboard.press('Enter');
    await frame.locator('headlight-heads-patterns').waitFor({ timeout: TIMEOUT });
  });
});
