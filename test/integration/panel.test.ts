import assert from 'node:assert/strict';
import { suite, test } from 'mocha';
import * as vscode from 'vscode';
import { headlight, sample, until } from './support';

const panels = (): vscode.TabGroup[] =>
  vscode.window.tabGroups.all.filter(({ tabs }) =>
    tabs.some(({ input }) => input instanceof vscode.TabInputWebview && input.viewType.includes('headlight')),
  );

suite('the panel beside the editor', () => {
  test('is not covered by a file that is opened while it has the focus', async () => {
    await headlight().activate();
    await vscode.commands.executeCommand('workbench.action.closeAllEditors');
    const config = sample('llama-3-8b/config.json');
    await vscode.window.showTextDocument(config, { viewColumn: vscode.ViewColumn.One });
    await vscode.commands.executeCommand('headlight.openPanelBeside', config);
    const [group] = await until(() => (panels().length > 0 ? panels() : null));
    assert.ok(group);
    assert.equal(group.viewColumn, vscode.ViewColumn.Two);
    await vscode.commands.executeCommand('workbench.action.focusSecondEditorGroup');
    await until(() => vscode.window.tabGroups.activeTabGroup.viewColumn === vscode.ViewColumn.Two);
    // As a click in the explorer opens it: in the group that was active last.
    const other = sample('deepseek-v3/config.json');
    await vscode.commands.executeCommand('revealInExplorer', other);
    await vscode.commands.executeCommand('filesExplorer.openFilePreserveFocus');
    const opened = await until(() =>
      vscode.window.tabGroups.all.find(({ tabs }) =>
        tabs.some(({ input }) => input instanceof vscode.TabInputText && input.uri.path === other.path),
      ),
    );
    assert.equal(opened.viewColumn, vscode.ViewColumn.One);
    assert.equal(panels()[0]?.tabs.length, 1);
    await vscode.commands.executeCommand('workbench.action.closeAllEditors');
  });
});
