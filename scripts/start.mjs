// `npm start`: VS Code with Headlight and the sample configs. On the desktop where there is one, else in the browser.
//   --browser        the server in the browser, even where a desktop is
//   --folder PATH    open this folder instead of the samples
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { progress } from '../test/harness/log.mjs';
import { ensureNodeModules } from '../test/harness/nodeModules.mjs';
import { EXTENSION, throwAwayFolder } from '../test/harness/places.mjs';
import { endWithParents, findProgram, start } from '../test/harness/processes.mjs';
import { copySamples } from '../test/harness/samples.mjs';
import { startServer, workbenchUrl } from '../test/harness/serverLauncher.mjs';
import { ensureSystemPackages } from '../test/harness/systemPackages.mjs';
import { ensureServer } from '../test/harness/vscodeServers.mjs';

/** A desktop VS Code that can show a window here. */
function desktop() {
  const wanted = process.env['HEADLIGHT_VSCODE'];
  if (wanted && !existsSync(wanted)) throw new Error(`HEADLIGHT_VSCODE names ${wanted}, which does not exist`);
  // In a terminal of a remote VS Code, `code` is a helper that talks to that window and takes no extension folder.
  const code = wanted ?? (process.env['VSCODE_IPC_HOOK_CLI'] ? undefined : findProgram('code'));
  if (!code) return undefined;
  const blind = process.platform === 'linux' && !process.env['DISPLAY'] && !process.env['WAYLAND_DISPLAY'];
  if (!blind) return code;
  progress(`${code} is here, but there is no display: using the browser`);
  return undefined;
}

/**
 * @param {string} code
 * @param {string} folder
 */
async function startDesktop(code, folder) {
  const user = throwAwayFolder('vscode-data');
  const args = [
    '--wait',
    '--new-window',
    `--extensionDevelopmentPath=${EXTENSION}`,
    `--user-data-dir=${join(user, 'data')}`,
    `--extensions-dir=${join(user, 'extensions')}`,
    ...['--disable-workspace-trust', '--skip-welcome', '--skip-release-notes'],
    ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
    folder,
  ];
  console.log(
    `\nHeadlight opens in ${code}. Open llama-3-8b/config.json and rest the pointer on num_key_value_heads.\n`,
  );
  return start(code, args, { inherit: true }).ended;
}

/** @param {string} folder */
async function startInBrowser(folder) {
  await ensureSystemPackages(['compiler']);
  const installed = await ensureServer('newest');
  const server = await startServer(installed, {
    extensions: [EXTENSION],
    port: Number(process.env['HEADLIGHT_PORT'] ?? 0),
  });
  const address = workbenchUrl(server.url, { folder });
  console.log(
    `\nHeadlight runs in VS Code ${installed.recipe.vscode}. Open this address in a browser on this machine:\n\n` +
      `    ${address}\n\n` +
      'Then open llama-3-8b/config.json and rest the pointer on num_key_value_heads. Ctrl+C ends it.\n',
  );
  const code = await server.ended;
  console.error(`The server ended (code ${code}):\n${server.log()}`);
  return code;
}

async function main() {
  if (process.env['npm_lifecycle_event']) endWithParents();
  const { values } = parseArgs({ options: { browser: { type: 'boolean' }, folder: { type: 'string' } } });
  await ensureNodeModules();
  const { compile } = await import('../test/harness/compile.mjs');
  progress('compiling');
  await compile();
  const folder = values.folder ? resolve(values.folder) : copySamples();
  const code = values.browser ? undefined : desktop();
  return code ? startDesktop(code, folder) : startInBrowser(folder);
}

main().then(
  (code) => process.exit(code),
  (error) => {
    console.error(`npm start: ${error instanceof Error ? error.message : error}`);
    process.exit(1);
  },
);
