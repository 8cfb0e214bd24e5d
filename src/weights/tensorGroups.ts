/** The tensors of a file in the order in which people count, and by the modules that they belong to. */

import type { TensorInfo } from './weightStore';

/** By the parts of their names, numbers as numbers: all that is in a module stands together. */
export function inNaturalOrder(names: readonly string[]): string[] {
  return names
    .map((name) => ({ name, key: naturalKey(name) }))
    .sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
    .map(({ name }) => name);
}

/** A text whose order is that of the name. A number begins with its length, and a dot comes before everything else. */
function naturalKey(name: string): string {
  return name.replace(/[0-9]+|\./g, (part) =>
    part === '.' ? '\0' : String.fromCharCode(0x30 + Math.min(part.length, 1000)) + part,
  );
}

export interface ModuleSize {
  /** With `*` in place of numbers: all layers together. */
  readonly name: string;
  readonly tensors: number;
  readonly elements: number;
  readonly bytes: number;
}

/** Modules with what they hold, largest first. */
export function moduleSizes(tensors: readonly TensorInfo[]): ModuleSize[] {
  const modules = new Map<string, { tensors: number; elements: number; bytes: number }>();
  for (const tensor of tensors) {
    const name = moduleOf(tensor.name);
    const module = modules.get(name) ?? { tensors: 0, elements: 0, bytes: 0 };
    modules.set(name, module);
    module.tensors++;
    module.elements += elementsOf(tensor);
    module.bytes += tensor.bytes;
  }
  return [...modules].map(([name, sizes]) => ({ name, ...sizes })).sort((a, b) => b.bytes - a.bytes);
}

/** `model.layers.3.mlp.up_proj.weight` → `model.layers.*.mlp`; `lm_head.weight` → `lm_head`. */
function moduleOf(name: string): string {
  const numbered = LAYER.exec(name);
  if (numbered === null) return name.slice(0, Math.max(name.lastIndexOf('.'), 0)) || name;
  const below = numbered.index + numbered[0].length;
  const end = name.indexOf('.', below);
  const module = end < 0 ? name.slice(below) : name.slice(below, end);
  return `${name.slice(0, numbered.index)}${numbered[1] ?? ''}*.${/^[0-9]+$/.test(module) ? '*' : module}`;
}

/** The first segment that is a number, and is not the last one. */
const LAYER = /(^|\.)[0-9]+\./;

export function elementsOf({ shape }: Pick<TensorInfo, 'shape'>): number {
  return shape.reduce((product, size) => product * size, 1);
}
