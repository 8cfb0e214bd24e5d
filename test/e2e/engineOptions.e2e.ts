// An engine's own options in the panel and in the palette: what is set changes the numbers, and becomes a setting.
import { beforeAll, describe, expect, test } from 'vitest';
import { Panel } from './pageObjects/panel';
import { QuickPick } from './pageObjects/quickPick';
import { useWorkbench } from './window';

const OPTIONS = 'headlight.scenario.engineOptions';

describe('options of an engine', () => {
  const workbench = useWorkbench();
  let panel: Panel;

  const setting = (key: string): Promise<unknown> =>
    workbench().host.evaluate(
      (vscode, name) => vscode.workspace.getConfiguration().inspect(name)?.globalValue ?? null,
      key,
    );
  const statusBar = (): Promise<string> =>
    workbench().page.locator('.statusbar-item', { hasText: '32,768 tokens' }).first().innerText();

  beforeAll(async () => {
    await workbench().setSetting('headlight.scenario.engine', 'vllm');
    // Nothing is set: closing puts it back so.
    await workbench().setSetting(OPTIONS, null);
    await workbench().openFile('llama-3-8b/config.json');
    await workbench().untilHeadlightIsActive();
    await workbench().host.evaluate(
      (vscode) => vscode.commands.executeCommand('headlight.openPanel', undefined, 'whatIf').then(() => null),
      null,
    );
    panel = new Panel(workbench().page);
    await panel.takeTheSideBar();
  });

  test('are set by keyboard in What-if: the number follows, survives a reload, and becomes a setting', async () => {
    await panel.untilShows('vLLM 2026-08');
    const total = panel.frame.getByRole('row', { name: /^in total/ });
    await expect.poll(() => total.innerText()).toContain('4 GiB');
    const fold = panel.frame.getByRole('button', { name: 'Engine options' });
    await expect.poll(() => fold.getAttribute('aria-expanded')).toBe('false');
    await fold.focus();
    await workbench().page.keyboard.press('Enter');
    const field = panel.frame.getByRole('textbox', { name: 'block-size' });
    // Behind the button in the order of Tab.
    await workbench().page.keyboard.press('Tab');
    await expect.poll(() => field.evaluate((input) => input.matches(':focus'))).toBe(true);
    await workbench().page.keyboard.type('0');
    await workbench().page.keyboard.press('Enter');
    await panel.untilShows('block-size takes a whole number of at least 1.');
    await expect.poll(() => field.getAttribute('aria-invalid')).toBe('true');
    await field.fill('65536');
    await workbench().page.keyboard.press('Enter');
    // 32,768 tokens take one page of 65,536.
    await expect.poll(() => total.innerText()).toContain('8 GiB');
    await expect.poll(() => total.innerText()).toContain('× 2');
    await panel.untilShows('vLLM 2026-08 · block-size=65536');
    await workbench().screenshot('engine-options');
    expect(await setting(OPTIONS)).toBeNull();

    await workbench().host.evaluate(
      (vscode) => vscode.commands.executeCommand('workbench.action.closeSidebar').then(() => null),
      null,
    );
    await panel.frame.locator('headlight-app').waitFor({ state: 'detached' });
    await workbench().host.evaluate(
      (vscode) => vscode.commands.executeCommand('headlight.openPanel').then(() => null),
      null,
    );
    await expect.poll(() => total.innerText()).toContain('8 GiB');
    await expect.poll(() => field.inputValue()).toBe('65536');

    await panel.frame.getByRole('button', { name: 'Apply scenario' }).click();
    await expect.poll(() => setting(OPTIONS)).toEqual({ vllm: { 'block-size': 65_536 } });
    await expect.poll(statusBar).toContain('8 GiB');
    await expect.poll(() => total.innerText()).toContain('8 GiB');
    await panel.frame.getByRole('button', { name: 'Reset to defaults' }).click();
    await expect.poll(() => total.innerText()).toContain('4 GiB');
    await panel.frame.getByRole('button', { name: 'Apply scenario' }).click();
    await expect.poll(() => setting(OPTIONS)).toBeNull();
  });

  test('a release is chosen, and a set-up that does not start is said where its numbers would be', async () => {
    await panel.frame.getByRole('combobox', { name: 'Release' }).selectOption({ label: '0.11 (2025-10)' });
    await panel.untilShows('vLLM 0.11');
    const ranks = panel.frame.getByRole('textbox', { name: 'Tensor parallel, exact value' });
    await ranks.fill('3');
    await ranks.press('Enter');
    await panel.untilShows(
      'vLLM 0.11 refuses 3 devices for 32 query heads, which do not divide evenly. It does not start.',
    );
    await panel.frame.getByRole('button', { name: 'Reset', exact: true }).last().click();
    await panel.untilShows('vLLM 2026-08');
  });

  test('are set in the palette, each with its default, and checked while they are typed', async () => {
    const quickPick = new QuickPick(workbench().page);
    await quickPick.run('Headlight: Set Engine Options');
    await quickPick.question('Set Engine Options · vLLM 2026-08');
    await expect.poll(() => quickPick.entry('max-num-batched-tokens')).toContain('default: 8192');
    await quickPick.choose('block-size');
    const message = workbench().page.locator('.quick-input-widget .quick-input-message');
    await expect.poll(() => message.innerText()).toContain('Tokens per page.');
    await quickPick.type('many');
    await expect.poll(() => message.innerText()).toContain('block-size takes a whole number of at least 1');
    await quickPick.type('65536');
    await quickPick.press('Enter');
    // It asks for the next, with what this one is now.
    await quickPick.question('Set Engine Options · vLLM 2026-08');
    await expect.poll(() => quickPick.entry('block-size')).toContain('65536 · default: not set');
    await workbench().screenshot('palette-engine-options');
    // Below what is in sight.
    await quickPick.type('Reset');
    await expect.poll(() => quickPick.entry('Reset all to defaults')).toContain('4 GiB');
    await quickPick.choose('Reset all to defaults');
    await expect.poll(() => setting(OPTIONS)).toBeNull();
    // It asks once more, with nothing left to reset.
    await expect.poll(() => quickPick.entry('block-size')).not.toContain('65536');
    await quickPick.leave();
  });

  test('a release is chosen in the palette wherever an engine is', async () => {
    const quickPick = new QuickPick(workbench().page);
    await quickPick.run('Headlight: Change Scenario');
    await quickPick.question('Change Scenario (1/2)');
    await expect.poll(() => quickPick.entry('Engine options')).toContain('defaults');
    await quickPick.choose('vLLM 2026-08');
    await quickPick.question('Change Scenario · Engine');
    await expect.poll(() => quickPick.focused()).toContain('vLLM 2026-08');
    await expect.poll(() => quickPick.entry('vLLM 0.11')).toContain('4 GiB');
    await quickPick.choose('vLLM 0.11');
    // The scenario stays open until Escape.
    await quickPick.question('Change Scenario (1/2)');
    await quickPick.leave();
    await expect.poll(() => setting('headlight.scenario.engine')).toBe('vllm@0.11');
    await panel.untilShows('vLLM 0.11');
  });
});
