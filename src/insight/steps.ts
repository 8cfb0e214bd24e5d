/** Long work in steps: each says how far it is (0…1), and whoever runs it may pause there, show it, or stop. */

export type Steps<T> = Generator<number, T, void>;

/** Without a pause. */
export function finish<T>(steps: Steps<T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

/** @param pause Is told how far it is. May throw, which ends the work. */
export async function paced<T>(steps: Steps<T>, pause: (fraction: number) => Promise<void>): Promise<T> {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
    await pause(step.value);
  }
}

/** As a part of something longer: from `start` to `end` of it. */
export function* within<T>(start: number, end: number, steps: Steps<T>): Steps<T> {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
    yield start + (end - start) * step.value;
  }
}
