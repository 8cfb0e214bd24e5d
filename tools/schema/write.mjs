// Writes media/schema/model-config.schema.json from src/config/keys.ts: `node tools/schema/write.mjs`.
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const here = dirname(fileURLToPath(import.meta.url));
const { outputFiles } = await build({
  entryPoints: [join(here, 'modelConfigSchema.ts')],
  bundle: true,
  write: false,
  format: 'esm',
  platform: 'neutral',
  mainFields: ['module', 'main'],
});
const [bundle] = outputFiles;
const { modelConfigSchema } = await import(
  `data:text/javascript;base64,${Buffer.from(bundle.contents).toString('base64')}`
);
const target = join(here, '..', '..', 'media', 'schema', 'model-config.schema.json');
mkdirSync(dirname(target), { recursive: true });
writeFileSync(target, `${JSON.stringify(modelConfigSchema(), null, 1)}\n`);
console.log(target);
