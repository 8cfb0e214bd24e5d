/** The weights of a graph under construction: inputs or initializers, and the maps that use them. */

import type { GraphBuilder, Value } from './graphBuilder';
import type { NormSpec } from '../spec/normSpec';
import type { ProgramOptions } from './program';
import type { WeightInfo, WeightLayout } from '../spec/weightNames';

export class GraphWeights {
  private readonly known: ReadonlyMap<string, WeightInfo>;
  private readonly declared = new Set<string>();
  readonly layout: WeightLayout;

  constructor(
    private readonly g: GraphBuilder,
    readonly infos: readonly WeightInfo[],
    private readonly options: Pick<ProgramOptions, 'weights' | 'weightData' | 'weightLayout'>,
  ) {
    this.known = new Map(infos.map((info) => [info.name, info]));
    this.layout = options.weightLayout ?? 'out-in';
  }

  /** The weight as a value; it becomes an input or initializer the first time. */
  value(name: string): Value {
    const info = this.known.get(name);
    if (!info) throw new Error(`No weight ${name} in this layer.`);
    if (this.declared.has(name)) return name;
    this.declared.add(name);
    if (this.options.weights !== 'initializers') return this.g.input(name, info.shape);
    const data = this.options.weightData?.get(name);
    if (!data) throw new Error(`Weight ${name} was not given.`);
    return this.g.initializer(name, info.shape, data);
  }

  /** x · Wᵀ + b over the last axis; onnxruntime fuses the transposition into its matrix product. */
  linear(x: Value, name: string): Value {
    const weight = this.value(`${name}.weight`);
    const factor = this.layout === 'out-in' ? this.g.transpose(weight, [1, 0], `${name}/transpose`) : weight;
    const product = this.g.matmul(x, factor, name);
    return this.known.has(`${name}.bias`) ? this.g.add(product, this.value(`${name}.bias`), `${name}/bias`) : product;
  }

  /**
   * The norm over the last axis. `shape` is how the weight broadcasts, where not along the last axis alone.
   * Written in the primitive operations that onnxruntime recognises as one.
   */
  normalize(x: Value, name: string, norm: NormSpec, shape: readonly number[] | null = null): Value {
    const { g } = this;
    const axes = g.int64s([-1]);
    const centred =
      norm.kind === 'layer'
        ? g.op('Sub', [x, g.op('ReduceMean', [x, axes], { keepdims: 1 }, `${name}/mean`)], {}, `${name}/centred`)
        : x;
    const squares = g.op('Pow', [centred, g.scalar(2)], {}, `${name}/square`);
    const variance = g.op('ReduceMean', [squares, axes], { keepdims: 1 }, `${name}/variance`);
    const deviation = g.op(
      'Sqrt',
      [g.add(variance, g.scalar(norm.epsilon), `${name}/epsilon`)],
      {},
      `${name}/deviation`,
    );
    let result = g.op('Div', [centred, deviation], {}, `${name}/normed`);
    const shaped = (weight: Value): Value => (shape ? g.reshape(weight, shape, `${name}/shaped`) : weight);
    if (norm.weight !== 'none') {
      let weight = shaped(this.value(`${name}.weight`));
      if (norm.weight === 'plus-one') weight = g.add(weight, g.scalar(1), `${name}/plus_one`);
      result = g.mul(result, weight, name);
    }
    return norm.bias ? g.add(result, shaped(this.value(`${name}.bias`)), `${name}/bias`) : result;
  }
}
