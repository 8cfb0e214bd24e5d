// Where Headlight is: installed from its package, or in the folder where it is developed.
import { inject } from 'vitest';
import { EXTENSION } from '../harness/places.mjs';

/** The folder with its files. */
export function extensionFolder(): string {
  return inject('extension') ?? EXTENSION;
}

/** What the address of a window must say of it: nothing, where it is installed. */
export function underDevelopment(): { extension?: string } {
  return inject('extension') === null ? { extension: EXTENSION } : {};
}
