// Writes l10n/bundle.l10n.json, where translators begin, from the strings of src/editor: `node tools/l10n/write.mjs`.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import ts from 'typescript';

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, '..', '..');
const { outputFiles } = await build({
  entryPoints: [join(here, 'strings.ts')],
  bundle: true,
  write: false,
  format: 'esm',
  platform: 'neutral',
});
const { hostStrings } = await import(
  `data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString('base64')}`
);
const files = readdirSync(join(root, 'src', 'editor'), { recursive: true, encoding: 'utf8' }).filter((name) =>
  name.endsWith('.ts'),
);
const { messages, problems } = hostStrings(
  ts,
  ['../extension.web.ts', ...files].map((name) => ({
    file: `src/editor/${name.replaceAll('\\', '/')}`,
    text: readFileSync(join(root, 'src', 'editor', name), 'utf8'),
  })),
);
for (const problem of problems) console.error(problem);
const target = join(root, 'l10n', 'bundle.l10n.json');
mkdirSync(dirname(target), { recursive: true });
writeFileSync(
  target,
  `${JSON.stringify(Object.fromEntries(messages.map((message) => [message, message])), null, 2)}\n`,
);
console.log(`${target}: ${messages.length} strings`);
