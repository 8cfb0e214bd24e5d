/** One piece of work at a time, with progress and a way to cancel it; where it fails, what failed and what to do. */

import { sentence } from '../../../src/present/words';
import { type CancelController, newCancelController } from '../../../src/shared/platform';
import type { CallOptions } from '../../../src/shared/rpc';
import { isGivenUp, isRpcError, messageOf } from '../../../src/shared/rpcError';
import type { Failure } from '../../parts/states';
import { Observed } from '../../platform/observed';

export interface Running {
  readonly message: string;
  readonly fraction: number | null;
}

export interface WorkState {
  readonly running: Running | null;
  readonly failure: Failure | null;
}

export abstract class WorkSession<S extends WorkState> extends Observed<S> {
  private cancelling: CancelController | null = null;

  cancel(): void {
    this.cancelling?.abort();
    this.cancelling = null;
    if (this.current.running !== null) this.updateWork({ running: null });
  }

  /**
   * What ran before is cancelled.
   * @param where What is said to have failed, where it fails.
   */
  protected async working(where: string, work: (options: CallOptions) => Promise<void>): Promise<void> {
    this.cancelling?.abort();
    const controller = newCancelController();
    this.cancelling = controller;
    const ours = (): boolean => this.cancelling === controller;
    this.updateWork({ running: { message: this.beginning(), fraction: null }, failure: null });
    try {
      await work({
        signal: controller.signal,
        onProgress: ({ message, fraction }) => ours() && this.progress(message, fraction ?? null),
      });
    } catch (error) {
      if (ours()) this.fail(error, where);
    } finally {
      if (ours()) {
        this.cancelling = null;
        this.updateWork({ running: null });
      }
    }
  }

  /** Said until there is progress. */
  protected beginning(): string {
    return 'Starting';
  }

  protected progress(message: string, fraction: number | null): void {
    this.updateWork({ running: { message: sentence(message), fraction } });
  }

  protected fail(error: unknown, where: string): void {
    if (!isGivenUp(error)) this.updateWork({ failure: failureOf(error, where) });
  }

  /** A part of every such state: what TypeScript does not see of a part of `S`. */
  private updateWork(change: Partial<WorkState>): void {
    this.update(change as Partial<S>);
  }
}

function failureOf(error: unknown, where: string): Failure {
  const what = sentence(messageOf(error));
  const code = isRpcError(error) ? error.code : 'internal';
  const then: Readonly<Partial<Record<string, string>>> = {
    invalidInput: 'Change that, and run again.',
    tooLarge: 'Use a shorter prompt or a smaller layer, or raise headlight.compute.memoryCeilingGiB in the settings.',
    unavailable: 'Choose another device in the settings (headlight.compute), or see the log.',
    crashed: 'Run again: the compute process restarts.',
  };
  return { what, where, then: then[code] ?? 'Run again, or see the log.' };
}
