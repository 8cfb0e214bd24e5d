// The packages that end-to-end tests install: built and packed as `npm run vsix` does it, in a folder of their own.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { buildCopy, ownTarget, packVsix, TARGETS } from '../../scripts/vsix.mjs';
import { throwAwayFolder } from './places.mjs';

/** What `--package` takes besides the targets: the folder of the checkout, as while it is developed. */
const CHECKOUT = 'none';

/**
 * The target that a name means: `own` is this machine's. Null: no package.
 * @param {string} name
 */
export function packageTarget(name) {
  if (name === CHECKOUT) return null;
  const target = name === 'own' ? ownTarget() : name;
  if (!TARGETS.includes(target)) throw new Error(`--package ${name}: there is own, ${CHECKOUT}, ${TARGETS.join(', ')}`);
  return target;
}

/**
 * Packages of one build. Each is made when it is first asked for, one after the other.
 * @returns {(target: string) => Promise<string>}
 */
export function packages() {
  /** @type {Promise<string> | undefined} */
  let built;
  /** @type {Map<string, Promise<string>>} */
  const packed = new Map();
  /** @type {Promise<unknown>} */
  let last = Promise.resolve();
  return (target) => {
    built ??= (async () => {
      const folder = join(throwAwayFolder('package'), 'checkout');
      mkdirSync(folder);
      await buildCopy(folder);
      return folder;
    })();
    const folder = built;
    const before = last;
    const file =
      packed.get(target) ??
      before
        .catch(() => undefined)
        .then(async () => packVsix(await folder, target, { out: join(await folder, '..', 'packed') }));
    packed.set(target, file);
    last = file;
    return file;
  };
}
