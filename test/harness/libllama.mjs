// llama.cpp itself: the library that the npm package `node-llama-cpp` is published with, and a foreign function interface to call it.
// The package for one platform is taken alone: the whole of it brings 700 MB of graphics backends.
import { join } from 'node:path';
import { npm } from './npm.mjs';
import { installOnce } from './once.mjs';
import { ROOT } from './places.mjs';

/** Version of the platform packages, the release of llama.cpp in them, and its commit's date. */
export const LIBLLAMA = { package: '3.22.1', release: 'v0.5.0', date: '2026-09-28' };
const KOFFI = '3.3.4';

/** Counts changes of the recipe below. */
const REVISION = 1;

/** Processors that the package has a build for, where the layout of C++ maps is known (libstdc++). */
const PROCESSORS = ['x64', 'arm64'];

/** Why this machine cannot run the library; null where it can. */
export function libllamaMissing() {
  const place = `${process.platform}-${process.arch}`;
  if (process.platform !== 'linux' || !PROCESSORS.includes(process.arch))
    return `libllama: the tests have it for Linux on ${PROCESSORS.join(' and ')}, not for ${place}`;
  const report = process.report.getReport();
  const header = typeof report === 'object' && 'header' in report ? report.header : {};
  const glibc = header && typeof header === 'object' && 'glibcVersionRuntime' in header;
  return glibc ? null : 'libllama: it is built for glibc, which this machine has not';
}

/** @typedef {{ process: string; folder: string; library: string; ggml: string; base: string; koffi: string }} Libllama */

/**
 * Paths of the libraries, of the module that calls them, and of the program to start (libllamaProcess.mjs).
 * @returns {Promise<Libllama>}
 */
export async function ensureLibllama() {
  const missing = libllamaMissing();
  if (missing !== null) throw new Error(missing);
  const place = `linux-${process.arch}`;
  const id = `libllama-${LIBLLAMA.package}-koffi-${KOFFI}-${place}-r${REVISION}`;
  const home = await installOnce(id, `libllama ${LIBLLAMA.release}`, async (partial) => {
    const packages = [`@node-llama-cpp/${place}@${LIBLLAMA.package}`, `koffi@${KOFFI}`];
    await npm(['install', '--prefix', partial, ...packages], { cwd: partial, what: 'installing libllama' });
  });
  const folder = join(home, 'node_modules', '@node-llama-cpp', place, 'bins', place);
  return {
    process: join(ROOT, 'test', 'harness', 'libllamaProcess.mjs'),
    folder,
    library: join(folder, `libllama.${LIBLLAMA.release}.so`),
    ggml: join(folder, `libggml.${LIBLLAMA.release}.so`),
    base: join(folder, 'libggml-base.so'),
    koffi: join(home, 'node_modules', 'koffi'),
  };
}
