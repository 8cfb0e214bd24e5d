// The questions that people ask who size a deployment: from a window without a config, by keys alone, in under 30 seconds.
import { beforeEach, describe, expect, test } from 'vitest';
import { QuickPick } from './pageObjects/quickPick';
import { useWorkbench } from './window';

const MOST_MS = 30_000;

describe('whether a model fits', () => {
  const workbench = useWorkbench();
  let quickPick: QuickPick;

  beforeEach(async () => {
    quickPick = new QuickPick(workbench().page);
    // No config is open.
    await workbench().host.evaluate(
      (vscode) => vscode.commands.executeCommand('workbench.action.closeAllEditors').then(() => null),
      null,
    );
    await workbench().untilHeadlightIsActive();
  });

  /** Keys, as a person's. */
  const keys = async (text: string, then: string): Promise<void> => {
    await workbench().page.keyboard.type(text);
    await workbench().page.keyboard.press(then);
  };
  const ask = async (): Promise<void> => {
    await quickPick.run('Headlight: Will It Fit');
    await quickPick.question('Will It Fit?');
  };

  test('Llama-3.1-405B in fp8 on eight H100, in one line', async () => {
    const from = performance.now();
    await quickPick.run('Headlight: Will It Fit');
    await quickPick.question('Will It Fit?');
    await workbench().page.keyboard.type('Llama-3.1-405B, fp8 weights and cache, 8 × H100, 131,072 × 32');
    await expect.poll(() => quickPick.focused()).toContain('8 × H100 SXM 80GB');
    await workbench().screenshot('sizing-question');
    await workbench().page.keyboard.press('Enter');
    await quickPick.entry('Does not fit: the cache takes 126 GiB on each device');
    const verdict = await quickPick.entry('are left after the weights');
    expect(performance.now() - from).toBeLessThan(MOST_MS);
    const [, low, high] = /([\d.]+) GiB to ([\d.]+) GiB are left/.exec(verdict) ?? [];
    // By hand: 126 layers × 2 × 8 × 128 numbers of a byte are 252 KiB a token, so a sequence takes 3.94 GiB on each of 8; of 72 GiB that an
    // engine takes the weights leave 24.3, and what it needs besides leaves room for 4 or 5 of them.
    const sequence = (126 * 2 * 8 * 128 * 131_072) / 8 / 2 ** 30;
    expect([low, high].map((room) => Math.floor(Number(room) / sequence))).toEqual([4, 5]);
    await expect
      .poll(() => quickPick.entry('of attention, feed-forward and experts'))
      .toMatch(/47\.\d+ GiB to 49\.\d+ GiB/);
    await expect.poll(() => quickPick.entry('chosen; the file says bfloat16')).toContain('fp8');
    await workbench().screenshot('sizing-405b');
    await workbench().page.keyboard.type('Would fit');
    await expect.poll(() => quickPick.entry('Would fit with')).toContain('sequences at once');
    await quickPick.leave();
  });

  test('Qwen3-32B in Q8_0 on two RTX 4090 with llama.cpp, one question after the other', async () => {
    const from = performance.now();
    await ask();
    await keys('Qwen3 32B', 'Enter');
    await quickPick.question('Will It Fit? · Qwen3 32B');
    await quickPick.entry('as the file says');
    await keys('q8_0', 'Enter');
    await quickPick.entry('theoretical minimum');
    await keys('llama.cpp', 'Enter');
    await quickPick.entry('auto');
    await keys('q8_0', 'Enter');
    await quickPick.entry('32 × 131,072 tokens');
    await keys('32768', 'Enter');
    await quickPick.entry('fits on one');
    await workbench().screenshot('sizing-devices');
    await keys('2 × RTX 4090', 'Enter');
    await expect.poll(() => quickPick.entry('Fits:')).toContain('Fits: the cache takes 2.19 GiB on the fullest device');
    expect(performance.now() - from).toBeLessThan(MOST_MS);
    await workbench().screenshot('sizing-qwen');
    await workbench().page.keyboard.type('fullest');
    await expect.poll(() => quickPick.entry('The fullest device has')).toContain('33 of 64 layers');
    await quickPick.leave();
  });

  test('the same in one line, and every device with every number', async () => {
    await ask();
    await workbench().page.keyboard.type('Qwen3-32B Q8_0 on 2 × RTX 4090, llama.cpp, q8_0 cache, 32,768');
    await expect.poll(() => quickPick.focused()).toContain('2 × GeForce RTX 4090');
    await workbench().page.keyboard.press('Enter');
    await quickPick.entry('Fits: the cache takes 2.19 GiB on the fullest device');
    await keys('all devices', 'Enter');
    await workbench()
      .page.frameLocator('iframe.webview.ready')
      .frameLocator('#active-frame')
      .locator('.markdown-body table')
      .first()
      .waitFor();
    await workbench().screenshot('sizing-matrix');
  });
});
