/** `tensors`: what a weight file holds, tensor by tensor, from its header alone; and the figures of one tensor. */

import { dirname } from 'node:path';
import { joinStatistics, deviation, NO_VALUES, statisticsOf, type TensorStatistics } from '../insight/tensorStatistics';
import { counted, openStore, type OpenStore } from '../compute/weights/contents';
import { marksOf } from '../compute/weights/marks';
import { formatBytes, formatInteger, formatSize } from '../model/units';
import { markText } from '../present/headPartText';
import { formatCount } from '../present/quantities';
import { below, json, lines, type TerminalText } from '../present/terminal';
import type { AttentionMark, WeightsMarks } from '../shared/weightsContract';
import { locateModel } from '../weights/modelFolder';
import { elementsOf, inNaturalOrder } from '../weights/tensorGroups';
import { WeightsError } from '../weights/weightsError';
import type { TensorInfo } from '../weights/weightStore';
import { type OptionTable, parseArguments } from './arguments';
import { InputError, UsageError } from './errors';
import type { CliOutput } from './output';

const OPTIONS: OptionTable = {
  find: { type: 'string' },
  sort: { type: 'string' },
  limit: { type: 'string' },
  values: { type: 'string' },
  json: { type: 'boolean' },
  units: { type: 'string' },
};
const SORTS: readonly string[] = ['name', 'stored', 'bytes'];
const LIMIT = 100;
/** Elements that are measured at a time. */
const PART = 4 * 2 ** 20;

interface Asked {
  readonly find: string;
  readonly sort: string;
  readonly limit: number;
  readonly asJson: boolean;
}

export async function tensors(args: readonly string[], output: CliOutput): Promise<number> {
  const { paths, values } = parseArguments(args, OPTIONS);
  const [path, ...more] = paths;
  if (path === undefined || more.length > 0) throw new UsageError('tensors takes one FILE');
  const sort = values['sort'] ?? 'name';
  if (typeof sort !== 'string' || !SORTS.includes(sort))
    throw new UsageError(`--sort must be one of ${SORTS.join(', ')}`);
  const asJson = values['json'] === true;
  const asked: Asked = { find: String(values['find'] ?? ''), sort, limit: limitOf(values['limit'], asJson), asJson };
  try {
    const { weights } = await locateModel(path);
    const store = await openStore(weights);
    try {
      const name = values['values'];
      output.out(typeof name === 'string' ? await figures(store, name, asJson) : await listing(store, weights, asked));
    } finally {
      await store.close();
    }
  } catch (error) {
    throw error instanceof WeightsError ? new InputError(`${error.message} ${error.fix}`) : error;
  }
  return 0;
}

/** All of them for programs, where nothing else was asked. */
function limitOf(text: string | boolean | undefined, asJson: boolean): number {
  if (text === undefined) return asJson ? Number.POSITIVE_INFINITY : LIMIT;
  if (typeof text !== 'string' || !/^\d{1,9}$/.test(text)) throw new UsageError('--limit must be a whole number');
  return Number(text);
}

async function listing(store: OpenStore, path: string, asked: Asked): Promise<TerminalText> {
  const names = inNaturalOrder(store.names());
  const infos = names.map((name) => store.info(name));
  const contents = await counted(store, path, infos);
  const marks = await marksOf(store, path, new Map(names.map((name, at) => [name, at])), {});
  const marked = new Map(marks.marks.map((mark) => [names[mark.tensor] ?? '', mark]));
  const found = foundOf(store, infos, marked, asked);
  const shown = found.slice(0, asked.limit);
  if (asked.asJson)
    return json({
      ...contents,
      files: new Set(infos.map(({ file }) => file)).size,
      unmarked: marks.unmarked,
      mismatches: marks.mismatches,
      mismatchCount: marks.mismatchCount,
      found: found.length,
      list: shown.map(({ name, dtype, shape, bytes, file }) => ({
        name,
        dtype,
        shape,
        bytes,
        file: file.slice(dirname(file).length + 1),
        heads: marked.get(name)?.parts ?? null,
      })),
    });
  return below(headText(contents, marks), listText(shown, marked, found.length));
}

function foundOf(
  store: OpenStore,
  infos: readonly TensorInfo[],
  marked: ReadonlyMap<string, AttentionMark>,
  { find, sort }: Asked,
): readonly TensorInfo[] {
  const words = find.toLowerCase().split(/\s+/).filter(Boolean);
  const found = infos.filter(({ name, dtype }) => {
    const text = `${name} ${dtype} ${markText(marked.get(name)?.parts ?? [])}`.toLowerCase();
    return words.every((word) => text.includes(word));
  });
  if (sort === 'bytes') return found.sort((a, b) => b.bytes - a.bytes);
  if (sort === 'name') return found;
  const places = new Map(store.names().map((name, at) => [name, at]));
  return found.sort((a, b) => (places.get(a.name) ?? 0) - (places.get(b.name) ?? 0));
}

function headText(contents: Contents, marks: WeightsMarks): TerminalText {
  const { format, tensors: count, elements, weights, types, modules } = contents;
  return lines([
    `${format === 'gguf' ? 'GGUF' : 'Safetensors'}: ${formatInteger(count)} tensors, ${formatInteger(elements)} weights (${formatCount(elements)}) in ${formatBytes(weights.bytes)}`,
    ...types.map(
      (type) =>
        `  ${type.name}: ${formatInteger(type.tensors)} tensors, ${formatCount(type.elements)}, ${formatSize(type.bytes)}`,
    ),
    ...modules
      .slice(0, 20)
      .map(
        (module) =>
          `  ${module.name}: ${formatInteger(module.tensors)} tensors, ${formatCount(module.elements)}, ${formatSize(module.bytes)}`,
      ),
    ...(marks.unmarked === null ? [] : [`heads are not marked: ${marks.unmarked}`]),
    ...(marks.mismatchCount === 0 ? [] : [`${formatInteger(marks.mismatchCount)} tensors do not fit the config:`]),
    ...marks.mismatches.map((text) => `  ${text}`),
  ]);
}

type Contents = Awaited<ReturnType<typeof counted>>;

function listText(
  shown: readonly TensorInfo[],
  marked: ReadonlyMap<string, AttentionMark>,
  found: number,
): TerminalText {
  return lines([
    ...shown.map(({ name, dtype, shape, bytes }) =>
      [name, dtype, shape.join(' × '), formatSize(bytes), markText(marked.get(name)?.parts ?? [])]
        .filter((text) => text !== '')
        .join('  '),
    ),
    ...(shown.length < found ? [`… ${formatInteger(found - shown.length)} more: --limit, or --find`] : []),
  ]);
}

async function figures(store: OpenStore, name: string, asJson: boolean): Promise<TerminalText> {
  const count = elementsOf(store.info(name));
  let all: TensorStatistics = NO_VALUES;
  for (let from = 0; from < count; from += PART)
    all = joinStatistics(all, statisticsOf(await store.readSpan(name, [from, Math.min(count, from + PART)])));
  const { nan, infinite, zeros, least, most, mean, width, bins } = all;
  const some = count > nan + infinite;
  const found = {
    name,
    count,
    minimum: some ? least : null,
    maximum: some ? most : null,
    mean: some ? mean : null,
    deviation: some ? deviation(all) : null,
    zeros,
    nan,
    infinite,
  };
  if (asJson) return json({ ...found, histogram: { from: -(bins.length / 2) * width, width, counts: [...bins] } });
  return lines(Object.entries(found).map(([key, value]) => `${key}: ${value ?? 'none'}`));
}
