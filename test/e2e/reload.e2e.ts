// The panel beside the editor comes back with what it showed: after thirty reloads of its page, and after reloads of the window, also for
// a config that no editor shows. In which orders the window's parts can come back is test/unit/editor/following.test.ts's.
import { beforeAll, describe, expect, test } from 'vitest';
import { Panel } from './pageObjects/panel';
import { useWorkbench } from './window';
import { thorough } from '../unit/depth';

const LLAMA = 'llama-3-8b/config.json';
const DEEPSEEK = 'deepseek-v3/config.json';
const PAGE_RELOADS = 30;

describe.skipIf(!thorough)('the panel after a reload', () => {
  const workbench = useWorkbench();
  let panel: Panel;

  const run = (command: string): Promise<unknown> =>
    workbench().host.evaluate((vscode, id) => vscode.commands.executeCommand(id).then(() => null), command);
  const name = (): Promise<string> => panel.frame.locator('headlight-app h1').innerText({ timeout: 80_000 });
  /** The page that comes after the one that is there. */
  const another = async (reload: () => Promise<unknown>): Promise<void> => {
    const before = await panel.document();
    await before.evaluate(() => (document.body.dataset['before'] = 'reload'));
    await reload();
    await panel.frame.locator('body:not([data-before]) headlight-app .view > *').waitFor({ timeout: 80_000 });
  };
  const reloadWindow = (): Promise<void> => another(() => workbench().reload());
  /** The keyboard is with the panel: no editor is active when the window comes back. */
  const focusPanel = (): Promise<void> => panel.tab('What-if').click();

  beforeAll(async () => {
    await workbench().openFile(LLAMA);
    await workbench().untilHeadlightIsActive();
    // The side bar's page is not shown: one frame is the panel's.
    await run('workbench.view.explorer');
    await run('headlight.openPanelBeside');
    panel = new Panel(workbench().page);
    await panel.untilShows('128 KiB');
  });

  test(`of its page still shows its config and its view, ${PAGE_RELOADS} times`, async () => {
    await panel.show('What-if');
    for (let round = 1; round <= PAGE_RELOADS; round++) {
      await another(() => run('workbench.action.webview.reloadWebviewAction'));
      await expect.poll(name, { message: `reload ${round}` }).toBe('llama-3-8b');
      await panel.frame.locator('headlight-what-if').waitFor();
    }
  }, 90_000);

  test('of the window shows the config beside it, though the panel has the focus, and the view that it had', async () => {
    await focusPanel();
    await reloadWindow();
    await expect.poll(name).toBe('llama-3-8b');
    await panel.untilShows('KV heads');
    await expect.poll(() => panel.tab('What-if').getAttribute('aria-selected')).toBe('true');
  }, 150_000);

  test('of the window shows a preset that no editor shows, beside the config that does not take its place', async () => {
    await workbench().host.evaluate(async (vscode) => {
      const root = vscode.extensions.getExtension('headlight.headlight')?.extensionUri;
      if (!root) throw new Error('no extension');
      const preset = vscode.Uri.joinPath(root, 'media', 'presets', 'gpt-3-175b.json');
      await vscode.commands.executeCommand('headlight.openPanelBeside', preset);
    }, null);
    await expect.poll(name).toContain('GPT-3');
    const shown = await name();
    await reloadWindow();
    await expect.poll(name).toBe(shown);
    // With the config's editor in front, which was in front before: nobody has chosen it since.
    await panel.frame.locator('headlight-what-if').waitFor();
    await run('workbench.action.focusFirstEditorGroup');
    await workbench().openFile(DEEPSEEK);
    await expect.poll(name).toBe('deepseek-v3');
  }, 150_000);

  test('of the window shows a config whose editor was closed', async () => {
    await run('workbench.action.closeEditorsInGroup');
    await expect.poll(name).toBe('deepseek-v3');
    await focusPanel();
    await reloadWindow();
    await expect.poll(name).toBe('deepseek-v3');
  }, 150_000);
});
