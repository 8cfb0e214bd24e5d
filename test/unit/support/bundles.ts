/** Bundles that tests make of the sources, with the options of the real ones. */

import { join, resolve } from 'node:path';
import { build, type BuildOptions } from 'esbuild';
import { web } from '../../../esbuild.web.js';

const root = resolve(import.meta.dirname, '../../..');

/** The command line as in dist/. The tensor libraries stay packages: `outfile` must lie beneath node_modules. */
export async function buildCli(outfile: string): Promise<void> {
  await build({
    entryPoints: ['src/cli/main.ts'],
    absWorkingDir: root,
    outfile,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    mainFields: ['module', 'main'],
    external: ['onnxruntime-node', 'onnxruntime-web', '@tensorflow/*', './mcpServer.js'],
    logLevel: 'silent',
  });
}

/** What `mcp` loads, into the folder of the command line. */
export async function buildMcp(folder: string): Promise<void> {
  await build({
    entryPoints: ['src/cli/mcpServer.ts'],
    absWorkingDir: root,
    outfile: join(folder, 'mcpServer.js'),
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    mainFields: ['module', 'main'],
    logLevel: 'silent',
  });
}

/** The code of a file of the extension in a browser, which has no modules but `vscode`. */
export async function webCode(entry: string): Promise<string> {
  const { outputFiles } = await build({
    ...(web as BuildOptions),
    entryPoints: [entry],
    absWorkingDir: root,
    write: false,
    minify: false,
    mainFields: ['module', 'main'],
    logLevel: 'silent',
  });
  return outputFiles?.[0]?.text ?? '';
}

/** The code of a file of the extension host, for which the caller is the editor: `vscode` is asked of its `require`. */
export async function hostCode(entry: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [entry],
    absWorkingDir: root,
    bundle: true,
    write: false,
    platform: 'node',
    format: 'cjs',
    mainFields: ['module', 'main'],
    external: ['vscode'],
    logLevel: 'silent',
  });
  return outputFiles[0]?.text ?? '';
}
