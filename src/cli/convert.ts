/** `convert`: what a layer would cache as GQA, MQA or MLA, and what it loses, measured on a prompt without any training. */

import { lackingForConversion, measureConversions } from '../compute/heads/conversionRun';
import type { HeadSubject } from '../compute/heads/layerPass';
import { UNWATCHED } from '../compute/heads/watch';
import { defaultMemoryCeiling } from '../compute/machine';
import {
  type ConversionMethod,
  type ConversionRequest,
  type ConversionTarget,
  isConversionMethod,
  METHODS,
  methodsFor,
  parseTarget,
  targetLabel,
} from '../insight/conversion/target';
import {
  CONVERSION_COLUMNS,
  CONVERSION_LEGEND,
  conversionCells,
  conversionNotes,
  isMeasured,
} from '../present/conversionText';
import { formatInteger } from '../model/units';
import { json, line, lines, type TerminalText } from '../present/terminal';
import type { ConversionResult } from '../shared/headsContract';
import { parseArguments } from './arguments';
import { InputError, UsageError } from './errors';
import { numbersOf } from './dumpJson';
import { checkTokenOptions, seedOf, TOKEN_OPTIONS, tokensOf, wholeNumber, withHeads } from './modelInput';
import type { CliOutput } from './output';
import { elementAt } from '../model/elementAt';

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
  if (path === undefined || paths.length !== 1)
    throw new UsageError('convert takes one model folder, config.json or GGUF file');
  checkTokenOptions(values);
  const layer = wholeNumber(values, 'layer', 0);
  const conversions = requestsOf(values['to'], values['method']);
  return withHeads(path, seedOf(values), async (model, engine) => {
    const pass = model.pass(engine, { memoryCeiling: defaultMemoryCeiling() });
    try {
      const ids = await tokensOf(model, values);
      const lacking = await lackingForConversion(pass, { ids, layer });
      if (lacking > 0) output.err(line(`fetching at most ${formatInteger(lacking)} B of the weights`));
      const results = await measureConversions(pass, { ids, layer, conversions }, UNWATCHED);
      const refused = results.filter((result) => !isMeasured(result));
      const [first] = refused;
      if (first && 'refused' in first && refused.length === results.length)
        throw new InputError(`layer ${layer}: ${first.refused}`);
      const seed = model.seeded(layer)?.seed ?? null;
      output.out(
        values['json'] === true
          ? json(contract(results, ids, layer, seed))
          : text(model, results, ids.length, layer, seed),
      );
      return 0;
    } finally {
      await pass.dispose();
    }
  });
}

/** Targets with their methods: the one that is named, all with `all`, the first where none is. */
function requestsOf(
  to: string | boolean | undefined,
  method: string | boolean | undefined,
): readonly ConversionRequest[] {
  if (typeof to !== 'string')
    throw new UsageError('say what to convert to: --to gqa:G, mqa or mla:R[+D], or several separated by commas');
  return to.split(',').flatMap((part) => {
    const target = targetOf(part);
    return methodsOf(target, method).map((one) => ({ target, method: one }));
  });
}

function targetOf(part: string): ConversionTarget {
  const target = parseTarget(part);
  if (target === null) throw new UsageError(`--to takes gqa:G, mqa and mla:R[+D], not ${part}`);
  return target;
}

function methodsOf(target: ConversionTarget, method: string | boolean | undefined): readonly ConversionMethod[] {
  const fitting = methodsFor(target);
  if (method === undefined) return [fitting[0]];
  if (method === 'all') return fitting;
  if (typeof method !== 'string' || !isConversionMethod(method))
    throw new UsageError(`--method takes ${METHODS.join(', ')} or all`);
  if (!fitting.includes(method))
    throw new UsageError(`${method} cannot make ${targetLabel(target)}; use --method ${fitting.join(', ')} or all`);
  return [method];
}

/** The contract of design §6 for one conversion; several are a list of the same, with those that are refused. */
function contract(
  results: readonly ConversionResult[],
  ids: readonly number[],
  layer: number,
  seed: number | null,
): object {
  const start = {
    layer,
    tokens: ids,
    precision: 'float64',
    ...(seed !== null && { seeded: { seed, weights: 'random' } }),
  };
  const [first] = results;
  return results.length === 1 && first
    ? { ...start, ...report(first) }
    : { ...start, conversions: results.map(report) };
}

function report(result: ConversionResult): object {
  const { target, method } = result;
  if (!isMeasured(result)) return { to: targetLabel(target), method, refused: result.refused };
  const { cachedBefore, cachedPerToken, outputRelativeError, patternJsDistance, heads, pooling, notes } = result;
  return {
    to: targetLabel(target),
    method,
    // Before ÷ after, as in `compare`: above 1 the cache is smaller.
    cacheRatio: cachedBefore / cachedPerToken,
    cachedPerToken,
    cachedPerTokenBefore: cachedBefore,
    outputRelativeError,
    patternJsDistance,
    heads: heads.map((head) => ({
      ...head,
      patternJsDistance: numbersOf(head.patternJsDistance),
      outputRelativeError: numbersOf(head.outputRelativeError),
    })),
    ...(pooling !== null && { weightRelativeError: pooling }),
    notes,
  };
}

/** Widths of the columns; the first two stand on the left. */
const WIDTHS = [16, 16, 18, 10, 18, 14];

function text(
  model: HeadSubject,
  results: readonly ConversionResult[],
  tokens: number,
  layer: number,
  seed: number | null,
): TerminalText {
  const found = results.filter(isMeasured);
  const [first] = found;
  const row = (cells: readonly string[]): string =>
    cells.map((cell, i) => (i < 2 ? cell.padEnd(elementAt(WIDTHS, i)) : cell.padStart(elementAt(WIDTHS, i)))).join('');
  return lines([
    `${model.path}, layer ${layer}, ${tokens} tokens${first === undefined ? '' : `, ${first.cachedBefore} values cached per token`}; measured in float64, without training`,
    ...(seed === null
      ? []
      : [
          `seeded weights (seed ${seed}): random heads have nothing in common, so this says nothing about trained ones`,
        ]),
    row(CONVERSION_COLUMNS),
    ...found.map((one) => row(conversionCells(one))),
    CONVERSION_LEGEND,
    ...conversionNotes(results),
  ]);
}
