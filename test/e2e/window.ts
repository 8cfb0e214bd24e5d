// A window for the specs of one `describe`: opened before the first, closed after the last, pictured when one fails.
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
