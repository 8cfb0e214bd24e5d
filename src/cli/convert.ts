/** `convert`: what a layer would cache as GQA, MQA or MLA, and what it loses, measured on a prompt without any training. */

import { parseVariant } from '../cache/variants';
import { type ConversionAsk, measureConversions } from '../compute/heads/conversionRun';
import type { HeadSubject } from '../compute/heads/layerPass';
import { UNWATCHED } from '../compute/heads/watch';
import { defaultMemoryCeiling } from '../compute/machine';
import type { Conversion } from '../insight/conversion/convert';
import { type ConversionMethod, type ConversionTarget, isConversionMethod, METHODS, methodsFor, targetLabel } from '../insight/conversion/target';
import { parseArguments, UsageError } from './arguments';
import { numbersOf } from './dumpJson';
import { checkTokenOptions, seedOf, TOKEN_OPTIONS, tokensOf, wholeNumber, withHeads } from './modelInput';
import type { CliOutput } from './run';

export async function convert(args: readonly string[], output: CliOutput): Promise<number> {
  const { paths, values } = parseArguments(args, {
    ...TOKEN_OPTIONS,
    layer: { type: 'string' },
    seed: { type: 'string' },
    to: { type: 'string' },
    method: { type: 'string' },
    json: { type: 'boolean' },
  });
  const [path] = paths;
  if (path === undefined || paths.length !== 1) throw new UsageError('convert takes one model folder, config.json or GGUF file');
  checkTokenOptions(values);
  const layer = wholeNumber(values, 'layer', 0);
  const conversions = conversionsOf(values['to'], values['method']);
  return withHeads(path, seedOf(values), async (model, engine) => {
    const pass = model.pass(engine, { memoryCeiling: defaultMemoryCeiling() });
    try {
      const ids = await tokensOf(model, values);
      const found = await measureConversions(pass, { ids, layer, conversions }, UNWATCHED);
      const seed = model.seeded(layer)?.seed ?? null;
      output.out(values['json'] === true ? JSON.stringify(json(found, ids, layer, seed)) : text(model, found, ids.length, layer, seed));
      return 0;
    } finally {
      await pass.dispose();
    }
  });
}

/** Targets with their methods: the one that is named, all with `all`, the first where none is. */
function conversionsOf(to: string | boolean | undefined, method: string | boolean | undefined): ConversionAsk['conversions'] {
  if (typeof to !== 'string') throw new UsageError('say what to convert to: --to gqa:G, mqa or mla:R[+D], or several with commas between them');
  return to.split(',').flatMap((part) => {
    const target = targetOf(part);
    return methodsOf(target, method).map((one) => ({ target, method: one }));
  });
}

function targetOf(part: string): ConversionTarget {
  const target = parseVariant(part);
  if (target === null || target.kind === 'mha') throw new UsageError(`--to takes gqa:G, mqa and mla:R[+D], not ${part}`);
  return target.kind === 'gqa' || target.kind === 'mla' ? target : { kind: 'mqa' };
}

function methodsOf(target: ConversionTarget, method: string | boolean | undefined): readonly ConversionMethod[] {
  const fitting = methodsFor(target);
  if (method === undefined) return [fitting[0]];
  if (method === 'all') return fitting;
  if (typeof method !== 'string' || !isConversionMethod(method)) throw new UsageError(`--method takes ${METHODS.join(', ')} or all`);
  if (!fitting.includes(method)) throw new UsageError(`${method} does not make ${targetLabel(target)}: --method takes ${fitting.join(', ')} or all for it`);
  return [method];
}

/** The contract of design §6 for one conversion; several are a list of the same. */
function json(found: readonly Conversion[], ids: readonly number[], layer: number, seed: number | null): object {
  const start = { layer, tokens: ids, precision: 'float64', ...(seed !== null && { seeded: { seed, weights: 'random' } }) };
  const [first] = found;
  return found.length === 1 && first ? { ...start, ...report(first) } : { ...start, conversions: found.map(report) };
}

function report({ target, method, cachedBefore, cachedPerToken, outputRelativeError, patternJsDistance, heads, pooling, notes }: Conversion): object {
  return {
    to: targetLabel(target),
    method,
    // Before ÷ after, as in `compare`: above 1 the cache is smaller.
    cacheRatio: cachedBefore / cachedPerToken,
    cachedPerToken,
    cachedPerTokenBefore: cachedBefore,
    outputRelativeError,
    patternJsDistance,
    heads: heads.map((head) => ({ ...head, patternJsDistance: numbersOf(head.patternJsDistance), outputRelativeError: head.outputRelativeError })),
    ...(pooling !== null && { weightRelativeError: pooling }),
    notes,
  };
}

function text(model: HeadSubject, found: readonly Conversion[], tokens: number, layer: number, seed: number | null): string {
  const [first] = found;
  const columns = [14, 16, 15, 10, 14, 14];
  const line = (cells: readonly string[]): string => cells.map((cell, i) => (i < 2 ? cell.padEnd(columns[i] ?? 0) : cell.padStart(columns[i] ?? 0))).join('');
  const number = (value: number | null): string => (value === null ? 'no output' : value === 0 ? '0' : value < 1e-6 ? value.toExponential(1) : value.toFixed(4));
  const notes = [...new Set(found.flatMap((one) => one.notes.map((note) => `${one.method}: ${note}`)))];
  const pooled = found.filter((one) => one.pooling !== null);
  return [
    `${model.path}, layer ${layer}, ${tokens} tokens, ${first?.cachedBefore ?? 0} numbers a token cached; measured in float64, without training`,
    ...(seed === null ? [] : [`seeded weights (seed ${seed}): random heads have nothing in common, so this is what a conversion loses at worst`]),
    line(['to', 'method', 'cached a token', 'smaller', 'pattern JS', 'output error']),
    ...found.map((one) => line([targetLabel(one.target), one.method, String(one.cachedPerToken), `÷ ${trimmed(one.cachedBefore / one.cachedPerToken)}`, number(one.patternJsDistance), number(one.outputRelativeError)])),
    ...pooled.flatMap(({ target, method, pooling }) =>
      pooling === null || pooling.unrelated === 0 || method !== 'mean-pool' ? [] : [`${targetLabel(target)}: W_K differs from its mean by ${pooling.key.toFixed(3)}, W_V by ${pooling.value.toFixed(3)}; heads that have nothing in common: ${pooling.unrelated.toFixed(3)}`],
    ),
    'pattern JS: mean Jensen–Shannon distance of the heads’ patterns, 0 same, 1 disjoint; output error: relative, after the output projection (1: as bad as nothing)',
    ...notes,
  ].join('\n');
}

function trimmed(value: number): string {
  return String(Number(value.toPrecision(3)));
}
