/** Captures as a picture: a grid of heads for each, one under the other. */

import type { Tensor } from '../../attention/onnx/graph';
import type { Pixels } from './png';
import { panelShape } from './tensorTile';
import { floats } from './tokenAxis';

/** `weights`: 0 … 1 of the panel's largest. `signed`: symmetric around 0, one scale for the whole capture. */
export type Colouring = 'weights' | 'signed';

export interface Panels {
  /** `[panels, rows, columns]`; fewer axes are one panel. */
  readonly tensor: Tensor;
  readonly colouring: Colouring;
}

type Colour = readonly [red: number, green: number, blue: number];

/** Cividis (Nuñez, Anderton, Renslow 2018) at eighths: readable without telling red from green. */
const CIVIDIS: readonly Colour[] = [
  [0, 34, 78],
  [18, 53, 112],
  [59, 73, 108],
  [87, 93, 109],
  [112, 113, 115],
  [138, 134, 120],
  [165, 156, 116],
  [195, 179, 105],
  [254, 232, 56],
];
/** Blue below 0, white at 0, orange above. */
const DIVERGING: readonly Colour[] = [
  [5, 48, 97],
  [67, 147, 195],
  [247, 247, 247],
  [224, 130, 20],
  [127, 59, 8],
];
const BACKGROUND: Colour = [32, 32, 36];
/** Cells without a value: scores that nothing sees. */
const NOTHING: Colour = [64, 64, 70];
const GAP = 4;
/** Short sides of panels are enlarged to about this many pixels. */
const PANEL_PIXELS = 128;
const MOST_SCALE = 16;

/** Panels side by side, as square as can be; captures below each other. */
export function picture(captures: readonly Panels[]): Pixels {
  const grids = captures.map(grid);
  const width = Math.max(1, ...grids.map((item) => item.width));
  const height = Math.max(
    1,
    grids.reduce((sum, item) => sum + item.height, 0),
  );
  const data = new Uint8Array(width * height * 3);
  for (let i = 0; i < width * height; i++) data.set(BACKGROUND, i * 3);
  let top = 0;
  for (const item of grids) {
    item.draw(data, width, top);
    top += item.height;
  }
  return { width, height, data };
}

interface Grid {
  readonly width: number;
  readonly height: number;
  readonly draw: (data: Uint8Array, width: number, top: number) => void;
}

function grid({ tensor, colouring }: Panels): Grid {
  const [panels, rows, columns] = panelShape(tensor.shape);
  const values = floats(tensor);
  const across = Math.max(1, Math.ceil(Math.sqrt(panels)));
  const down = Math.ceil(panels / across);
  const scale = Math.max(1, Math.min(MOST_SCALE, Math.floor(PANEL_PIXELS / Math.max(rows, columns))));
  const [panelWidth, panelHeight] = [columns * scale + GAP, rows * scale + GAP];
  const size = rows * columns;
  const largest = colouring === 'signed' ? largestOf(values) : 0;
  return {
    width: across * panelWidth + GAP,
    height: down * panelHeight + GAP,
    draw: (data, width, top) => {
      for (let panel = 0; panel < panels; panel++) {
        const part = values.subarray(panel * size, (panel + 1) * size);
        const colour = colouring === 'signed' ? signed(largest) : fromZero(largestOf(part));
        const left = GAP + (panel % across) * panelWidth;
        const above = top + GAP + Math.floor(panel / across) * panelHeight;
        for (let y = 0; y < rows * scale; y++) {
          for (let x = 0; x < columns * scale; x++) {
            const value = part[Math.floor(y / scale) * columns + Math.floor(x / scale)] as number;
            data.set(Number.isFinite(value) ? colour(value) : NOTHING, ((above + y) * width + left + x) * 3);
          }
        }
      }
    },
  };
}

function largestOf(values: Float32Array): number {
  let largest = 0;
  for (const value of values) if (Number.isFinite(value)) largest = Math.max(largest, Math.abs(value));
  return largest;
}

/** Square root: most weights are small. */
function fromZero(largest: number): (value: number) => Colour {
  return (value) => between(CIVIDIS, largest === 0 ? 0 : Math.sqrt(Math.max(0, value) / largest));
}

function signed(largest: number): (value: number) => Colour {
  return (value) => between(DIVERGING, largest === 0 ? 0.5 : 0.5 + value / largest / 2);
}

/** The colour at `place` 0 … 1 of a scale. */
function between(scale: readonly Colour[], place: number): Colour {
  const at = Math.max(0, Math.min(1, place)) * (scale.length - 1);
  const low = scale[Math.floor(at)] ?? BACKGROUND;
  const high = scale[Math.ceil(at)] ?? low;
  const part = at - Math.floor(at);
  const mix = (a: number, b: number): number => Math.round(a + (b - a) * part);
  return [mix(low[0], high[0]), mix(low[1], high[1]), mix(low[2], high[2])];
}
