// How the panel's page is built: esbuild.js for the editor, test/webview for its pictures and its budget.
const { readdirSync, readFileSync, writeFileSync } = require('node:fs');
const { basename, join, relative, resolve } = require('node:path');
const { deflateRawSync } = require('node:zlib');

const UNPACK = 'headlight:unpack';
const SHEETS = 'headlight:sheets';
/** Of the tables, what the page does not read. */
const UNREAD = ['url', 'vendor', 'memoryBasis', 'note'];

/**
 * 13 bits in two of 91 characters (a fifth more than the bytes; base64: a third). The browser itself unpacks, before the module
 * that needs the value runs.
 */
const unpackModule = `export const unpack = (text, length) => {
  const bytes = new Uint8Array(length);
  const digit = (at) => { const code = text.charCodeAt(at); return code - (code > 92 ? 36 : 35); };
  for (let at = 0, to = 0, bits = 0, count = 0; at < text.length; at += 2) {
    bits |= (digit(at) + 91 * digit(at + 1)) << count;
    for (count += 13; count > 7; count -= 8, bits >>= 8) bytes[to++] = bits;
  }
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate-raw'))).json();
};`;

function inText(bytes) {
  // From # to ~ without the backslash, so that nothing is escaped in double quotes.
  const character = (digit) => String.fromCharCode(digit + (digit > 56 ? 36 : 35));
  let text = '';
  let bits = 0;
  let count = 0;
  const put = () => {
    const pair = bits & 8191;
    text += character(pair % 91) + character(Math.floor(pair / 91));
  };
  for (const byte of bytes) {
    bits |= byte << count;
    count += 8;
    if (count < 13) continue;
    put();
    bits >>= 13;
    count -= 13;
  }
  if (count > 0) put();
  return text;
}

function packed(value) {
  const bytes = deflateRawSync(JSON.stringify(value), { level: 9 });
  return {
    contents: `import { unpack } from '${UNPACK}'; export default await unpack(${JSON.stringify(inText(bytes))}, ${bytes.length});`,
    loader: 'js',
  };
}

/** Tables of the sources travel compressed. */
const compressTables = {
  name: 'compress-tables',
  setup(build) {
    build.onResolve({ filter: /^headlight:/ }, ({ path }) => ({ path, namespace: 'headlight' }));
    build.onLoad({ filter: /^headlight:unpack$/, namespace: 'headlight' }, () => ({
      contents: unpackModule,
      loader: 'js',
    }));
    build.onLoad({ filter: /[\\/]src[\\/](families[\\/]classDefaults|serving[\\/]hardware)\.json$/ }, ({ path }) => {
      // How a table was made is not for the page.
      const { source, ...table } = JSON.parse(readFileSync(path, 'utf8'), (key, value) =>
        UNREAD.includes(key) ? undefined : value,
      );
      return packed(table);
    });
  },
};

const ELEMENTS = 'node_modules/@vscode-elements/elements/dist';
/** Files with sheets that are not the page's own. */
const ELEMENT_SHEETS = [`${ELEMENTS}/includes/default.styles.js`, `${ELEMENTS}/vscode-button/vscode-button.styles.js`];
const SHEET = /\bcss ?`([^`]*)`/g;
const HOLE = /\$\{([^}]*)\}/g;

/**
 * Sheets travel compressed too, all in one table, as they say much the same: css`…${value}…` becomes css(SHEETS[index], value).
 * Templates keep their line ends (white space between elements counts) but not their indentation. A line stays where it is, so
 * that positions in the source map hold.
 */
const shrinkTemplates = {
  name: 'shrink-templates',
  setup(build) {
    const root = build.initialOptions.absWorkingDir ?? process.cwd();
    /** Path, then the index of its first sheet. */
    const firsts = new Map();
    let sheets = [];

    build.onStart(() => {
      firsts.clear();
      sheets = [];
      for (const file of [...sourcesUnder(join(root, 'webview')), ...ELEMENT_SHEETS.map((name) => join(root, name))]) {
        firsts.set(relative(root, file), sheets.length);
        for (const [, text] of readFileSync(file, 'utf8').matchAll(SHEET)) sheets.push(piecesOf(text));
      }
    });
    build.onLoad({ filter: /^headlight:sheets$/, namespace: 'headlight' }, () => packed(sheets));
    build.onLoad({ filter: /[\\/]webview[\\/].*\.ts$|\.styles\.js$/ }, ({ path }) => {
      let index = firsts.get(relative(root, path));
      if (index === undefined) return undefined;
      const source = readFileSync(path, 'utf8').replace(SHEET, (_, text) => {
        const values = [...text.matchAll(HOLE)].map(([, value]) => `,${value}`);
        return `css(SHEETS[${index++}]${values.join('')})${'\n'.repeat(text.split('\n').length - 1)}`;
      });
      const shrunk = source.replace(/\n[ \t]+/g, '\n');
      return { contents: `import SHEETS from '${SHEETS}';${shrunk}`, loader: path.endsWith('.ts') ? 'ts' : 'js' };
    });
  },
};

/** What stands between the values of a sheet, without what only a reader needs. */
function piecesOf(sheet) {
  if (sheet.includes('\\')) throw new Error('An escape in a sheet: esbuild.page.js does not know it.');
  const plain = sheet
    .trim()
    .replace(/\/\*[^*]*\*\//g, '')
    .replace(/\s+/g, ' ');
  return plain.split(/\$\{[^}]*\}/).map((piece) =>
    piece
      .replace(/ ?([{};,]) ?/g, '$1')
      .replace(/: /g, ':')
      .replace(/;\}/g, '}'),
  );
}

/** In an order that does not depend on the machine. */
function sourcesUnder(folder) {
  return readdirSync(folder, { recursive: true })
    .map(String)
    .filter((name) => name.endsWith('.ts'))
    .sort()
    .map((name) => join(folder, name));
}

/** Buttons here have no icons: the library's icon element, and its warning that it misses a font, stay out. */
const withoutIcons = {
  name: 'without-icons',
  setup(build) {
    build.onResolve({ filter: /\/vscode-icon\/index\.js$/ }, () => ({
      path: 'headlight:nothing',
      namespace: 'headlight',
    }));
    build.onLoad({ filter: /^headlight:nothing$/, namespace: 'headlight' }, () => ({ contents: '' }));
  },
};

/** What compiled enums and caches of the JSON parser leave behind where nothing reads them. */
const pureParser = {
  name: 'pure-parser',
  setup(build) {
    build.onResolve({ filter: /^\.\/string-intern$/ }, ({ resolveDir }) => ({
      path: join(resolveDir, 'string-intern.js'),
      sideEffects: false,
    }));
    build.onLoad({ filter: /[\\/]jsonc-parser[\\/].*\.js$/ }, ({ path }) => ({
      contents: readFileSync(path, 'utf8').replace(
        /\bvar (\w+);\s+\(function \(\1\) \{([^}]*)\}\)\(\1 \|\| \(\1 = \{\}\)\);/g,
        (_, name, entries) => `var ${name} = /* @__PURE__ */ (function (${name}) {${entries}return ${name};})({});`,
      ),
      loader: 'js',
    }));
  },
};

/** Where a family's rules were read is for those who change them: nothing shows it. */
const withoutCites = {
  name: 'without-cites',
  setup(build) {
    build.onLoad({ filter: /[\\/]src[\\/]config[\\/]families[\\/]\w+\.ts$/ }, ({ path }) => ({
      contents: readFileSync(path, 'utf8').replace(/^ +cite: '[^'\n]*',$/gm, ''),
      loader: 'ts',
    }));
  },
};

/**
 * What main.js imports, by name, beside it: the page's HTML asks for these at once. Else the browser learns of them only when it
 * has read main.js, and each round of files goes through VS Code to the extension's machine.
 */
const listPreloads = {
  name: 'list-preloads',
  setup(build) {
    const { outdir, absWorkingDir = process.cwd(), write } = build.initialOptions;
    build.onEnd(({ metafile }) => {
      if (!metafile || write === false) return;
      const main = Object.values(metafile.outputs).find(({ entryPoint }) => entryPoint === page.entryPoints[0]);
      const names = (main?.imports ?? [])
        .filter(({ kind }) => kind === 'import-statement')
        .map(({ path }) => basename(path));
      writeFileSync(resolve(absWorkingDir, outdir, PRELOADS), JSON.stringify(names));
    });
  },
};
const PRELOADS = 'preload.json';

/** Options of the page; the caller adds where it goes. */
const page = {
  entryPoints: ['webview/main.ts'],
  bundle: true,
  // Views are chunks that load when they are first shown.
  splitting: true,
  format: 'esm',
  platform: 'browser',
  target: 'es2022',
  charset: 'utf8',
  minify: true,
  mainFields: ['module', 'main'],
  define: { 'process.env.NODE_ENV': '"production"' },
  legalComments: 'none',
};
const pagePlugins = [compressTables, shrinkTemplates, withoutIcons, withoutCites, pureParser, listPreloads];

module.exports = { page, pagePlugins };
