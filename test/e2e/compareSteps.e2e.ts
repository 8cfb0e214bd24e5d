// Compare and Step by step in a real VS Code: the strings of the command line, an edit that can be undone, walks by keyboard to their ends.
import { join } from 'node:path';
import { inject, beforeAll, describe, expect, test } from 'vitest';
import { runCli } from '../../src/cli/run';
import { Panel } from './pageObjects/panel';
import { QuickPick } from './pageObjects/quickPick';
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

  const run = (command: string): Promise<unknown> =>
    workbench().host.evaluate((vscode, id) => vscode.commands.executeCommand(id).then(() => null), command);
  const textOf = (file: string): Promise<string> =>
    workbench().host.evaluate(
      (vscode, path) =>
        vscode.workspace.textDocuments.find((document) => document.uri.path.endsWith(path))?.getText() ?? '',
      file,
    );

  beforeAll(async () => {
    await workbench().openFile(LLAMA);
    await workbench().untilHeadlightIsActive();
    await run('headlight.openPanel');
    panel = new Panel(workbench().page);
    await panel.takeTheSideBar();
    await panel.show('Compare');
  });

  test('has the strings of the command line', async () => {
    await panel.frame.getByRole('button', { name: 'Show as tables' }).click();
    const table = panel.frame.getByRole('region', { name: 'Comparison as a table' });
    const rows = (): Promise<(string | null)[][]> =>
      table
        .locator('tr')
        .evaluateAll((lines) => lines.map((line) => [...line.children].map((cell) => cell.textContent)));
    const text = await cli(
      'compare',
      join(inject('folder'), LLAMA),
      '--as',
      'mha,mqa,mla:512+64',
      '--tokens',
      '32768',
      '--gpu',
      'h100-sxm',
    );
    const [title, ...lines] = text.split('\n');
    // The panel calls the model by its name, as all surfaces of the editor do; the command line by its type.
    const named = (cell: string): string => cell.replace(/^llama \(/, 'llama-3-8b (');
    await expect.poll(rows).toEqual(lines.map((line) => line.trim().split(/ {2,}/).map(named)));
    await panel.untilShows(title ?? '');
    await panel.frame.getByRole('button', { name: 'Show as charts' }).click();
  });

  test('writes nothing when a row is chosen; Apply writes, and undo takes it back', async () => {
    const before = await textOf(LLAMA);
    const list = panel.frame.getByRole('listbox');
    await list.getByRole('option').first().click();
    await workbench().page.keyboard.press('End');
    await workbench().page.keyboard.press('ArrowUp');
    await expect.poll(() => list.getByRole('option', { selected: true }).innerText()).toMatch(/^MQA/);
    expect(await textOf(LLAMA)).toBe(before);
    await panel.frame.getByRole('button', { name: 'Apply' }).click();
    await expect.poll(() => textOf(LLAMA)).toBe(before.replace('"num_key_value_heads": 8', '"num_key_value_heads": 1'));
    await panel.untilShows('(MQA)');
    await workbench().host.evaluate(async (vscode, path) => {
      const document = vscode.workspace.textDocuments.find((one) => one.uri.path.endsWith(path));
      if (document) await vscode.window.showTextDocument(document);
      await vscode.commands.executeCommand('undo');
    }, LLAMA);
    await expect.poll(() => textOf(LLAMA)).toBe(before);
    await panel.untilShows('(GQA)');
  });

  test('asks with which weights, and on which layer, what a design loses is to be measured', async () => {
    await panel.frame.getByRole('listbox').getByRole('option', { name: /^MQA/ }).click();
    await panel.frame.getByRole('button', { name: 'Measure what it loses…' }).click();
    const quickPick = new QuickPick(workbench().page);
    await quickPick.question('Measure What a Conversion Loses · llama-3-8b (1/3)');
    await quickPick.choose('Measure on a sample model');
    await quickPick.question('Measure What a Conversion Loses · llama-3-8b (2/3)');
    await quickPick.entry('Layer 0');
    await quickPick.leave();
  });

  test('leafs through other configs with the keys, and adds the one that Enter chooses', async () => {
    const designs = panel.frame.getByRole('listbox').first().getByRole('option');
    const before = await designs.count();
    const others = panel.frame.getByRole('combobox', { name: 'Compare with another config' });
    await others.focus();
    const { keyboard } = workbench().page;
    await keyboard.press('ArrowDown');
    await keyboard.press('ArrowDown');
    await expect.poll(() => others.inputValue()).not.toBe('');
    await workbench().page.waitForTimeout(300);
    await expect.poll(() => designs.count()).toBe(before);
    await keyboard.press('Enter');
    await expect.poll(() => designs.count()).toBe(before + 1);
    await panel.frame.getByRole('button', { name: /^Remove / }).click();
    await expect.poll(() => designs.count()).toBe(before);
  });

  test('reads all designs at one context, by keyboard', async () => {
    const cursor = panel.frame.getByRole('slider', { name: /Context/ });
    await cursor.focus();
    await workbench().page.keyboard.press('End');
    await panel.untilShows('131,072');
    await expect
      .poll(() => cursor.getAttribute('aria-valuetext'))
      .toBe('At 131,072 tokens: current 16 GiB, MHA 64 GiB, MQA 2 GiB, MLA 512 + 64 4.5 GiB');
    await workbench().screenshot('panel-compare');
    // One of them alone: named where it is read, and told; the others recede.
    await workbench().page.keyboard.press('ArrowUp');
    await expect.poll(() => cursor.getAttribute('aria-valuetext')).toMatch(/^At 131,072 tokens: [^,]+ [\d.]+ GiB$/);
    const [, name = ''] = /: (.+) [\d.]+ GiB$/.exec((await cursor.getAttribute('aria-valuetext')) ?? '') ?? [];
    await cursor.locator('svg.looking text.here', { hasText: name }).waitFor();
    await cursor.locator('svg.looking .line.looked', { hasText: name }).waitFor();
  });

  /** What the step reads and makes is between its controls and the lower edge, without scrolling. */
  async function operationIsInSight(): Promise<void> {
    const frame = await panel.document();
    const hidden = (): Promise<string[]> =>
      frame.evaluate(() => {
        const view = document.querySelector('headlight-app')?.shadowRoot?.querySelector('headlight-steps')?.shadowRoot;
        const top = view?.querySelector('.stepper')?.getBoundingClientRect().bottom ?? 0;
        const boxes = [...(view?.querySelectorAll('.stage headlight-matrix') ?? [])].map((matrix) =>
          matrix.getBoundingClientRect(),
        );
        const right = view?.querySelector('.stage')?.getBoundingClientRect().right ?? 0;
        const outside = boxes.filter(
          (box) => box.top < top - 1 || box.bottom > window.innerHeight + 1 || box.right > right + 1,
        );
        return boxes.length === 0
          ? ['no operation']
          : outside.map(
              (box) =>
                `${box.left} ${box.top} ${box.right} ${box.bottom} in ${right} × ${window.innerHeight}, below ${top}`,
            );
      });
    await expect.poll(hidden).toEqual([]);
  }

  /** Between what the left and the right side came to, as the page says it. */
  const differences = async (): Promise<number[]> =>
    (await panel.frame.locator('headlight-steps .equal strong').allInnerTexts()).map(Number);

  test('walks through MLA by keyboard to the end, and stands there after it was hidden', async () => {
    await workbench().openFile(DEEPSEEK);
    await panel.show('Step by step');
    await panel.frame.getByRole('button', { name: 'MLA', exact: true }).click();
    const step = panel.frame.getByRole('slider', { name: 'Step' });
    await step.waitFor();
    await panel.frame.getByRole('button', { name: 'Step forward' }).focus();
    const { keyboard } = workbench().page;
    const count = Number(await step.getAttribute('max'));
    for (let pressed = 1; pressed < count; pressed++) {
      await keyboard.press('ArrowRight');
      await operationIsInSight();
    }
    await panel.untilShows(`${count} of ${count}`);
    await expect.poll(() => step.getAttribute('aria-valuetext')).toMatch(/What is kept/);
    await expect.poll(differences).toHaveLength(4);
    expect(Math.max(...(await differences()))).toBeLessThan(1e-14);
    const costs = panel.frame.getByRole('region', { name: 'What each keeps' });
    await costs.getByText('70,272 B').waitFor();
    await costs.getByText('3,997,696 B').waitFor();
    await keyboard.press('ArrowLeft');
    await panel.untilShows(`${count - 1} of ${count}`);
    await run('workbench.action.closeSidebar');
    await panel.frame.locator('headlight-app').waitFor({ state: 'detached' });
    await run('headlight.openPanel');
    await panel.untilShows(`${count - 1} of ${count}`);
    await workbench().screenshot('panel-steps-mla');
  });

  test('walks through plain attention to its end and back, and counts what is computed again', async () => {
    await panel.frame.getByRole('button', { name: 'KV cache', exact: true }).click();
    const step = panel.frame.getByRole('slider', { name: 'Step' });
    await panel.frame.getByRole('button', { name: 'Step forward' }).focus();
    const { keyboard } = workbench().page;
    await panel.untilShows('1 of 13');
    const titles: (string | null)[] = [await step.getAttribute('aria-valuetext')];
    for (let at = 2; at <= 13; at++) {
      await keyboard.press('ArrowRight');
      await panel.untilShows(`${at} of 13`);
      await operationIsInSight();
      titles.push(await step.getAttribute('aria-valuetext'));
    }
    await panel.frame.getByRole('region', { name: 'What each computes and keeps' }).getByText('160 B').waitFor();
    await expect.poll(differences).toHaveLength(1);
    expect(Math.max(...(await differences()))).toBeLessThan(1e-14);
    // The way back is the same way.
    for (let at = 12; at >= 9; at--) {
      await keyboard.press('ArrowLeft');
      await panel.untilShows(`${at} of 13`);
      await expect.poll(() => step.getAttribute('aria-valuetext')).toBe(titles[at - 1]);
    }
    await panel.untilShows('320 multiplications, 256 of them repeated');
    await panel.untilShows('64 multiplications');
    await workbench().screenshot('panel-steps-cache');
    await keyboard.press('Home');
    await panel.untilShows('1 of 13');
    await keyboard.press('End');
    await panel.untilShows('13 of 13');
  });

  test('keeps sizes and words, and writes out the sum of a cell that the keys reach', async () => {
    await panel.frame.getByText('Sizes and words').click();
    const heads = panel.frame.getByRole('spinbutton', { name: 'Heads' });
    await heads.fill('3');
    await heads.press('Tab');
    const word = panel.frame.getByRole('textbox', { name: 'New token' });
    await word.fill('sunny');
    await word.press('Tab');
    await run('workbench.action.closeSidebar');
    await panel.frame.locator('headlight-app').waitFor({ state: 'detached' });
    await run('headlight.openPanel');
    await panel.untilShows('13 of 13');
    const back = panel.frame.getByRole('button', { name: 'Step back' });
    await back.focus();
    const { keyboard } = workbench().page;
    for (let pressed = 0; pressed < 3; pressed++) await keyboard.press('ArrowLeft');
    // From the step's controls into its matrices: Q, K and S of both sides.
    await panel.frame.getByRole('slider', { name: 'Step' }).focus();
    await keyboard.press('Tab');
    await keyboard.press('Tab');
    await keyboard.press('Tab');
    await keyboard.press('ArrowDown');
    await panel.frame
      .locator('headlight-steps .readout .live')
      .getByText(/^S\[next, The\] = .+·.+ \+ .+·.+ = /)
      .waitFor();
    await expect.poll(() => panel.frame.locator('headlight-steps .stage .size').first().textContent()).toBe('5 × 4');
    await panel.frame.getByRole('button', { name: 'Step back' }).focus();
    await keyboard.press('ArrowLeft');
    await panel.frame.locator('headlight-steps .stage .size', { hasText: '5 × 12' }).first().waitFor();
    await panel.frame.locator('headlight-steps .said', { hasText: 'sunny' }).waitFor();
  });
});
