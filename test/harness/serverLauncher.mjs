// Starts a VS Code server for one use: free port, throw-away user data, our settings, no telemetry.
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { foreignEnvironment } from './npm.mjs';
import { ROOT, throwAwayFolder } from './places.mjs';
import { run, start, tail } from './processes.mjs';

/** @typedef {Record<string, string | number | boolean>} Settings */

/** A quiet editor: nothing that asks, tips, updates, fetches, or talks to a chat service. Each costs start-up time. */
export const QUIET_SETTINGS = {
  'telemetry.telemetryLevel': 'off',
  'workbench.startupEditor': 'none',
  'workbench.tips.enabled': false,
  'workbench.enableExperiments': false,
  'workbench.secondarySideBar.defaultVisibility': 'hidden',
  'security.workspace.trust.enabled': false,
  'chat.disableAIFeatures': true,
  'extensions.ignoreRecommendations': true,
  'extensions.autoCheckUpdates': false,
  'git.enabled': false,
  'json.schemaDownload.enable': false,
  'npm.fetchOnlinePackageInfo': false,
  // A cursor that blinks draws the window all the time.
  'editor.cursorBlinking': 'solid',
};

const RESTRICTED_SETTINGS = {
  'security.workspace.trust.enabled': true,
  'security.workspace.trust.startupPrompt': 'never',
  'security.workspace.trust.banner': 'never',
};

/** @param {string} extension a folder with a package.json */
function extensionFolderName(extension) {
  const { publisher, name, version } = JSON.parse(readFileSync(join(extension, 'package.json'), 'utf8'));
  return `${publisher}.${name}-${version}`;
}

/**
 * As a user does it, into an empty server.
 * @param {import('./vscodeServers.mjs').InstalledServer} server
 * @param {string} data
 * @param {string} file  a VSIX
 */
async function installExtension(server, data, file) {
  await run(
    server.node,
    [server.main, '--install-extension', file, '--accept-server-license-terms', '--server-data-dir', data],
    { cwd: data, env: { ...foreignEnvironment(), EXTENSIONS_GALLERY: '{}' }, what: `installing ${file}` },
  );
}

/** @param {string} extensions */
function installedIn(extensions) {
  const { publisher, name } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  const folder = readdirSync(extensions).find((each) => each.startsWith(`${publisher}.${name}-`));
  if (!folder) throw new Error(`${publisher}.${name} was not installed`);
  return join(extensions, folder);
}

/** @param {string} url */
async function untilItAnswers(url) {
  for (const deadline = Date.now() + 20_000; ; await sleep(50)) {
    try {
      const response = await fetch(url, { redirect: 'manual', signal: AbortSignal.timeout(5000) });
      if (response.status < 500) return;
    } catch (error) {
      if (Date.now() > deadline) throw error;
    }
    if (Date.now() > deadline) throw new Error(`${url} does not answer`);
  }
}

/**
 * @param {import('./vscodeServers.mjs').InstalledServer} server
 * @param {object} [options]
 * @param {string[]} [options.extensions] folders of extensions, installed by a link
 * @param {string | null} [options.vsix]  a package that is installed
 * @param {Settings} [options.settings]   on top of the quiet ones
 * @param {NodeJS.ProcessEnv} [options.env]  on top of ours; extensions see it
 * @param {boolean} [options.testDriver]  lets the address choose extensions under development and tests. VS Code is another
 *                                        with it: 1.100 refuses all dialogs, the newest shows no notifications by themselves.
 * @param {boolean} [options.endsAlone]   should we be killed without a chance to clean up, the server ends when nobody visits it
 * @param {boolean} [options.restricted]  windows do not trust their folders, and nobody is asked to
 * @param {number} [options.port]
 */
export async function startServer(server, options = {}) {
  const data = throwAwayFolder('vscode-data');
  const settingsFile = join(data, 'data', 'User', 'settings.json');
  mkdirSync(dirname(settingsFile), { recursive: true });
  const settings = { ...QUIET_SETTINGS, ...(options.restricted ? RESTRICTED_SETTINGS : {}), ...options.settings };
  writeFileSync(settingsFile, JSON.stringify(settings, null, 2));

  // VS Code takes over the extensions that it finds in this folder when it starts for the first time.
  mkdirSync(join(data, 'extensions'));
  for (const extension of options.extensions ?? []) {
    symlinkSync(extension, join(data, 'extensions', extensionFolderName(extension)), 'junction');
  }

  if (options.vsix) await installExtension(server, data, options.vsix);

  const args = [
    server.main,
    ...['--host', '127.0.0.1', '--port', String(options.port ?? 0), '--without-connection-token'],
    ...['--accept-server-license-terms', '--telemetry-level', 'off'],
    ...(options.restricted ? [] : ['--disable-workspace-trust']),
    ...['--server-data-dir', data],
    ...(options.testDriver ? ['--enable-smoke-test-driver'] : []),
    ...(options.endsAlone ? ['--enable-remote-auto-shutdown'] : []),
  ];
  const env = {
    ...foreignEnvironment(),
    // Without a gallery nothing waits for a host that may be out of reach.
    EXTENSIONS_GALLERY: '{}',
    ...options.env,
  };
  const child = start(server.node, args, { cwd: data, env });
  const [, port] = await child.waitFor(/agent listening on (\d+)/, 30_000);
  const url = `http://127.0.0.1:${port}/`;
  await untilItAnswers(url);
  return {
    url,
    /** Where an installed package lies. */
    extension: options.vsix ? installedIn(join(data, 'extensions')) : null,
    log: () => tail(child.output()),
    ended: child.ended,
    stop: () => child.stop(),
  };
}

/** @typedef {Awaited<ReturnType<typeof startServer>>} RunningServer */

/**
 * The address that opens a folder; with a test driver also an extension under development (the server takes one only;
 * others can be installed), and tests that run in its extension host.
 * @param {string} serverUrl
 * @param {{ folder: string; extension?: string; tests?: string }} what
 */
export function workbenchUrl(serverUrl, what) {
  const url = new URL(serverUrl);
  const remote = (/** @type {string} */ path) => `vscode-remote://${url.host}${path}`;
  const payload = [];
  if (what.extension) payload.push(['extensionDevelopmentPath', remote(what.extension)]);
  if (what.tests) payload.push(['extensionTestsPath', remote(what.tests)]);
  if (payload.length > 0) url.searchParams.set('payload', JSON.stringify(payload));
  // By hand: slashes are allowed in a query, and people read this address.
  url.search += `${url.search ? '&' : '?'}folder=${encodeURIComponent(what.folder).replaceAll('%2F', '/')}`;
  return url.href;
}
