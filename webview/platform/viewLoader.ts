/**
 * Loads the views' code, each when it is first shown, and says what to show until then: nothing new while it is fast, and a loading
 * state, for long enough to be read, where it is not.
 */

/** For so many milliseconds the view before stays: a loading state that is gone at once would only flash. */
const PATIENCE_MS = 150;
/** For so long a loading state stays once it is shown. */
const NOTICE_MS = 400;
/** VS Code's server now and then has no answer for a page that it has just opened; asked again a little later, it has. */
const AGAIN_MS = 300;

export type LoadState = 'waiting' | 'slow' | 'ready' | LoadFailure;

export interface LoadFailure {
  readonly error: unknown;
}

export class ViewLoader<V extends string> {
  private readonly states = new Map<V, LoadState>();

  constructor(
    /** A view without one came with the page. */
    private readonly chunks: Readonly<Partial<Record<V, () => Promise<unknown>>>>,
    /** The state of a view has changed. */
    private readonly changed: (view: V, state: LoadState) => void,
  ) {}

  /** A view that nobody has asked for yet waits, too. */
  stateOf(view: V): LoadState {
    return this.chunks[view] ? (this.states.get(view) ?? 'waiting') : 'ready';
  }

  /** Begins to load a view, also after that failed. Does nothing while it loads and once it is there. */
  async load(view: V, patienceMs = PATIENCE_MS): Promise<void> {
    const chunk = this.chunks[view];
    if (!chunk || typeof this.states.get(view) === 'string') return;
    this.set(view, 'waiting');
    let slowSince: number | undefined;
    const becomeSlow = (): void => {
      slowSince = performance.now();
      this.set(view, 'slow');
    };
    const timer = patienceMs > 0 ? setTimeout(becomeSlow, patienceMs) : becomeSlow();
    let result: LoadState = 'ready';
    try {
      await chunk().catch(() => sleep(AGAIN_MS).then(chunk));
    } catch (error) {
      result = { error };
    }
    clearTimeout(timer ?? undefined);
    if (slowSince !== undefined) await sleep(NOTICE_MS - (performance.now() - slowSince));
    this.set(view, result);
  }

  private set(view: V, state: LoadState): void {
    this.states.set(view, state);
    this.changed(view, state);
  }
}

function sleep(ms: number): Promise<void> {
  return ms > 0 ? new Promise((resolve) => setTimeout(resolve, ms)) : Promise.resolve();
}
