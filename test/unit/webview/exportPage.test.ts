// The frame of an exported view: what stands in it is text, and nothing is loaded.
import { expect, test } from 'vitest';
import { exportedPage } from '../../../webview/parts/exportPage';

test('an exported view loads and runs nothing, and shows texts as they are', () => {
  const page = exportedPage({
    title: 'Next token: <img src=x onerror=alert(1)>',
    about: ['a </pre><script>alert(1)</script>', 'b\u202ec\nd'],
    body: '<section><h2>Next token</h2></section>',
    colours: { background: 'rgb(1, 2, 3)', foreground: 'rgb(4, 5, 6)' },
  });
  expect(page).toMatch(/^<!doctype html>/);
  expect(page).toContain("content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:;");
  expect(page).toContain('<title>Next token: &lt;img src=x onerror=alert(1)&gt;</title>');
  expect(page).toContain('a &lt;/pre&gt;&lt;script&gt;alert(1)&lt;/script&gt;');
  // Lines of a prompt stay lines.
  expect(page).toContain('\nb⟨U+202E⟩c\nd</pre>');
  expect(page).not.toMatch(/<script|<link|<img|https?:/);
  expect(page).toContain('background: rgb(1, 2, 3); color: rgb(4, 5, 6)');
  expect(page).toContain('<section><h2>Next token</h2></section>');
});
