// Compare and MLA in a real VS Code: the strings of the command line, an edit that can be undone, a walk by keyboard to its end.
import { join } from 'node:path';
import { inject, beforeAll, describe, expect, test } from 'vitest';
import { runCli } from '../../src/cli/run';
import { Panel } from './pageObjects/panel';
import { useWorkbench } from './window';
import { thorough } from '../unit/depth';

const LLAMA = 'llama-3-8b/config.json';
const DEEPSEEK = 'deepseek-v3/config.json';

async function cli(...args: string[]): Promise<string> {
  const out: string[] = [];
  const code = await runCli(args, { out: (text) => out.push(text), err: (text) => out.push(text) });
  expect(code, out.join('\n')).toBe(0);
  return out.join('\n');
}

describe.skipIf(!thorough)('compare', () => {
  const workbench = useWorkbench();
  let panel: Panel;

  const run = (command: string): Promise<unknown> => workbench().host.evaluate((vscode, id) => vscode.commands.executeCommand(id).then(() => null), command);
  const textOf = (file: string): Promise<string> =>
    workbench().host.evaluate((vscode, path) => vscode.workspace.textDocuments.find((document) => document.uri.path.endsWith(path))?.getText() ?? '', file);

  beforeAll(async () => {
    await workbench().openFile(LLAMA);
    await workbench().untilHeadlightIsActive();
    await run('headlight.openPanel');
    panel = new Panel(workbench().page);
    await panel.show('Compare');
  });

  test('has the strings of the command line', async () => {
    await panel.frame.getByRole('button', { name: 'Show as tables' }).click();
    const table = panel.frame.getByRole('region', { name: 'Comparison as a table' });
    const rows = await table.locator('tr').evaluateAll((lines) => lines.map((line) => [...line.children].map((cell) => cell.textContent)));
    const text = await cli('compare', join(inject('folder'), LLAMA), '--as', 'mha,mqa,mla:512+64', '--tokens', '32768', '--gpu', 'h100-sxm');
    const [title, ...lines] = text.split('\n');
    expect(rows).toEqual(lines.map((line) => line.trim().split(/ {2,}/)));
    await panel.untilShows(title ?? '');
    await panel.frame.getByRole('button', { name: 'Show as charts' }).click();
  });

  test('writes nothing when a row is chosen; Apply writes, and undo takes it back', async () => {
    const before = await textOf(LLAMA);
    const list = panel.frame.getByRole('listbox');
    await list.getByRole('option').first().click();
    await workbench().page.keyboard.press('End');
    await workbench().page.keyboard.press('ArrowUp');
    expect(await list.getByRole('option', { selected: true }).innerText()).toMatch(/^MQA/);
    expect(await textOf(LLAMA)).toBe(before);
    await panel.frame.getByRole('button', { name: 'Apply' }).click();
    await expect.poll(() => textOf(LLAMA)).toBe(before.replace('"num_key_value_heads": 8', '"num_key_value_heads": 1'));
    await panel.untilShows('llama as it is (MQA)');
    await workbench().host.evaluate(async (vscode, path) => {
      const document = vscode.workspace.textDocuments.find((one) => one.uri.path.endsWith(path));
      if (document) await vscode.window.showTextDocument(document);
      await vscode.commands.executeCommand('undo');
    }, LLAMA);
    await expect.poll(() => textOf(LLAMA)).toBe(before);
    await panel.untilShows('llama as it is (GQA)');
  });

  test('reads all designs at one context, by keyboard', async () => {
    const cursor = panel.frame.getByRole('slider', { name: /Context/ });
    await cursor.focus();
    await workbench().page.keyboard.press('End');
    await panel.untilShows('131,072');
    expect(await cursor.getAttribute('aria-valuetext')).toBe('At 131,072 tokens: as it is 16 GiB, MHA 64 GiB, MQA 2 GiB, MLA 512 + 64 4.5 GiB');
    await workbench().screenshot('panel-compare');
  });

  test('walks through MLA by keyboard to the end, and stands there after it was hidden', async () => {
    await workbench().openFile(DEEPSEEK);
    await panel.show('MLA');
    const step = panel.frame.getByRole('slider', { name: 'Step' });
    await step.waitFor();
    await panel.frame.getByRole('button', { name: 'Step forward' }).focus();
    const { keyboard } = workbench().page;
    const count = Number(await step.getAttribute('max'));
    for (let pressed = 1; pressed < count; pressed++) await keyboard.press('ArrowRight');
    await panel.untilShows(`${count} of ${count}`);
    expect(await step.getAttribute('aria-valuetext')).toMatch(/What is kept/);
    const differences = await panel.frame.locator('headlight-mla .equal strong').allInnerTexts();
    expect(differences).toHaveLength(4);
    for (const difference of differences) expect(Number(difference)).toBeLessThan(1e-14);
    const costs = panel.frame.getByRole('region', { name: 'What each keeps' });
    await costs.getByText('70,272 B').waitFor();
    await costs.getByText('3,997,696 B').waitFor();
    await keyboard.press('ArrowLeft');
    await panel.untilShows(`${count - 1} of ${count}`);
    await run('workbench.action.closeSidebar');
    await panel.frame.locator('headlight-app').waitFor({ state: 'detached' });
    await run('headlight.openPanel');
    await panel.untilShows(`${count - 1} of ${count}`);
    await workbench().screenshot('panel-mla');
  });
});
