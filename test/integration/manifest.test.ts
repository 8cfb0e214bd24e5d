import assert from 'node:assert/strict';
import { suite, test } from 'mocha';
import * as vscode from 'vscode';
import { headlight } from './support';

interface Manifest {
  readonly contributes: { readonly commands: readonly { readonly command: string }[]; readonly configuration: { readonly properties: Readonly<Record<string, unknown>> } };
}

suite('manifest', () => {
  test('every command it names is registered, and the other way round', async () => {
    await headlight().activate();
    const { contributes } = headlight().packageJSON as Manifest;
    const named = contributes.commands.map(({ command }) => command).sort();
    // VS Code registers some for a view by itself (focus, open, …): `headlight.panel.focus`.
    const registered = (await vscode.commands.getCommands(true))
      .filter((command) => command.startsWith('headlight.') && command.split('.').length === 2)
      .sort();
    assert.deepEqual(registered, named);
  });

  test('every setting it names has a default that is in force', () => {
    const { contributes } = headlight().packageJSON as Manifest;
    for (const key of Object.keys(contributes.configuration.properties)) {
      const inspected = vscode.workspace.getConfiguration().inspect(key);
      assert.ok(inspected && 'defaultValue' in inspected, key);
    }
  });
});
