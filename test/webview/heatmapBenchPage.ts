// What the bench measures, in the page: Headlight's grid of heads, and the same numbers by other means.
import * as Plot from '@observablehq/plot';
import * as echarts from 'echarts';
import '../../webview/charts/headGrid/element';
import type { HeadGrid } from '../../webview/charts/headGrid/element';
import type { GridModel } from '../../webview/charts/headGrid/viewModel';
import '../../webview/charts/heatmap/element';
import type { Heatmap } from '../../webview/charts/heatmap/element';
import { binsOf, wholeAxis } from '../../webview/charts/heatmap/axis';
import { colourMap } from '../../webview/charts/heatmap/colourMaps';
import { paintBins } from '../../webview/charts/heatmap/raster';
import { newScale, type ScaleKind } from '../../webview/charts/heatmap/scale';
import { patternGrid, viewOf, zoomModel } from '../../webview/views/heads/models';
import type { LayerPatterns } from '../../webview/views/heads/session';

export interface Sizes {
  readonly heads: number;
  readonly tokens: number;
}

const attention = (heads: number): LayerPatterns['attention'] => ({
  kind: 'full',
  queryHeads: heads,
  kvHeads: heads,
  keyDim: 64,
  valueDim: 64,
});

/** Causal patterns that look like real ones: a sink, a diagonal, noise. The same for the same sizes. */
function makePatterns({ heads, tokens }: Sizes): LayerPatterns {
  const data = new Float32Array(heads * tokens * tokens);
  let seed = 1;
  for (let head = 0; head < heads; head++) {
    for (let query = 0; query < tokens; query++) {
      const line = (head * tokens + query) * tokens;
      let sum = 0;
      for (let key = 0; key <= query; key++) {
        seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
        const weight = (seed / 2 ** 32) ** 8 + (key === 0 ? (head % 5) * 4 : 0) + (key === query - (head % 3) ? 6 : 0);
        data[line + key] = weight;
        sum += weight;
      }
      for (let key = 0; key <= query; key++) data[line + key] = (data[line + key] as number) / sum;
    }
  }
  return {
    layer: 0,
    attention: attention(heads),
    capture: 1,
    patterns: { data, heads, rows: wholeAxis(tokens), columns: wholeAxis(tokens) },
    measures: null,
  };
}

/** Makes the numbers, so that no measurement has that in it. */
export function prepare(sizes: Sizes): void {
  patternsOf(sizes);
}

const known = new Map<string, LayerPatterns>();
function patternsOf(sizes: Sizes): LayerPatterns {
  const key = `${sizes.heads} ${sizes.tokens}`;
  const result = known.get(key) ?? makePatterns(sizes);
  known.set(key, result);
  return result;
}

const frame = (): Promise<number> => new Promise((resolve) => requestAnimationFrame(resolve));
/** Behind the next frame's painting. */
async function painted(): Promise<void> {
  await frame();
  await new Promise<void>((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => resolve();
    port2.postMessage(null);
  });
}

const LOOK = { scale: 'linear', shared: true, ignoreFirst: false } as const;

function modelOf(layer: LayerPatterns, scale: ScaleKind = 'linear'): GridModel {
  const grid = patternGrid([layer], false, 'position', { ...LOOK, scale });
  if (grid === null) throw new Error('no patterns');
  return grid.model;
}

function stage(width: number): HTMLElement {
  document.body.replaceChildren();
  const box = document.createElement('div');
  box.style.width = `${width}px`;
  document.body.append(box);
  return box;
}

async function pixelsShown(element: HTMLElement): Promise<boolean> {
  await painted();
  const canvas = element.shadowRoot?.querySelector('canvas');
  const data = canvas?.getContext('2d')?.getImageData(0, 0, canvas.width, Math.min(200, canvas.height)).data;
  return data?.some((value) => value > 200) ?? false;
}

/** Milliseconds from the data's arrival until all heads are painted and the first key has moved the choice. */
export async function ours(
  sizes: Sizes,
  width: number,
): Promise<{ visibleMs: number; interactiveMs: number; rescaleMs: number }> {
  const layer = patternsOf(sizes);
  const grid = document.createElement('headlight-head-grid') as HeadGrid;
  stage(width).append(grid);
  await painted();
  const start = performance.now();
  grid.model = modelOf(layer);
  await grid.updateComplete;
  await painted();
  const visibleMs = performance.now() - start;
  grid.addEventListener(
    'headlight-choose',
    (event) => (grid.chosen = (event as CustomEvent<{ index: number }>).detail.index),
    { once: true },
  );
  grid.shadowRoot
    ?.querySelector<HTMLElement>('.grid')
    ?.dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowRight', bubbles: true }));
  await grid.updateComplete;
  await painted();
  const interactiveMs = performance.now() - start;
  if (grid.chosen !== 1 || !(await pixelsShown(grid))) throw new Error('nothing was drawn');
  const again = performance.now();
  grid.model = modelOf(layer, 'log');
  await grid.updateComplete;
  const rescaleMs = performance.now() - again;
  return { visibleMs, interactiveMs, rescaleMs };
}

/** Milliseconds from a pointer's move to the read-out's text: each of many moves, sorted. */
export async function readouts({ tokens }: Sizes, moves: number): Promise<number[]> {
  const layer = patternsOf({ heads: 32, tokens });
  const heatmap = document.createElement('headlight-heatmap') as Heatmap;
  heatmap.model = zoomModel({
    patterns: layer.patterns,
    attention: layer.attention,
    head: 3,
    minus: null,
    scale: 'linear',
    most: 1,
    pieces: Array.from({ length: tokens }, (_, i) => `t${i}`),
  });
  heatmap.view = viewOf(tokens, false);
  heatmap.readout = (cell) => ({
    text: document.createTextNode(`${cell.rows[0]} ${cell.columns[0]} ${cell.value}`) as never,
    sentence: '',
  });
  stage(700).append(heatmap);
  await heatmap.updateComplete;
  await painted();
  const plot = heatmap.shadowRoot?.querySelector('.plot');
  const box = plot?.getBoundingClientRect();
  if (plot == null || box === undefined) throw new Error('no plot');
  const times: number[] = [];
  let text = '';
  for (let i = 0; i < moves; i++) {
    const share = 0.3 + (0.5 * i) / moves;
    const start = performance.now();
    plot.dispatchEvent(
      new PointerEvent('pointermove', {
        clientX: box.left + box.width * share * 0.7,
        clientY: box.top + box.height * share,
        bubbles: true,
      }),
    );
    await heatmap.updateComplete;
    const now = heatmap.shadowRoot?.querySelector('.readout')?.textContent ?? '';
    if (now === text) throw new Error(`the read-out stayed at ${now} in move ${i}`);
    text = now;
    times.push(performance.now() - start);
    if (i % 10 === 0) await frame();
  }
  return times.sort((a, b) => a - b);
}

/** Every cell a pixel of its own, by ImageData: no reduction. */
export async function everyCell({ heads, tokens }: Sizes): Promise<number> {
  const { patterns } = patternsOf({ heads, tokens });
  const box = stage(1200);
  await painted();
  const start = performance.now();
  const map = colourMap('sequential', { background: [31, 31, 31], highContrast: false });
  const bins = binsOf(wholeAxis(tokens), [0, tokens], tokens);
  const scale = newScale('linear', false, 1);
  for (let head = 0; head < heads; head++) {
    const canvas = document.createElement('canvas');
    canvas.width = canvas.height = tokens;
    const context = canvas.getContext('2d', { willReadFrequently: true });
    if (context === null) throw new Error('no canvas');
    const image = context.createImageData(tokens, tokens);
    const values = patterns.data.subarray(head * tokens * tokens, (head + 1) * tokens * tokens);
    paintBins(new Uint32Array(image.data.buffer), tokens, 0, 0, values, bins, bins, scale, map, {
      line: 0,
      ground: 0,
      period: 6,
      thickness: 1,
    });
    context.putImageData(image, 0, 0);
    canvas.style.width = '84px';
    box.append(canvas);
  }
  await painted();
  return performance.now() - start;
}

const VERTEX = `#version 300 es
out vec2 place; uniform vec4 part;
void main() { vec2 corner = vec2(gl_VertexID & 1, gl_VertexID >> 1); place = vec2(corner.x, 1.0 - corner.y); gl_Position = vec4((part.xy + corner * part.zw) * 2.0 - 1.0, 0, 1); }`;
const FRAGMENT = `#version 300 es
precision highp float; in vec2 place; out vec4 colour; uniform highp sampler2D weights; uniform sampler2D map;
void main() { ivec2 size = textureSize(weights, 0); float value = texelFetch(weights, ivec2(place * vec2(size)), 0).r; colour = texture(map, vec2(value, 0.5)); }`;

/** WebGL2: weights as a float texture, colours from a map's texture in the shader, one cell of several for each pixel. */
export async function webgl({ heads, tokens }: Sizes, width: number): Promise<number | string> {
  const { patterns } = patternsOf({ heads, tokens });
  const box = stage(width);
  await painted();
  const start = performance.now();
  const across = 8;
  const side = Math.floor(width / across);
  const canvas = document.createElement('canvas');
  canvas.width = side * across;
  canvas.height = side * Math.ceil(heads / across);
  const gl = canvas.getContext('webgl2');
  if (gl === null) return 'no WebGL2 here';
  const program = gl.createProgram();
  for (const [kind, source] of [
    [gl.VERTEX_SHADER, VERTEX],
    [gl.FRAGMENT_SHADER, FRAGMENT],
  ] as const) {
    const shader = gl.createShader(kind);
    if (shader === null) return 'no shader';
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  if (gl.getProgramParameter(program, gl.LINK_STATUS) !== true)
    return `shaders: ${gl.getProgramInfoLog(program) ?? ''}`;
  gl.useProgram(program);
  const texture = (unit: number, set: () => void): void => {
    gl.activeTexture(gl.TEXTURE0 + unit);
    gl.bindTexture(gl.TEXTURE_2D, gl.createTexture());
    for (const name of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER])
      gl.texParameteri(gl.TEXTURE_2D, name, gl.NEAREST);
    for (const name of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T]) gl.texParameteri(gl.TEXTURE_2D, name, gl.CLAMP_TO_EDGE);
    set();
  };
  const map = colourMap('sequential', { background: [31, 31, 31], highContrast: false });
  texture(1, () =>
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, 256, 1, 0, gl.RGBA, gl.UNSIGNED_BYTE, new Uint8Array(map.pixels.buffer)),
  );
  gl.uniform1i(gl.getUniformLocation(program, 'map'), 1);
  gl.uniform1i(gl.getUniformLocation(program, 'weights'), 0);
  const part = gl.getUniformLocation(program, 'part');
  for (let head = 0; head < heads; head++) {
    const values = patterns.data.subarray(head * tokens * tokens, (head + 1) * tokens * tokens);
    texture(0, () => gl.texImage2D(gl.TEXTURE_2D, 0, gl.R32F, tokens, tokens, 0, gl.RED, gl.FLOAT, values));
    const down = Math.ceil(heads / across);
    gl.uniform4f(part, (head % across) / across, 1 - (Math.floor(head / across) + 1) / down, 1 / across, 1 / down);
    gl.drawArrays(gl.TRIANGLE_STRIP, 0, 4);
  }
  box.append(canvas);
  // Waits for the drawing itself: without it only the commands would be timed.
  gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, new Uint8Array(4));
  await painted();
  const took = performance.now() - start;
  gl.getExtension('WEBGL_lose_context')?.loseContext();
  return took;
}

/** Observable Plot's raster mark: canvas too, one figure for each head. */
export async function plot({ heads, tokens }: Sizes, width: number): Promise<number> {
  const { patterns } = patternsOf({ heads, tokens });
  const box = stage(width);
  await painted();
  const start = performance.now();
  for (let head = 0; head < heads; head++) {
    const values = patterns.data.subarray(head * tokens * tokens, (head + 1) * tokens * tokens);
    box.append(
      Plot.raster(values, { width: tokens, height: tokens }).plot({
        width: 140,
        height: 140,
        axis: null,
        margin: 0,
        color: { scheme: 'cividis', domain: [0, 1] },
      }),
    );
  }
  await painted();
  return performance.now() - start;
}

/** ECharts' heatmap series on canvas, one chart for each head. */
export async function echart({ heads, tokens }: Sizes, width: number): Promise<number> {
  const { patterns } = patternsOf({ heads, tokens });
  const box = stage(width);
  await painted();
  const start = performance.now();
  const charts: echarts.ECharts[] = [];
  const axis = { type: 'category' as const, show: false, data: Array.from({ length: tokens }, (_, i) => i) };
  for (let head = 0; head < heads; head++) {
    const element = document.createElement('div');
    element.style.width = element.style.height = '140px';
    box.append(element);
    const chart = echarts.init(element, undefined, { renderer: 'canvas' });
    const data: [number, number, number][] = [];
    for (let query = 0; query < tokens; query++)
      for (let key = 0; key <= query; key++)
        data.push([key, query, patterns.data[(head * tokens + query) * tokens + key] as number]);
    chart.setOption({
      animation: false,
      grid: { left: 0, right: 0, top: 0, bottom: 0 },
      xAxis: axis,
      yAxis: { ...axis, inverse: true },
      visualMap: { show: false, min: 0, max: 1, inRange: { color: ['#00224e', '#fee838'] } },
      series: [{ type: 'heatmap', data, progressive: 0 }],
    });
    charts.push(chart);
  }
  await painted();
  const took = performance.now() - start;
  for (const chart of charts) chart.dispose();
  return took;
}
