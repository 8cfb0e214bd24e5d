/** What buttons do that the editor answers: copy, save, ask. One element has one of these; what came of it stands beside its buttons. */

import type { ReactiveControllerHost } from 'lit';
import { announce } from './announce';
import { host } from './host';

export class Actions {
  #done = '';
  #problem = '';

  constructor(private readonly element: ReactiveControllerHost & EventTarget) {}

  /** What was done last, in words; screen readers have been told. */
  get done(): string {
    return this.#done;
  }

  /** Why it could not be done; empty where it could. */
  get problem(): string {
    return this.#problem;
  }

  set problem(text: string) {
    this.#problem = text;
    this.element.requestUpdate();
  }

  async attempt(work: () => Promise<unknown>): Promise<void> {
    this.#done = '';
    this.problem = '';
    try {
      await work();
    } catch (error) {
      this.problem = error instanceof Error ? error.message : String(error);
    }
  }

  /** `what`: the form that the text has, such as "Markdown". */
  copy(what: string, text: () => string): Promise<void> {
    return this.attempt(async () => {
      await host.call('panel/copy', { text: text() });
      this.tell(`Copied as ${what}`);
    });
  }

  savePicture(name: string, content: () => string | Promise<Uint8Array>): Promise<void> {
    return this.save(name, content, 'Picture saved');
  }

  /** @param done What is said then. */
  save(name: string, content: () => string | Promise<Uint8Array>, done: string): Promise<void> {
    return this.attempt(async () => {
      if (await host.call('panel/save', { name, content: await content() })) this.tell(done);
    });
  }

  private tell(done: string): void {
    this.#done = done;
    this.element.requestUpdate();
    announce(this.element, done);
  }
}
