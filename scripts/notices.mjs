// The licences of what the bundles hold of others, as THIRD-PARTY-NOTICES.txt: which packages these are, the bundler says.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Packages that stay packages beside the bundles. */
const BESIDE = ['onnxruntime-node', 'onnxruntime-web', 'onnxruntime-common'];
const LICENCE = /^(licen[cs]e|copying|notice)([.-].*)?$/i;

/** @param {string} path An input of a bundle. */
const packageOf = (path) => /node_modules\/((?:@[^/]+\/)?[^/]+)\/(?!.*node_modules\/)/.exec(path)?.[1];

/**
 * @param {string} root The checkout, with node_modules.
 * @param {Record<string, Record<string, { inputs: object }>>} meta What the bundler wrote of its outputs: dist/meta.json.
 * @returns {string}
 */
export function noticesText(root, meta) {
  const names = new Set(BESIDE);
  for (const outputs of Object.values(meta))
    for (const { inputs } of Object.values(outputs))
      for (const path of Object.keys(inputs)) {
        const name = packageOf(path);
        if (name !== undefined) names.add(name);
      }
  const parts = [...names].sort().map((name) => {
    const folder = join(root, 'node_modules', name);
    const { version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    const files = existsSync(folder)
      ? readdirSync(folder)
          .filter((file) => LICENCE.test(file))
          .sort()
      : [];
    const texts = files.map((file) => readFileSync(join(folder, file), 'utf8').replaceAll('\r\n', '\n').trim());
    if (typeof license !== 'string' && texts.length === 0) throw new Error(`${name}: no licence`);
    return [`${name} ${version}${typeof license === 'string' ? ` (${license})` : ''}`, ...texts].join('\n\n');
  });
  const line = `\n\n${'-'.repeat(80)}\n\n`;
  return `Headlight contains the following software of others, each under its own licence.${line}${parts.join(line)}\n`;
}
