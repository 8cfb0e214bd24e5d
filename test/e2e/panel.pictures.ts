// The panel's pictures in the README and docs, from the real VS Code: see tour.pictures.ts.
import { join } from 'node:path';
import { beforeAll, describe, inject, test } from 'vitest';
import { Panel } from './pageObjects/panel';
import { useWorkbench } from './window';

const [WIDTH, HEIGHT] = [1280, 800];
const CONFIG = 'llama-3-8b/config.json';

describe('pictures of the panel', () => {
  const workbench = useWorkbench({ width: WIDTH, height: HEIGHT });
  let panel: Panel;
  const take = (name: string): Promise<void> =>
    workbench().picture(`picture-${name}`, { x: 0, y: 0, width: WIDTH, height: HEIGHT });
  const openBeside = async (path: string, view: string): Promise<void> => {
    await workbench().tidy();
    await workbench().page.keyboard.press('Escape');
    await workbench().host.evaluate(
      async (vscode, [file, shown]) => {
        await vscode.commands.executeCommand('workbench.action.closeSidebar');
        const uri = vscode.Uri.file(file as string);
        await vscode.window.showTextDocument(uri);
        await vscode.commands.executeCommand('headlight.openPanelBeside', uri, shown);
      },
      [join(inject('folder'), path), view],
    );
    panel = new Panel(workbench().page);
    await panel.frame.locator('headlight-app').waitFor();
  };

  beforeAll(async () => {
    await workbench().setTheme('dark');
    await workbench().setSetting('window.commandCenter', false);
  });

  test('its architecture, beside the line that decides', async () => {
    await workbench().setTheme('light');
    await openBeside(CONFIG, 'architecture');
    await panel.frame.locator('headlight-figure').first().waitFor();
    const editor = await workbench().openFile(CONFIG);
    await editor.moveCursorTo('num_key_value_heads');
    await panel.frame.getByText('Cached: 4 KiB per token').first().scrollIntoViewIfNeeded();
    await take('architecture');
    await workbench().setTheme('dark');
  });

  test('its overview, designs, and the walk', async () => {
    await openBeside(CONFIG, 'overview');
    await panel.untilShows('(4.29 GB)');
    await take('overview');
    await panel.show('Compare');
    await panel.untilShows('MLA 512 + 64');
    await take('compare');
    await openBeside('deepseek-v3/config.json', 'steps');
    await panel.frame.getByRole('button', { name: 'MLA', exact: true }).click();
    await panel.frame.getByRole('button', { name: 'Step forward' }).focus();
    for (let step = 0; step < 6; step++) await workbench().page.keyboard.press('ArrowRight');
    await panel.frame.locator('headlight-steps .said h2').first().waitFor();
    await take('steps');
  });

  test('K of every head', async () => {
    await openBeside(CONFIG, 'heads');
    const view = panel.frame.locator('headlight-heads');
    await view.locator('select').first().selectOption({ label: 'Seeded weights of this config' });
    await view.getByRole('button', { name: 'Run', exact: true }).click();
    await view.getByRole('button', { name: 'Q, K and V', exact: true }).click({ timeout: 40_000 });
    await panel.untilShows('identical');
    await view
      .locator('headlight-key-values[data-letter="K"]')
      .getByText('differs from group 0')
      .first()
      .scrollIntoViewIfNeeded();
    await take('heads');
  });

  test('what each head of a trained sample does', async () => {
    await openBeside(CONFIG, 'heads');
    const view = panel.frame.locator('headlight-heads');
    const source = view.locator('select').first();
    const sample = await source.locator('option', { hasText: 'GQA' }).getAttribute('value');
    await source.selectOption(sample ?? '');
    await view.getByRole('button', { name: 'Run', exact: true }).click();
    await view.getByRole('button', { name: 'Effects', exact: true }).click({ timeout: 40_000 });
    await view.getByRole('button', { name: 'Ablate', exact: true }).click();
    await view.getByRole('button', { name: 'Ablate every head' }).click();
    await view.getByRole('columnheader', { name: 'KL of its group' }).waitFor({ timeout: 40_000 });
    await view.getByRole('button', { name: 'Cancel' }).waitFor({ state: 'detached', timeout: 40_000 });
    await view.locator('headlight-heatmap .plot').focus();
    await workbench().page.keyboard.press('ArrowRight');
    await view.getByRole('columnheader', { name: 'KL of its group' }).scrollIntoViewIfNeeded();
    await take('effects');
  });
});
