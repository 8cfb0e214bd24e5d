/** Captures as JSON, piece by piece: a dump can be longer than a string may be. */

import type { Tensor } from '../attention/onnx/graph';
import { visibleJson } from '../model/visibleText';
import { floats } from '../compute/heads/tokenAxis';

/** Numbers in one piece. */
const PIECE = 65_536;

/** A float32 in as few digits as bring it back exactly; null for what JSON has no number for. */
export function numbersOf(value: number | null): number | null {
  return value === null || !Number.isFinite(value) ? null : Number(value.toPrecision(9));
}

/** `{...start, "captures": {name: {"shape", "data"}}}` */
export function* dumpJson(start: object, captures: ReadonlyMap<string, Tensor>): Generator<string> {
  const head = visibleJson(start).slice(0, -1);
  yield `${head}${head.length > 1 ? ',' : ''}"captures":{`;
  let between = '';
  for (const [name, tensor] of captures) {
    const { shape } = tensor;
    const data = floats(tensor);
    yield `${between}${JSON.stringify(name)}:{"shape":${JSON.stringify(shape)},"data":[`;
    for (let at = 0; at < data.length; at += PIECE) {
      const numbers = Array.from(data.subarray(at, at + PIECE), (value) => numbersOf(value) ?? 'null');
      yield `${at === 0 ? '' : ','}${numbers.join(',')}`;
    }
    yield ']}';
    between = ',';
  }
  yield '}}';
}
