// Nothing that Headlight does in the extension host reaches the network. The host is shared: VS Code's own connections pass, and a try is ours
// when a file of our bundles is on its stack. Clients get patched copies of http and tls here; all end in `net.Socket.connect`.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { runInThisContext } from 'node:vm';
import { suite, suiteSetup, suiteTeardown, test } from 'mocha';
import * as vscode from 'vscode';
import { watchNetwork } from '../harness/networkHooks.cjs';
import { headlight, hoverText, sample } from './support';

const LLAMA = 'llama-3-8b/config.json';

suite('no network', function () {
  this.timeout(120_000);
  const tries: string[] = [];
  let unhook: () => void;

  suiteSetup(() => {
    const ours = join(headlight().extensionPath, 'dist');
    unhook = watchNetwork(({ by, to, stack }) => {
      const mine = stack.includes(ours);
      if (mine) tries.push(`${by} ${to}`);
      return mine;
    });
  });
  suiteTeardown(() => unhook());

  test('commands, providers, tools and the panel try nothing; who tried would be caught', async () => {
    await headlight().activate();
    const run = (command: string, ...given: unknown[]): Thenable<unknown> =>
      vscode.commands.executeCommand(command, ...given);
    const uri = sample(LLAMA);
    const ours = (command: string, request: object): Thenable<unknown> => run(`headlight.${command}`, uri, request);
    const document = await vscode.workspace.openTextDocument(uri);
    await vscode.window.showTextDocument(document);
    const at = document.positionAt(document.getText().indexOf('num_key_value_heads') + 2);
    const all = new vscode.Range(0, 0, document.lineCount, 0);

    assert.match(await hoverText(uri, 'num_key_value_heads'), /B\/token/);
    await run('vscode.executeCodeLensProvider', uri, 10);
    await run('vscode.executeInlayHintProvider', uri, all);
    await run('vscode.executeCompletionItemProvider', uri, at);
    await run('vscode.executeCodeActionProvider', uri, all);
    await run('headlight.findModelConfigs');
    await run('headlight.openPanel', uri, 'heads');
    assert.ok(await ours('showKvCacheAt', { tokens: 100, batch: 1 }));
    assert.ok(await ours('fitToGpu', { gpu: 'h100-sxm', tokens: 100 }));
    assert.ok(await ours('explainThisNumber', { key: 'num_key_value_heads', tokens: 100 }));
    assert.ok(await ours('compareWithAnotherConfig', { with: [sample('qwen3-8b/config.json')] }));
    assert.ok(await ours('runAttentionLayer', { layer: 0, tokens: 4, steps: 1 }));
    await vscode.lm.invokeTool('headlight_estimate', { input: { path: LLAMA }, toolInvocationToken: undefined });
    await run('workbench.action.closeAllEditors');
    assert.deepEqual(tries, []);

    // As a file of ours would do it.
    const name = join(headlight().extensionPath, 'dist', 'control.js');
    const control = runInThisContext('(net) => net.connect(9, "127.0.0.1")', { filename: name }) as (
      net: object,
    ) => unknown;
    const net = await import('node:net');
    assert.throws(() => control(net), /the network is refused: net\.connect/);
    assert.throws(
      () => control({ connect: (port: number) => new net.Socket().connect(port) }),
      /the network is refused: net\.Socket\.connect/,
    );
    assert.equal(tries.length, 2);
  });
});
