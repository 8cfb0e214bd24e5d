import assert from 'node:assert/strict';
import { suite, test } from 'mocha';
import * as vscode from 'vscode';
import { headlight, sample } from './support';

suite('activation', () => {
  test('the extension is there, under its published id', () => {
    assert.ok(headlight());
  });

  // Not tested: that nothing runs before. VS Code 1.100 loads JSONC of its own when it starts, which activates us.
  test('opening a JSON file activates it', async () => {
    await vscode.window.showTextDocument(sample('llama-3-8b/config.json'));
    // Activation follows the event with a delay; the limit of the test is the limit of the wait.
    while (!headlight().isActive) await new Promise((resolve) => setTimeout(resolve, 50));
  });

  test('activation takes under 30 ms', async () => {
    const { activationMs } = (await headlight().activate()) as { activationMs: number };
    console.log(`activation: ${activationMs.toFixed(1)} ms in the extension host`);
    assert.ok(activationMs < 30, `${activationMs} ms`);
  });
});
