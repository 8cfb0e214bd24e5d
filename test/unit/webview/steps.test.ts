/** The walks compute what attention is: every intermediate against the float64 reference, and the steps against the matrices. */

import { describe, expect, it } from 'vitest';
import { type AttentionLayerSpec, PLAIN_LAYER } from '../../../src/attention/spec/layerSpec';
import { type ReferenceRun, referenceLayer } from '../../oracle/layer';
import { Tensor64 } from '../../oracle/tensor64';
import { readModelConfig } from '../../../src/reading/read';
import {
  cellNumber,
  cellSize,
  cellState,
  colourIndex,
  inkOn,
  LARGE,
  type LineItem,
  looksDifferent,
  magnitudeOf,
  type MatrixModel,
  movedCursor,
  sizeText,
  SMALL,
  WRITTEN_FROM,
} from '../../../webview/charts/matrix/viewModel';
import { latentCosts, plainCosts } from '../../../webview/views/steps/costs';
import { cellOf, type Grid, gridOf, product, rowsOf, seededGrid, transpose } from '../../../webview/views/steps/grid';
import { type LatentWeights, latentWeights, runLatent, summed } from '../../../webview/views/steps/latentRun';
import { latentWalk } from '../../../webview/views/steps/latentWalk';
import { plainWeights, runCached, runPlain } from '../../../webview/views/steps/plainRun';
import { plainWalk } from '../../../webview/views/steps/plainWalk';
import {
  LECTURE,
  restoreSettings,
  type Sizes,
  sizesProblem,
  wordOf,
  wordsOf,
  type WalkSettings,
} from '../../../webview/views/steps/settings';
import { equationOf } from '../../../webview/views/steps/equation';
import { cellText, litWith, staged, stageOf, unstaged } from '../../../webview/views/steps/stage';
import {
  differenceText,
  isMasked,
  knownColumns,
  knownRows,
  matrixOf,
  multiplications,
  numberText,
  partOf,
  valueTable,
  type Walk,
} from '../../../webview/views/steps/walk';
import { wordsFor } from '../../../webview/views/steps/words';
import { sampleConfig, scenario } from '../support';

const SIZES: readonly Sizes[] = [
  LECTURE.sizes,
  { heads: 3, headDim: 5, latent: 2, rope: 4 },
  { heads: 1, headDim: 2, latent: 7, rope: 8 },
];

function settingsOf(sizes: Sizes, more: Partial<WalkSettings> = {}): WalkSettings {
  return { ...LECTURE, sizes, ...more };
}

/** Row-major [out, in] of a head-by-head list of [in, out] grids. */
function stacked(grids: readonly Grid[]): Float32Array {
  return Float32Array.from(grids.flatMap((grid) => [...transpose(grid).values]));
}

function beside(a: Grid, b: Grid): Grid {
  return gridOf(a.rows, a.columns + b.columns, (row, column) =>
    column < a.columns ? cellOf(a, row, column) : cellOf(b, row, column - a.columns),
  );
}

function outputWeight(parts: readonly Grid[], hidden: number): Float32Array {
  const values: number[] = [];
  for (let out = 0; out < hidden; out++)
    for (const part of parts) for (let d = 0; d < part.rows; d++) values.push(cellOf(part, d, out));
  return Float32Array.from(values);
}

function reference(weights: LatentWeights, { heads, headDim, latent, rope }: Sizes, embedded: Grid): ReferenceRun {
  const hidden = heads * headDim;
  const spec: AttentionLayerSpec = {
    ...PLAIN_LAYER,
    attention: {
      kind: 'latent',
      queryHeads: heads,
      latentDim: latent,
      ropeDim: rope,
      nopeDim: headDim,
      valueDim: headDim,
      queryLatentDim: null,
    },
    hiddenSize: hidden,
    scale: 1 / Math.sqrt(headDim + rope),
    rotary: rope === 0 ? null : { theta: 10_000, dim: rope, layout: 'interleaved', scaling: null },
  };
  const map = new Map<string, Float32Array>([
    [
      'q.weight',
      stacked(weights.heads.map((head) => (rope === 0 ? head.query : beside(head.query, head.rotaryQuery)))),
    ],
    ['kv_a.weight', stacked([rope === 0 ? weights.down : beside(weights.down, weights.rotaryKey)])],
    ['w_uk', stacked(weights.heads.map((head) => head.upKey))],
    ['w_uv', stacked(weights.heads.map((head) => head.upValue))],
    [
      'o.weight',
      outputWeight(
        weights.heads.map((head) => head.output),
        hidden,
      ),
    ],
  ]);
  return referenceLayer(spec, map, new Tensor64([1, embedded.rows, hidden], embedded.values));
}

function capture(run: ReferenceRun, name: keyof ReferenceRun['captures']): Tensor64 {
  const found = run.captures[name];
  if (!found) throw new Error(`no ${name}`);
  return found;
}

function expectRows(grid: Grid, row: (index: number) => Float64Array, factor = 1): void {
  for (let r = 0; r < grid.rows; r++) {
    const wanted = row(r);
    expect(wanted.length).toBeGreaterThanOrEqual(grid.columns);
    for (let c = 0; c < grid.columns; c++) expect(cellOf(grid, r, c) * factor).toBeCloseTo(wanted[c] ?? Number.NaN, 12);
  }
}

describe.each(SIZES)('latent attention, %j', (sizes) => {
  const settings = settingsOf(sizes);
  const { embedded } = wordsFor(settings);
  const weights = latentWeights(sizes);
  const run = runLatent(embedded, weights, sizes);
  const last = embedded.rows - 1;

  it('without position is the reference without a rotary key, expanded and absorbed', () => {
    const wanted = reference(weights, { ...sizes, rope: 0 }, embedded);
    expectRows(run.latent, (t) => capture(wanted, 'latent').row(0, t));
    run.heads.forEach(({ expanded, absorbed }, h) => {
      expectRows(expanded.query, (t) => capture(wanted, 'q').row(0, h, t));
      expectRows(expanded.key, (t) => capture(wanted, 'k').row(0, h, t));
      expectRows(expanded.value, (t) => capture(wanted, 'v').row(0, h, t));
      expectRows(absorbed.query, (t) => capture(wanted, 'absorbedQuery').row(0, h, t));
      for (const side of [expanded, absorbed]) {
        expectRows(side.scores, (t) => capture(wanted, 'scores').row(0, h, t), 1 / Math.sqrt(sizes.headDim));
        expectRows(side.weights, () => capture(wanted, 'weights').row(0, h, last));
      }
      expectRows(expanded.context, () => capture(wanted, 'heads').row(0, h, last));
    });
    expectRows(
      summed(run, (head) => head.expanded.output),
      () => wanted.output.row(0, last),
    );
    expectRows(
      summed(run, (head) => head.absorbed.output),
      () => wanted.output.row(0, last),
    );
  });

  it('with position is the reference with its rotary key', () => {
    const wanted = reference(weights, sizes, embedded);
    expectRows(run.rotaryKey, (t) => capture(wanted, 'ropeKey').row(0, t));
    run.heads.forEach(({ expanded, absorbed, rotaryQuery }, h) => {
      expectRows(rotaryQuery, () => capture(wanted, 'q').row(0, h, last).subarray(sizes.headDim));
      for (const side of [expanded, absorbed]) {
        expectRows(
          side.rotaryScores,
          () => capture(wanted, 'scores').row(0, h, last),
          1 / Math.sqrt(sizes.headDim + sizes.rope),
        );
        expectRows(side.rotaryWeights, () => capture(wanted, 'weights').row(0, h, last));
      }
    });
    expectRows(
      summed(run, (head) => head.expanded.rotaryOutput),
      () => wanted.output.row(0, last),
    );
    expectRows(
      summed(run, (head) => head.absorbed.rotaryOutput),
      () => wanted.output.row(0, last),
    );
  });
});

describe.each(SIZES)('plain attention, %j', (sizes) => {
  it('is the reference, from all rows or from the cache', () => {
    const { embedded } = wordsFor(settingsOf(sizes));
    const heads = plainWeights(sizes);
    const hidden = sizes.heads * sizes.headDim;
    const last = embedded.rows - 1;
    const spec: AttentionLayerSpec = {
      ...PLAIN_LAYER,
      attention: {
        kind: 'full',
        queryHeads: sizes.heads,
        kvHeads: sizes.heads,
        keyDim: sizes.headDim,
        valueDim: sizes.headDim,
      },
      hiddenSize: hidden,
      scale: 1 / Math.sqrt(sizes.headDim),
    };
    const map = new Map<string, Float32Array>([
      ['q.weight', stacked(heads.map((head) => head.query))],
      ['k.weight', stacked(heads.map((head) => head.key))],
      ['v.weight', stacked(heads.map((head) => head.value))],
      ['o.weight', new Float32Array(hidden * hidden)],
    ]);
    const wanted = referenceLayer(spec, map, new Tensor64([1, embedded.rows, hidden], embedded.values));
    heads.forEach((head, h) => {
      const whole = runPlain(embedded, head, sizes.headDim);
      const cached = runCached(embedded, runPlain(rowsOf(embedded, 0, last), head, sizes.headDim), head, sizes.headDim);
      expectRows(whole.query, (t) => capture(wanted, 'q').row(0, h, t));
      for (const { key, value } of [whole, cached]) {
        expectRows(key, (t) => capture(wanted, 'k').row(0, h, t));
        expectRows(value, (t) => capture(wanted, 'v').row(0, h, t));
      }
      expectRows(whole.weights, (t) => capture(wanted, 'weights').row(0, h, t));
      expectRows(whole.context, (t) => capture(wanted, 'heads').row(0, h, t));
      expectRows(cached.weights, () => capture(wanted, 'weights').row(0, h, last));
      expectRows(cached.context, () => capture(wanted, 'heads').row(0, h, last));
    });
  });
});

/** Computes every step's results from its operands alone, as the picture says they come about. */
function replay(walk: Walk): void {
  walk.steps.forEach((step, at) => {
    for (const { how, result, rows, left, leftFrom, right, base, baseFrom } of step.operations) {
      const made = matrixOf(walk, result).grid;
      if (left === undefined || how === 'softmax' || how === 'rotated' || how === 'heads') continue;
      const from = leftFrom ?? rows[0];
      const a = rowsOf(matrixOf(walk, left).grid, from, from + rows[1] - rows[0]);
      const b = matrixOf(walk, right ?? '').grid;
      const product_ = product(a, how === 'product' ? b : transpose(b));
      for (let r = 0; r < product_.rows; r++) {
        for (let c = 0; c < product_.columns; c++) {
          if (isMasked(matrixOf(walk, result), rows[0] + r, c)) continue;
          const more = base === undefined ? 0 : cellOf(matrixOf(walk, base).grid, (baseFrom ?? rows[0]) + r, c);
          expect(cellOf(made, rows[0] + r, c), `${step.id}: ${result}`).toBeCloseTo(cellOf(product_, r, c) + more, 12);
        }
      }
      // What is read is known by then, and is not computed in the same step from what comes later.
      for (const operand of [left, right, base])
        if (operand !== undefined) expect(knownRows(walk, operand, at), `${step.id}: ${operand}`).toBeGreaterThan(0);
    }
  });
}

describe.each([
  ['MLA', latentWalk],
  ['KV cache', plainWalk],
] as const)('the walk %s', (_, make) => {
  const walk = make(LECTURE);

  it.each(SIZES)('shows operands that give the result, %j', (sizes) => replay(make(settingsOf(sizes))));

  it('has a sentence for every step, and every matrix is complete at its end', () => {
    expect(new Set(walk.steps.map((step) => step.id)).size).toBe(walk.steps.length);
    for (const step of walk.steps) expect(step.sentence).toMatch(/^[^.]*[^.]\.$|^.*\.$/);
    for (const matrix of walk.matrices)
      expect(knownRows(walk, matrix.id, walk.steps.length - 1), matrix.id).toBe(matrix.grid.rows);
  });

  it('differs between its sides by rounding alone, and by what was measured', () => {
    for (const { difference, from } of walk.measured) {
      expect(difference).toBeLessThan(1e-14);
      expect(walk.steps.some((step) => step.id === from)).toBe(true);
    }
  });
});

const WALKS: readonly Walk[] = [
  LECTURE,
  ...SIZES.map((sizes) =>
    settingsOf(sizes, { prompt: 'one two three four five six seven eight', head: sizes.heads - 1 }),
  ),
].flatMap((settings) => [latentWalk(settings), plainWalk(settings)]);

describe('an operation written out', () => {
  it('is true of the matrices that stand in it: their sizes fit, and the operands give the result', () => {
    for (const walk of WALKS) {
      walk.steps.forEach((step, at) => {
        for (const operation of step.operations) {
          const parts = equationOf(walk, operation, at);
          const result = parts.at(-1);
          if (!result?.made || operation.left === undefined) continue;
          const where = `${step.id}: ${parts.map(({ name, grid }) => `${name} ${grid.rows}×${grid.columns}`).join(' ')}`;
          // Appended to what is kept: its last rows are what is made.
          const made = rowsOf(result.grid, result.made[0] - result.from, result.made[1] - result.from);
          if (operation.how === 'softmax') {
            expect(made.columns, where).toBe(parts[0]?.grid.columns);
            continue;
          }
          const [right, left, base] = parts.slice(0, -1).reverse();
          if (!left || !right) throw new Error(where);
          expect([left.grid.columns, left.grid.rows, right.grid.columns], where).toEqual([
            right.grid.rows,
            made.rows,
            made.columns,
          ]);
          expect(base !== undefined, where).toBe(operation.base !== undefined);
          if (operation.how === 'rotated' || operation.how === 'heads') continue;
          const wanted = product(left.grid, right.grid);
          for (let row = 0; row < made.rows; row++) {
            for (let column = 0; column < made.columns; column++) {
              if (isMasked(matrixOf(walk, operation.result), (result.made[0] ?? 0) + row, column)) continue;
              expect(cellOf(made, row, column), where).toBeCloseTo(
                cellOf(wanted, row, column) + (base ? cellOf(base.grid, row, column) : 0),
                12,
              );
            }
          }
        }
      });
    }
  });

  it('is written as in the lecture', () => {
    const walk = latentWalk(LECTURE);
    const written = (id: string): string[] => {
      const at = walk.steps.findIndex((step) => step.id === id);
      return stageOf(walk, at, 1_144).columns.map(
        ({ side, equations }) =>
          `${side}: ${equations.map((parts) => parts.map(({ sign, name, grid }) => [...sign, `${name}(${grid.rows}×${grid.columns})`].join(' ')).join(' ')).join(', ')}`,
      );
    };
    expect(written('latent')).toEqual(['both: X(4×8) · W_DKV(8×4) = C_KV(4×4)']);
    expect(written('absorbQuery')).toEqual(['right: W_Q(8×4) · W_UKᵀ(4×4) = A(8×4)']);
    expect(written('newQuery')).toEqual(['left: x(1×8) · W_Q(8×4) = q(1×4)', 'right: x(1×8) · A(8×4) = q_A(1×4)']);
    expect(written('newLatent')).toEqual(['both: x(1×8) · W_DKV(8×4) → C_KV(5×4)']);
    expect(written('newKeys')).toEqual(['left: c_KV(1×4) · W_UK(4×4) , W_UV(4×4) → K(5×4) , V(5×4)']);
    expect(written('newScores')).toEqual(['left: q(1×4) · Kᵀ(4×5) = s(1×5)', 'right: q_A(1×4) · C_KVᵀ(4×5) = s(1×5)']);
    expect(written('softmax')).toEqual(['left: s(1×5) ÷ √4 softmax → w(1×5)', 'right: s(1×5) ÷ √4 softmax → w(1×5)']);
    expect(written('logits')).toEqual(['left: o(1×8) · E(8×9) = logits(1×9)', 'right: o(1×8) · E(8×9) = logits(1×9)']);
    expect(written('kept')).toEqual(['left: K(5×4) V(5×4)', 'right: C_KV(5×4) K_R(5×2)']);
  });

  it('has a size in which it is seen whole beside its step, at the width of a side bar and of an editor', () => {
    for (const walk of [latentWalk(LECTURE), plainWalk(LECTURE)]) {
      // The first is a side bar as wide as VS Code opens it.
      for (const room of [256, 280, 440, 1_144]) {
        walk.steps.forEach((step, at) => {
          const { columns, cell, height, beside } = stageOf(walk, at, room);
          expect(cell, `${step.id} at ${room}`).toBeGreaterThanOrEqual(5);
          expect(height, `${step.id} at ${room}`).toBeLessThanOrEqual(room > 1_000 ? 500 : 340);
          if (room > 1_000 && columns.length === 2) expect(beside || cell >= WRITTEN_FROM, step.id).toBe(true);
        });
      }
    }
  });

  it('shows numbers in its cells in every step where an editor is wide, and in a side bar where they fit', () => {
    const written = (walk: Walk, room: number): number =>
      walk.steps.filter((_, at) => stageOf(walk, at, room).cell >= WRITTEN_FROM).length;
    for (const walk of [latentWalk(LECTURE), plainWalk(LECTURE)]) {
      expect(written(walk, 1_144)).toBe(walk.steps.length);
      expect(written(walk, 868)).toBeGreaterThan(walk.steps.length * 0.7);
      expect(written(walk, 280)).toBeGreaterThan(0);
    }
  });

  it('stands in one line, or its parts below each other where they are larger so', () => {
    const walk = latentWalk(LECTURE);
    const at = walk.steps.findIndex((step) => step.id === 'newKeys');
    const lines = (room: number): number | undefined => stageOf(walk, at, room).columns[0]?.equations.length;
    expect([lines(280), lines(440), lines(1_144)]).toEqual([2, 2, 1]);
    const narrow = stageOf(walk, at, 280);
    // In one line they are 8 pixels wide.
    expect(narrow.cell).toBeGreaterThan(14);
    expect(narrow.columns[0]?.equations.map((parts) => parts.map(({ name }) => name).join(' '))).toEqual([
      'c_KV W_UK K',
      'c_KV W_UV V',
    ]);
  });

  it('leads from its cells to those of the matrix and back', () => {
    const walk = latentWalk(LECTURE);
    const at = walk.steps.findIndex((step) => step.id === 'newScores');
    const [operation] = walk.steps[at]?.operations ?? [];
    if (!operation) throw new Error('no operation');
    const [query, keys] = equationOf(walk, operation, at);
    if (!query || !keys) throw new Error('no operands');
    expect(unstaged(query, { row: 0, column: 2, byKeyboard: true })).toEqual({ row: 4, column: 2, byKeyboard: true });
    expect(unstaged(keys, { row: 1, column: 3, byKeyboard: false })).toEqual({ row: 3, column: 1, byKeyboard: false });
    const model = (id: string, cursor: MatrixModel['cursor'], lit: MatrixModel['lit']): MatrixModel => {
      const { name, about, grid } = matrixOf(walk, id);
      return {
        id,
        name,
        about,
        rows: grid.rows,
        columns: grid.columns,
        values: grid.values,
        known: 5,
        knownColumns: grid.columns,
        causal: null,
        cached: true,
        role: 'operand',
        quiet: false,
        active: [0, 5],
        again: 0,
        rowLabels: null,
        magnitude: 1,
        lit,
        cursor,
      };
    };
    expect(staged(model('k', { row: 3, column: 1 }, [{ row: 3, column: null }]), keys, false)).toMatchObject({
      name: 'Kᵀ',
      rows: 4,
      columns: 5,
      cursor: { row: 1, column: 3 },
      lit: [{ row: null, column: 3 }],
    });
    // What is in other rows does not stand here.
    expect(staged(model('q', { row: 0, column: 0 }, [{ row: 4, column: null }]), query, true)).toMatchObject({
      name: 'q',
      rows: 1,
      cursor: null,
      lit: [{ row: 0, column: null }],
      rowLabels: ['bright'],
    });
  });
});

describe('steps', () => {
  const walk = latentWalk(LECTURE);
  const at = (id: string, of: Walk = walk): number => of.steps.findIndex((step) => step.id === id);

  it("is the lecture's: X 4 × 8, W_DKV 8 × 4, C_KV 4 × 4", () => {
    const step = at('latent');
    expect([knownRows(walk, 'x', step), matrixOf(walk, 'x').grid.columns]).toEqual([4, 8]);
    expect([matrixOf(walk, 'wdkv').grid.rows, matrixOf(walk, 'wdkv').grid.columns]).toEqual([8, 4]);
    expect([knownRows(walk, 'c', step - 1), knownRows(walk, 'c', step), matrixOf(walk, 'c').grid.columns]).toEqual([
      0, 4, 4,
    ]);
    expect(knownRows(walk, 'c', at('newLatent'))).toBe(5);
    expect(matrixOf(walk, 'c').rowNames).toEqual(['The', 'next', 'day', 'is', 'bright']);
  });

  it('says what takes part: operands, results, rows', () => {
    expect(partOf(walk, 'c', at('newScores'))).toEqual({ role: 'operand', rows: [0, 5], again: 0 });
    expect(partOf(walk, 'q', at('newScores'))).toEqual({ role: 'operand', rows: [4, 5], again: 0 });
    expect(partOf(walk, 's', at('newScores'))).toEqual({ role: 'result', rows: [4, 5], again: 0 });
    expect(partOf(walk, 's', at('softmax')).rows).toEqual([4, 5]);
    expect(partOf(walk, 'v', at('newScores')).role).toBe('none');
  });

  it('shows scores of the tokens that have come, and no others', () => {
    expect([knownRows(walk, 's', at('scores')), knownColumns(walk, 's', at('scores'))]).toEqual([4, 4]);
    expect([knownRows(walk, 's', at('newScores')), knownColumns(walk, 's', at('newScores'))]).toEqual([5, 5]);
    const { columns, rows } = valueTable(matrixOf(walk, 's'), 4, 4);
    expect(columns).toEqual(['The', 'next', 'day', 'is']);
    expect(rows.map(({ name, cells }) => [name, cells.filter((cell) => cell !== '').length])).toEqual([
      ['The', 1],
      ['next', 2],
      ['day', 3],
      ['is', 4],
    ]);
  });

  it('lights up what a cell is made of, and writes it out', () => {
    const step = at('latent');
    expect(litWith(walk, 'c', 2, 1, step)).toEqual([
      { id: 'x', row: 2, column: null },
      { id: 'wdkv', row: null, column: 1 },
    ]);
    expect(litWith(walk, 's', 4, 0, at('newScores'))).toEqual([
      { id: 'q', row: 4, column: null },
      { id: 'k', row: 0, column: null },
    ]);
    const text = cellText(walk, 'c', 0, 0, step);
    expect(text).toMatch(/^C_KV\[The, 1\] = .* = /);
    const terms = text.split(' = ')[1]?.split(' + ') ?? [];
    expect(terms).toHaveLength(8);
    const number = (part: string): number => Number(part.replace(/[()]/g, '').replace('−', '-'));
    const sum = terms.reduce(
      (total, term) =>
        total +
        term
          .split('·')
          .map(number)
          .reduce((a, b) => a * b, 1),
      0,
    );
    expect(sum).toBeCloseTo(cellOf(matrixOf(walk, 'c').grid, 0, 0), 6);
    // Powers over their sum.
    const weight =
      /^w\[bright, day\] = e\^(\S+) ÷ \((.*)\) = (.*)$/.exec(cellText(walk, 'w', 0, 2, at('softmax'))) ?? [];
    const powers = (weight[2] ?? '').split(' + ').map((part) => Math.exp(number(part.replace('e^', ''))));
    expect(powers).toHaveLength(5);
    expect(Math.exp(number(weight[1] ?? '')) / powers.reduce((sum, power) => sum + power, 0)).toBeCloseTo(
      number(weight[3] ?? ''),
      2,
    );
    expect(cellText(walk, 'c', 4, 0, step)).toContain('not computed yet');
    expect(cellText(walk, 's', 0, 3, at('scores'))).toContain('not allowed');
    expect(cellText(walk, 's', 0, 4, at('scores'))).toContain('not computed yet');
    expect(isMasked(matrixOf(walk, 's'), 4, 4)).toBe(false);
  });

  it('counts what plain attention computes again', () => {
    const plain = plainWalk(LECTURE);
    const [D, d, T] = [8, 4, 4];
    for (const [step, weights] of [
      ['newQueries', 1],
      ['newKeys', 2],
    ] as const) {
      expect(multiplications(plain, at(step, plain), 'left'), step).toEqual({
        all: weights * (T + 1) * D * d,
        again: weights * T * D * d,
      });
      expect(multiplications(plain, at(step, plain), 'right'), step).toEqual({ all: weights * D * d, again: 0 });
    }
    const triangle = (n: number): number => (n * (n + 1)) / 2;
    for (const step of ['newScores', 'newContext']) {
      expect(multiplications(plain, at(step, plain), 'left'), step).toEqual({
        all: triangle(T + 1) * d,
        again: triangle(T) * d,
      });
      expect(multiplications(plain, at(step, plain), 'right'), step).toEqual({ all: (T + 1) * d, again: 0 });
    }
  });

  it('leaves RoPE out where there is none', () => {
    const none = latentWalk(settingsOf({ ...LECTURE.sizes, rope: 0 }));
    expect(none.steps.some((step) => step.id.startsWith('rope'))).toBe(false);
    expect(none.matrices.some((matrix) => matrix.grid.columns === 0)).toBe(false);
  });
});

describe('settings', () => {
  it('make tokens of words, and a word the same vector everywhere', () => {
    expect(wordsOf('  The  next day\nis ')).toEqual(['The', 'next', 'day', 'is']);
    expect(wordsOf('   ')).toEqual(wordsOf(LECTURE.prompt));
    expect(wordsOf('a '.repeat(50))).toHaveLength(8);
    expect([wordOf(' sunny day '), wordOf('')]).toEqual(['sunny', 'bright']);
    const { embedded } = wordsFor(settingsOf(LECTURE.sizes, { prompt: 'day after day' }));
    expect([...rowsOf(embedded, 0, 1).values]).toEqual([...rowsOf(embedded, 2, 3).values]);
    expect([...rowsOf(embedded, 1, 2).values]).not.toEqual([...rowsOf(embedded, 0, 1).values]);
  });

  it('have values with two decimals that float32 holds exactly', () => {
    const { values } = seededGrid('W', 20, 20, 1);
    for (const value of values) {
      expect(Math.fround(value)).toBe(value);
      expect(Number(value.toFixed(2))).toBeCloseTo(value, 6);
    }
    expect(new Set(values).size).toBeGreaterThan(100);
    expect(Math.max(...values)).toBeLessThanOrEqual(1);
  });

  it.each([[{ heads: 0 }], [{ heads: 8, headDim: 8 }], [{ rope: 3 }], [{ latent: 17 }], [{ headDim: 1.5 }]])(
    'refuse %j and say why',
    (change) => {
      expect(sizesProblem({ ...LECTURE.sizes, ...change })).toMatch(/\.$/);
    },
  );

  it.each([[null], ['x'], [{ sizes: { heads: 99 }, head: 7, walk: 'other', step: 3, prompt: 5 }]])(
    'are restored as far as %j fits',
    (kept) => expect(restoreSettings(kept)).toEqual(LECTURE),
  );

  it('survive a round trip', () => {
    const settings = settingsOf(
      { heads: 3, headDim: 4, latent: 6, rope: 4 },
      { head: 2, step: 'logits', walk: 'mla', prompt: 'so it goes' },
    );
    expect(restoreSettings(JSON.parse(JSON.stringify(settings)))).toEqual(settings);
  });

  it('say numbers shortly', () => {
    expect([0, 0.37, -0.123456, 12.3456, -1e-17].map(numberText)).toEqual(['0', '0.37', '−0.123', '12.3', '−1.0e-17']);
    expect([0, 1.1102230246251565e-16].map(differenceText)).toEqual(['0', '1.1e-16']);
  });
});

describe('a matrix as a picture', () => {
  const model: MatrixModel = {
    id: 's',
    name: 'S',
    about: '',
    rows: 3,
    columns: 3,
    values: Float64Array.of(1, 9, 9, -2, 3, 9, 9, 9, 9),
    known: 2,
    knownColumns: 2,
    causal: 0,
    cached: false,
    role: 'none',
    quiet: false,
    active: [0, 0],
    again: 0,
    rowLabels: null,
    magnitude: 3,
    lit: [],
    cursor: null,
  };

  it('tells values, masked and empty cells apart, and scales colours to the values alone', () => {
    const states = [0, 1, 2].map((row) => [0, 1, 2].map((column) => cellState(model, row, column)));
    expect(states).toEqual([
      ['value', 'masked', 'empty'],
      ['value', 'value', 'empty'],
      ['empty', 'empty', 'empty'],
    ]);
    expect(magnitudeOf(model)).toBe(3);
    expect([-3, 0, 3, 99].map((value) => colourIndex(value, 3, 511))).toEqual([0, 255, 510, 510]);
    expect([sizeText(model), sizeText({ ...model, known: 0 })]).toEqual(['2 × 2', '3 × 3']);
  });

  it('is drawn again only where it would look different', () => {
    expect(looksDifferent(model, { ...model, lit: [], active: [0, 0] })).toBe(false);
    for (const change of [
      { known: 3 },
      { cursor: { row: 0, column: 0 } },
      { lit: [{ row: 1, column: null }] },
      { role: 'result' },
      { values: Float64Array.from(model.values) },
    ] as Partial<MatrixModel>[]) {
      expect(looksDifferent({ ...model, ...change }, model)).toBe(true);
    }
  });

  it('has the largest cells with which every line fits', () => {
    const line = (columns: number, width: number): { items: LineItem[]; width: number } => ({
      items: [
        { columns, labelCharacters: 3, rowLabelPixels: 40 },
        { columns, labelCharacters: 3, rowLabelPixels: 0 },
      ],
      width,
    });
    const [cell, fits] = cellSize([line(8, 296), line(2, 200)], LARGE);
    expect(fits).toBe(true);
    const width = (size: number): number => 40 + LARGE.gap + 2 * Math.max(8 * size, 3 * LARGE.character);
    expect(width(cell)).toBeLessThanOrEqual(296);
    expect(width(cell + 1)).toBeGreaterThan(296);
    for (const look of [LARGE, SMALL]) {
      expect(cellSize([line(1, 2_000)], look)).toEqual([look.cells[0], true]);
      expect(cellSize([line(64, 100)], look)).toEqual([look.cells.at(-1), false]);
    }
  });

  it('writes numbers as they fit into a cell, in the ink that is read on its colour', () => {
    expect([0, 0.37, -0.064, -0.001, 9.949, 9.96, -12.34, 99.6, -123.4].map(cellNumber)).toEqual([
      '0.00',
      '0.37',
      '−0.06',
      '0.00',
      '9.95',
      '10.0',
      '−12.3',
      '100',
      '−123',
    ]);
    expect(LARGE.cells.filter((cell) => cell > 18 && cell < WRITTEN_FROM)).toEqual([]);
    const luminance = ([r, g, b]: readonly [number, number, number]): number =>
      [r, g, b]
        .map((channel) => (channel <= 10 ? channel / 255 / 12.92 : ((channel / 255 + 0.055) / 1.055) ** 2.4))
        .reduce((sum, one, at) => sum + one * ([0.2126, 0.7152, 0.0722][at] ?? 0), 0);
    for (let level = 0; level < 512; level++) {
      const colour = [(level * 37) % 256, (level * 91) % 256, (level * 53) % 256] as const;
      const own = luminance(colour);
      const contrast = inkOn(colour) === '#000' ? (own + 0.05) / 0.05 : 1.05 / (own + 0.05);
      // What WCAG AA asks of text.
      expect(contrast).toBeGreaterThan(4.5);
    }
  });

  it('moves its cursor inside its edges', () => {
    const at = { row: 1, column: 1 };
    expect(
      ['ArrowUp', 'ArrowDown', 'ArrowLeft', 'ArrowRight', 'Home', 'End', 'x'].map((key) => movedCursor(key, at, 2, 3)),
    ).toEqual([
      { row: 0, column: 1 },
      { row: 1, column: 1 },
      { row: 1, column: 0 },
      { row: 1, column: 2 },
      { row: 1, column: 0 },
      { row: 1, column: 2 },
      null,
    ]);
  });
});

describe('costs', () => {
  const reading = readModelConfig(sampleConfig('deepseek-v3'));

  it("are the picture's, and the real ones of the plan", () => {
    const { rows, columns } = latentCosts(LECTURE, reading, scenario(1, 32_768), 'mine');
    expect(columns).toEqual(['K and V of every head', 'latent and rotary key']);
    expect(rows.map(({ left, right, ratio }) => [left, right, ratio])).toEqual([
      ['32 B', '12 B', '÷ 2.67'],
      ['160 B', '60 B', '÷ 2.67'],
      ['3,997,696 B', '70,272 B', '÷ 56.89'],
      ['122 GiB', '2.14 GiB', '÷ 56.89'],
    ]);
    const llama = latentCosts(LECTURE, readModelConfig(sampleConfig('llama-3-8b')), scenario(1, 1024), 'mine');
    expect(llama.note).toBe(
      'This example uses 2 bytes per number; on the left, the position is applied to K itself. mine is GQA; compared here as MHA and as MLA 512 + 64.',
    );
    expect(llama.rows[2]).toMatchObject({ left: '524,288 B', right: '36,864 B' });
    expect(latentCosts(LECTURE, null, null, '').rows).toHaveLength(2);
  });

  it('count the whole model in both rows, and one device beside it', () => {
    const tp = { sharding: { tp: 8, pp: 1, dcp: 1, dpAttention: false }, engine: 'vllm' } as const;
    const { rows } = latentCosts(LECTURE, reading, scenario(1, 32_768, tp), 'mine');
    expect(rows.slice(2).map(({ what, left, right, ratio }) => [what, left, right, ratio])).toEqual([
      ['mine, per token', '3,997,696 B', '70,272 B', '÷ 56.89'],
      ['mine, 1 × 32,768 tokens', '122 GiB', '2.14 GiB', '÷ 56.89'],
      ['the same on each of 8 devices', '15.25 GiB', '2.14 GiB', '÷ 7.11'],
    ]);
  });

  it('of plain attention count what the steps show', () => {
    const walk = plainWalk(LECTURE);
    const { rows } = plainCosts(LECTURE, walk, reading, scenario(1, 1024), 'mine');
    // 3 projections of 8 × 4, a triangle or a row of scores, and the same of weighted values.
    expect(rows[0]).toMatchObject({ left: String(5 * 3 * 32 + 2 * 15 * 4), right: String(3 * 32 + 2 * 5 * 4) });
    expect(rows[1]).toMatchObject({ left: String(4 * 3 * 32 + 2 * 10 * 4), right: '0', ratio: '' });
    expect(rows[2]).toMatchObject({ left: '0 B', right: '160 B' });
  });
});
