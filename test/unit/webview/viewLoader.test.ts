import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type LoadState, ViewLoader } from '../../../webview/platform/viewLoader';

/** How long the view before stays, and then the loading state. */
const PATIENCE_MS = 150;
const NOTICE_MS = 400;
/** Until it is asked for once more. */
const AGAIN_MS = 300;

describe('loading the code of views', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  const failing = (count: number, ms: number) => {
    let calls = 0;
    return () =>
      new Promise<void>((resolve, reject) =>
        setTimeout(() => (++calls <= count ? reject(new Error(`no ${calls}`)) : resolve()), ms),
      );
  };
  const watched = (chunk: () => Promise<unknown>) => {
    const seen: LoadState[] = [];
    const loader = new ViewLoader<'here' | 'late'>({ late: chunk }, (_, state) => seen.push(state));
    return { loader, seen };
  };

  it('has at once what came with the page', async () => {
    const { loader, seen } = watched(failing(0, 10));
    expect(loader.stateOf('here')).toBe('ready');
    await loader.load('here');
    expect(seen).toEqual([]);
    expect(loader.stateOf('late')).toBe('waiting');
  });

  it('shows no loading state where the code comes quickly', async () => {
    const { loader, seen } = watched(failing(0, PATIENCE_MS - 1));
    void loader.load('late');
    await vi.advanceTimersByTimeAsync(PATIENCE_MS + NOTICE_MS);
    expect(seen).toEqual(['waiting', 'ready']);
  });

  it('shows one long enough to be read where it does not', async () => {
    const { loader, seen } = watched(failing(0, PATIENCE_MS + 1));
    void loader.load('late');
    await vi.advanceTimersByTimeAsync(PATIENCE_MS + NOTICE_MS - 1);
    expect(seen).toEqual(['waiting', 'slow']);
    await vi.advanceTimersByTimeAsync(1);
    expect(seen).toEqual(['waiting', 'slow', 'ready']);
  });

  it('asks once for a view, however often it is shown', async () => {
    const chunk = vi.fn(failing(0, 10));
    const { loader } = watched(chunk);
    void loader.load('late');
    void loader.load('late');
    await vi.advanceTimersByTimeAsync(20);
    void loader.load('late');
    expect(chunk).toHaveBeenCalledTimes(1);
    expect(loader.stateOf('late')).toBe('ready');
  });

  it('asks once more by itself where a page has just been opened and is not served yet', async () => {
    const { loader, seen } = watched(failing(1, 10));
    void loader.load('late');
    await vi.advanceTimersByTimeAsync(10 + AGAIN_MS + 10 + NOTICE_MS);
    expect(seen).toEqual(['waiting', 'slow', 'ready']);
  });

  it('says why a view cannot be loaded, and tries again when asked to, visibly', async () => {
    const { loader, seen } = watched(failing(2, 10));
    void loader.load('late');
    await vi.advanceTimersByTimeAsync(10 + AGAIN_MS + 10 + NOTICE_MS);
    expect(loader.stateOf('late')).toEqual({ error: new Error('no 2') });
    void loader.load('late', 0);
    expect(loader.stateOf('late')).toBe('slow');
    await vi.advanceTimersByTimeAsync(NOTICE_MS);
    expect(seen).toEqual(['waiting', 'slow', { error: new Error('no 2') }, 'waiting', 'slow', 'ready']);
  });
});
