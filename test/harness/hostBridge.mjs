// Makes an extension folder of test/e2e/hostBridge, outside of the checkout.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './places.mjs';

/** @param {string} folder */
export async function buildHostBridge(folder) {
  // Loaded late: it needs node_modules.
  const { build } = await import('esbuild');
  await build({
    entryPoints: [join(ROOT, 'test', 'e2e', 'hostBridge', 'extension.ts')],
    outfile: join(folder, 'extension.js'),
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    external: ['vscode'],
    logLevel: 'silent',
  });
  const manifest = {
    name: 'headlight-test-bridge',
    publisher: 'headlight',
    version: '0.0.1',
    engines: { vscode: '^1.100.0' },
    main: './extension.js',
    extensionKind: ['workspace'],
    activationEvents: ['*'],
    capabilities: { untrustedWorkspaces: { supported: true } },
  };
  writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest));
}
