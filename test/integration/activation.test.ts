import assert from 'node:assert/strict';
import { suite, test } from 'mocha';
import * as vscode from 'vscode';
import type { HeadlightApi } from '../../src/editor/compose';
import {
  ACTIVATION_MS,
  FIRST_HOVER_MS,
  FIRST_KEY,
  LONG_CONFIG,
  NEXT_HOVER_MS,
  NEXT_KEYS,
  timed,
} from '../unit/editor/support/hostBudgets';
import { headlight, sample, write } from './support';

suite('activation', () => {
  test('the extension is there, under its published id', () => {
    assert.ok(headlight());
  });

  // This suite runs first: its file is the first by name.
  test('nothing runs while no JSON file is open', () => {
    assert.deepEqual(vscode.workspace.textDocuments, []);
    // VS Code itself may ask for what knows JSON while it starts, for files of its own that no extension sees.
    if (headlight().isActive) assert.deepEqual((headlight().exports as { work(): unknown }).work(), { looks: 0 });
  });

  test('opening a JSON file activates it', async () => {
    await vscode.window.showTextDocument(sample('llama-3-8b/config.json'));
    // Activation follows the event with a delay; the limit of the test is the limit of the wait.
    while (!headlight().isActive) await new Promise((resolve) => setTimeout(resolve, 50));
  });

  test(`activation takes under ${ACTIVATION_MS} ms`, async () => {
    const { activationMs, activationCpuMs } = (await headlight().activate()) as {
      activationMs: number;
      activationCpuMs: number;
    };
    console.log(
      `activation: ${activationMs.toFixed(1)} ms in the extension host, ${activationCpuMs.toFixed(1)} ms of them at work`,
    );
    // The clock also counts what other processes take from a busy machine.
    assert.ok(activationCpuMs < ACTIVATION_MS, `${activationCpuMs} ms`);
  });

  // VS Code loads the code before it calls us: test/unit/editor/hostFiles.test.ts has what that takes.
  test(`the first hover after it takes under ${FIRST_HOVER_MS} ms, and the next under ${NEXT_HOVER_MS} ms, on 200 lines`, async () => {
    const { hover } = (await headlight().activate()) as HeadlightApi;
    const uri = await write('long/config.json', LONG_CONFIG);
    const document = await vscode.workspace.openTextDocument(uri);
    // Other tests count the configs of the workspace.
    await vscode.workspace.fs.delete(sample('long'), { recursive: true });
    assert.equal(document.lineCount, 200);
    const hoverAt = (key: string): number => {
      const { ms, result } = timed(() => hover(document, document.positionAt(LONG_CONFIG.indexOf(`"${key}"`) + 1)));
      assert.ok(result, key);
      return ms;
    };
    const first = hoverAt(FIRST_KEY);
    const next = NEXT_KEYS.map(hoverAt).sort((a, b) => a - b)[NEXT_KEYS.length / 2] ?? Number.NaN;
    console.log(`hover on 200 lines: first ${first.toFixed(1)} ms, then ${next.toFixed(2)} ms (a median)`);
    assert.ok(first < FIRST_HOVER_MS, `${first} ms`);
    assert.ok(next < NEXT_HOVER_MS, `${next} ms`);
  });
});
