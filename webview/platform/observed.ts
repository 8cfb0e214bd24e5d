/** A state that others follow: each change makes a new object, of which everybody who listens hears. */
export abstract class Observed<S extends object> {
  private readonly listeners = new Set<(state: S) => void>();

  protected constructor(protected current: S) {}

  get state(): S {
    return this.current;
  }

  /** The result stops listening. */
  subscribe(listener: (state: S) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  protected update(change: Partial<S>): void {
    this.current = { ...this.current, ...change };
    // Some stop listening while they hear of it.
    for (const listener of [...this.listeners]) listener(this.current);
  }
}
