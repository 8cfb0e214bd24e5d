// The window for the specs of one `describe`: tidied up before the first, handed on after the last, pictured when one fails.
// All specs share one window: opening another costs more than most of them.
import { afterAll, beforeAll, beforeEach } from 'vitest';
import { Workbench } from './pageObjects/workbench';

export function useWorkbench(size?: { width: number; height: number }): () => Workbench {
  let workbench: Workbench | undefined;
  const opened = (): Workbench => {
    if (!workbench) throw new Error('the window is open only while the tests run');
    return workbench;
  };
  beforeAll(async () => {
    workbench = await Workbench.open(size);
  });
  beforeEach(({ onTestFailed, task }) => {
    onTestFailed(() => workbench?.screenshot(`failed ${task.name}`));
  });
  afterAll(() => workbench?.close());
  return opened;
}
