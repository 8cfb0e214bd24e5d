// Makes an extension folder of the bridge, outside of the checkout.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { ROOT } from '../../harness/places.mjs';

export async function buildHostBridge(folder: string): Promise<void> {
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
  };
  writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest));
}
