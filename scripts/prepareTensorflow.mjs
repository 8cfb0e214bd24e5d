// Puts a real TensorFlow into the cache for tests and the bench: the wheel in a venv of its own, and tfjs-node built
// against it by the extension's own installer. Once per machine.
import { existsSync } from 'node:fs';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { cacheFolder, ROOT, throwAwayFolder } from '../test/harness/places.mjs';

const run = promisify(execFile);
const python = process.env['HEADLIGHT_PYTHON'] ?? 'python3';

/** Indexes that pip's own configuration names; the public one hangs on machines that cannot reach it. */
async function indexArguments() {
  const found = await run(python, ['-m', 'pip', 'config', 'get', 'global.extra-index-url']).catch(() => ({
    stdout: '',
  }));
  const [first, ...others] = found.stdout.trim().split(/\s+/).filter(Boolean);
  return first ? ['--index-url', first, ...others.flatMap((url) => ['--extra-index-url', url])] : [];
}

const venv = join(cacheFolder(), 'tensorflow-python');
const interpreter = join(venv, process.platform === 'win32' ? 'Scripts/python.exe' : 'bin/python');
if (!existsSync(interpreter)) await run(python, ['-m', 'venv', venv]);
console.log('tensorflow: installing the wheel');
await run(interpreter, ['-m', 'pip', 'install', '--quiet', ...(await indexArguments()), 'tensorflow-cpu'], {
  maxBuffer: 2 ** 26,
});

const bundle = join(throwAwayFolder('tensorflow'), 'install.mjs');
await build({
  entryPoints: [join(ROOT, 'src/compute/installTensorflow.ts')],
  bundle: true,
  platform: 'node',
  format: 'esm',
  outfile: bundle,
  logLevel: 'error',
});
const { installTensorflow } = await import(pathToFileURL(bundle).href);
const folder = await installTensorflow({
  source: { kind: 'python', python: interpreter },
  folder: join(cacheFolder(), 'tensorflow'),
  onProgress: ({ message }) => console.log(`tensorflow: ${message}`),
});
console.log(folder);
