import { describe, expect, it } from 'vitest';
import { pageHtml } from '../../../src/editor/panel/page';

describe("the page's HTML", () => {
  const html = pageHtml({
    element: 'headlight-app',
    script: 'https://x/main.js?a=1&b="2"',
    preloads: ['https://x/chunk.js?a=1&b="2"'],
    cspSource: 'https://*.example',
    nonce: 'abc',
    place: 'side',
  });

  it('forbids all that it does not name, and no style stands in it', () => {
    const policy = /Content-Security-Policy" content="([^"]*)"/.exec(html)?.[1]?.split('; ') ?? [];
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("script-src 'nonce-abc' https://*.example");
    expect(policy.join(' ')).not.toMatch(/unsafe|connect-src|style-src/);
    expect(html).not.toMatch(/<style|style=/);
  });

  it('lets no value out of its attribute', () => {
    expect(html).toContain('src="https://x/main.js?a=1&amp;b=&quot;2&quot;"');
    expect(html).toContain('href="https://x/chunk.js?a=1&amp;b=&quot;2&quot;"');
  });
});
