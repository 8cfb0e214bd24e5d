// Hovers in the cells of a notebook, which are documents of their own.
import assert from 'node:assert/strict';
import { suite, test } from 'mocha';
import * as vscode from 'vscode';
import { hoverText, until, write } from './support';

const SOURCE = [
  'from transformers import LlamaConfig\n',
  'config = LlamaConfig(hidden_size=4096, num_hidden_layers=32,\n',
  '    num_attention_heads=32, num_key_value_heads=8)\n',
];

const NOTEBOOK = {
  nbformat: 4,
  nbformat_minor: 5,
  metadata: { language_info: { name: 'python' } },
  cells: [
    { cell_type: 'markdown', id: 'a', metadata: {}, source: ['# num_key_value_heads\n'] },
    { cell_type: 'code', id: 'b', metadata: {}, execution_count: null, outputs: [], source: ['x = 1\n'] },
    { cell_type: 'code', id: 'c', metadata: {}, execution_count: null, outputs: [], source: SOURCE },
  ],
};

suite('notebooks', () => {
  test('a Python cell has the hover of a Python source', async () => {
    const uri = await write('train/model.ipynb', JSON.stringify(NOTEBOOK));
    const notebook = await vscode.workspace.openNotebookDocument(uri);
    await vscode.window.showNotebookDocument(notebook);
    const [title, plain, code] = notebook.getCells().map(({ document }) => document);
    assert.ok(title && plain && code);
    assert.equal(code.uri.scheme, 'vscode-notebook-cell');
    // The language of a cell is known once the editor has looked.
    await until(() => code.languageId === 'python');
    const said = await hoverText(code.uri, 'num_key_value_heads');
    assert.match(said, /131,072 B\/token/);
    assert.match(await hoverText(code.uri, 'hidden_size'), /hidden_size|4,?096/);
    assert.doesNotMatch(await hoverText(title.uri, 'num_key_value_heads'), /B\/token/);
    assert.doesNotMatch(await hoverText(plain.uri, 'x'), /B\/token/);
    await vscode.commands.executeCommand('workbench.action.closeActiveEditor');
    await vscode.workspace.fs.delete(vscode.Uri.joinPath(uri, '..'), { recursive: true });
  });
});
