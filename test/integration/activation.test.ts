import assert from 'node:assert/strict';
import { suite, test } from 'mocha';
import * as vscode from 'vscode';
import { headlight, sample } from './support';

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

  test('activation takes under 30 ms', async () => {
    const { activationMs, activationCpuMs } = (await headlight().activate()) as {
      activationMs: number;
      activationCpuMs: number;
    };
    console.log(
      `activation: ${activationMs.toFixed(1)} ms in the extension host, ${activationCpuMs.toFixed(1)} ms of them at work`,
    );
    // The clock also counts what other processes take from a busy machine.
    assert.ok(activationCpuMs < 30, `${activationCpuMs} ms`);
  });
});
