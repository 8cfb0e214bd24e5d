/** The HTML of a page, for the editor and for the tests' browser. Everything it does not name is forbidden. */

export interface PageSources {
  /** The element that is the page. */
  readonly element: string;
  /** Address of the entry: dist/webview/main.js. */
  readonly script: string;
  /** Addresses of what it imports, which load beside it. */
  readonly preloads: readonly string[];
  /** Where scripts may come from, in the words of a Content-Security-Policy. */
  readonly cspSource: string;
  /** Of this page alone. */
  readonly nonce: string;
  readonly place: 'side' | 'editor';
}

/** Styles are adopted sheets, pictures are made in the page, and nothing is fetched. */
export function pageHtml({ element, script, preloads, cspSource, nonce, place }: PageSources): string {
  const policy = [
    `default-src 'none'`,
    `script-src 'nonce-${nonce}' ${cspSource}`,
    'img-src blob: data:',
    `base-uri 'none'`,
    `form-action 'none'`,
  ].join('; ');
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${attribute(policy)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Headlight</title>
${preloads.map((address) => `<link rel="modulepreload" nonce="${attribute(nonce)}" href="${attribute(address)}">\n`).join('')}</head>
<body data-place="${place}">
<${element}></${element}>
<script type="module" nonce="${attribute(nonce)}" src="${attribute(script)}"></script>
</body>
</html>`;
}

function attribute(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('<', '&lt;');
}

export function newNonce(): string {
  const bytes = globalThis.crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
