// The support matrix of a checkout's families, as Markdown.
import { familyFiles } from './familyRegisters.mjs';
import { loadTypeScript } from './loadTypeScript.mjs';

/**
 * @param {string} root  of the checkout
 * @param {Readonly<Record<string, object>>} samples  model type -> a small config
 * @returns {Promise<string>}
 */
export async function matrixOf(root, samples) {
  const names = familyFiles(root);
  const { familyMatrix, files } = await loadTypeScript(
    `${names.map((name) => `import * as ${name} from './src/families/${name}';`).join('\n')}
     export { familyMatrix } from './scripts/familyMatrix';
     export const files = Object.entries({ ${names.join(', ')} }).map(([name, file]) => ({
       name,
       modelTypes: [...new Set(['layers', 'blocks', 'counts'].flatMap((facet) => file[facet]?.() ?? []).flatMap((entry) => entry.modelTypes))],
     }));`,
    root,
  );
  return familyMatrix(files, samples);
}
