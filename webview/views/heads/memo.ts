/** The last result of a computation, as long as what it was made of stays the same: charts redraw when their model is another one. */
export class Memo<R> {
  private inputs: readonly unknown[] | undefined;
  private result: R | undefined;

  get(inputs: readonly unknown[], compute: () => R): R {
    const { inputs: known } = this;
    if (known?.length === inputs.length && inputs.every((input, i) => Object.is(input, known[i])))
      return this.result as R;
    this.inputs = inputs;
    this.result = compute();
    return this.result;
  }
}
