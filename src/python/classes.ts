/** What the name of a configuration class says. */

import { layersRegister } from '../families/register';

export const CLASS_NAME = /(?:Config|Args)$/;

/** Model types by their letters and digits: `gpt_neox` and GPTNeoXConfig are the same. */
const types = new Map<string, string>();

/** `LlamaConfig` -> `llama`; null for classes that are not known. */
export function typeOfClass(name: string): string | null {
  if (types.size === 0) for (const type of layersRegister.keys()) types.set(bare(type), type);
  if (!name.endsWith('Config')) return null;
  const own = bare(name.slice(0, -'Config'.length));
  return types.get(own) ?? types.get(`${own}model`) ?? null;
}

/** What a config file says in keys and a class says by its name. Nothing for dicts and argument classes. */
export function keysOfClass(callee: string | null): Readonly<Record<string, string | readonly string[]>> {
  if (callee === null || callee.endsWith('Args')) return {};
  return { model_type: typeOfClass(callee) ?? snake(callee), architectures: ['-'] };
}

function bare(name: string): string {
  return name.toLowerCase().replace(/[^a-z\d]/g, '');
}

/** `MyModelConfig` -> `my_model`. */
function snake(callee: string): string {
  return (
    callee
      .replace(CLASS_NAME, '')
      .replace(/(?<=[a-z\d])(?=[A-Z])/g, '_')
      .toLowerCase() || 'config'
  );
}
