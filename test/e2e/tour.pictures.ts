// The recording of the README and the pictures that stand beside it, from the real VS Code: `npm run pictures` (scripts/pictures.mjs) takes them
// and puts them into media/readme.
import { join } from 'node:path';
import { beforeAll, describe, expect, inject, test } from 'vitest';
import { Panel } from './pageObjects/panel';
import { useWorkbench } from './window';

const [WIDTH, HEIGHT] = [960, 560];
const CONFIG = 'llama-3-8b/config.json';

describe('the tour', () => {
  const workbench = useWorkbench({ width: WIDTH, height: HEIGHT });
  let frames = 0;
  /** A frame of the recording, in sight for so long. Its name says both, for the script. */
  const frame = (ms: number): Promise<void> => {
    const number = String(++frames).padStart(2, '0');
    return workbench().picture(`tour-${number}-${ms}`, { x: 0, y: 0, width: WIDTH, height: HEIGHT });
  };
  const run = (command: string, ...given: unknown[]): Promise<void> =>
    workbench().host.evaluate(
      async (vscode, [id, ...rest]) =>
        void (await vscode.commands.executeCommand(
          id as string,
          ...(rest as unknown[]).map((each) =>
            typeof each === 'string' && each.startsWith('/') ? vscode.Uri.file(each) : each,
          ),
        )),
      [command, ...given],
    );

  beforeAll(async () => {
    await workbench().setTheme('dark');
    for (const [setting, value] of [
      ['editor.minimap.enabled', false],
      ['breadcrumbs.enabled', false],
      ['workbench.layoutControl.enabled', false],
      ['workbench.activityBar.location', 'hidden'],
      ['window.commandCenter', false],
      ['workbench.editor.editorActionsLocation', 'hidden'],
    ] as const)
      await workbench().setSetting(setting, value);
    await workbench().tidy();
  });

  test('a config, its hover, its architecture, an edit, the heads', async () => {
    const { page } = workbench();
    await run('workbench.action.closeSidebar');
    const editor = await workbench().openFile(CONFIG);
    await page.keyboard.press('Control+Home');
    await workbench().untilHeadlightIsActive();
    await page.locator('.codelens-decoration', { hasText: 'GQA' }).waitFor();
    // Away from the edge that lights up under it.
    await page.mouse.move(WIDTH / 2, HEIGHT - 80);
    await frame(1500);

    const hover = await editor.hoverWithMouse('num_key_value_heads');
    await hover.textWith('131,072');
    await frame(3000);
    await workbench().picture('picture-hover', { x: 0, y: 0, width: WIDTH, height: HEIGHT });
    await hover.dismiss();

    await run('headlight.openPanelBeside', join(inject('folder'), CONFIG), 'architecture');
    const panel = new Panel(page);
    await panel.frame.locator('headlight-figure').first().waitFor();
    await editor.moveCursorTo('num_key_value_heads');
    await frame(2500);

    // The panel follows an edit as it is typed.
    await workbench().host.evaluate(async (vscode) => {
      const [shown] = vscode.window.visibleTextEditors.filter(({ document }) =>
        document.uri.path.endsWith('config.json'),
      );
      const text = shown?.document.getText() ?? '';
      const at = text.indexOf('8', text.indexOf('"num_key_value_heads"'));
      if (!shown || at < 0) throw new Error('no config is open');
      await shown.edit((edit) =>
        edit.replace(new vscode.Range(shown.document.positionAt(at), shown.document.positionAt(at + 1)), '2'),
      );
    }, null);
    await panel.untilShows('2 groups');
    await frame(2500);

    await panel.show('Overview');
    await panel.untilShows('32,768');
    await frame(2500);

    await panel.show('Compare');
    await panel.frame.getByText('MLA').first().waitFor();
    await frame(2500);
    expect(frames).toBe(6);
  });
});
