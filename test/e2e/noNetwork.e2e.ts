// What the panel's page asks the browser for is the editor's own: its server, the extension's files (which a worker of the page's frame
// answers), and what is in the page itself. Its policy forbids the rest.
import { type Request } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { Panel } from './pageObjects/panel';
import { useWorkbench } from './window';

const VIEWS = ['Architecture', 'Overview', 'Compare', 'What-if', 'Heads'] as const;

/** Neither the server nor a file of the extension. */
function isForeign(address: string): boolean {
  const { origin, protocol, hostname } = new URL(address);
  if (['blob:', 'data:', 'about:'].includes(protocol)) return false;
  return origin !== new URL(inject('serverUrl')).origin && !/(?:^|\.)vscode-resource\.vscode-cdn\.net$/.test(hostname);
}

describe('the network', () => {
  const workbench = useWorkbench();
  const asked: string[] = [];
  /** The page's frames, and the worker that answers for them. */
  const note = (request: Request): void => {
    const ofWindow = !request.serviceWorker() && request.frame() === workbench().page.mainFrame();
    if (!ofWindow) asked.push(request.url());
  };
  let panel: Panel;

  beforeAll(async () => {
    const { page } = workbench();
    page.context().on('request', note);
    await workbench().openFile('llama-3-8b/config.json');
    await workbench().untilHeadlightIsActive();
    await workbench().host.evaluate(
      (vscode) => vscode.commands.executeCommand('headlight.openPanel', undefined, 'overview').then(() => null),
      null,
    );
    panel = new Panel(page);
    await panel.untilShows('128 KiB');
  });
  afterAll(() => workbench().page.context().off('request', note));

  test('no view of the panel asks for anything from elsewhere', async () => {
    for (const view of VIEWS) {
      await panel.show(view);
      await workbench().page.waitForTimeout(500);
    }
    // Its own script came this way: the requests are seen.
    expect(asked.some((address) => address.endsWith('/dist/webview/main.js'))).toBe(true);
    expect(asked.filter(isForeign)).toEqual([]);
    for (const address of [
      'http://127.0.0.1:9/x',
      'https://example.org/',
      'https://vscode-resource.vscode-cdn.net.example.org/',
    ])
      expect(isForeign(address), address).toBe(true);
  });

  test('the policy refuses what a page could try, of the server that it came from and, of scripts, from elsewhere', async () => {
    const frame = await panel.document();
    const refused = await frame.evaluate(async (address) => {
      const found: string[] = [];
      document.addEventListener('securitypolicyviolation', ({ effectiveDirective }) => found.push(effectiveDirective));
      const fetched = await fetch(address, { mode: 'no-cors' }).then(
        () => 'answered',
        () => 'refused',
      );
      for (const open of [
        () => new WebSocket(address.replace('http', 'ws')),
        () => new EventSource(address),
        () => navigator.sendBeacon(address, 'x'),
        () => new Worker(`data:text/javascript,0`),
      ])
        try {
          open();
        } catch {
          // Some refuse at once; the event comes all the same.
        }
      const script = document.createElement('script');
      script.src = 'http://127.0.0.1:9/script.js';
      document.head.append(script);
      const elements = { img: 'src', iframe: 'src', video: 'src', embed: 'src', object: 'data' };
      for (const [name, attribute] of Object.entries(elements)) {
        const element = document.createElement(name);
        element.setAttribute(attribute, address);
        document.body.append(element);
        setTimeout(() => element.remove(), 400);
      }
      const style = document.createElement('link');
      style.rel = 'stylesheet';
      style.href = address;
      document.head.append(style);
      await new Promise((resolve) => setTimeout(resolve, 500));
      style.remove();
      script.remove();
      return { fetched, found: [...new Set(found)] };
    }, inject('serverUrl'));
    expect(refused.fetched).toBe('refused');
    expect(refused.found.sort()).toEqual([
      'connect-src',
      'frame-src',
      'img-src',
      'media-src',
      'object-src',
      'script-src-elem',
      'style-src-elem',
      'worker-src',
    ]);
  });
});
