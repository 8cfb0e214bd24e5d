/**
 * A figure as PNG: resvg (compiled to WebAssembly) with DejaVu Sans, so that the same figure gives the same bytes on every machine,
 * whatever fonts it has. Both are packages beside the program, and are read when a PNG is asked for.
 */

import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { InputError } from './errors';

/** Pixels on a side that a picture may have: beyond, its memory (four bytes a pixel) is more than the rasteriser's. */
const LARGEST = 32_767;
const MOST_PIXELS = 200_000_000;

const FONTS = ['dejavu-fonts-ttf/ttf/DejaVuSans.ttf', 'dejavu-fonts-ttf/ttf/DejaVuSans-Bold.ttf'];

let ready: Promise<readonly Uint8Array[]> | null = null;

/** @param scale Pixels of the picture for one of the figure. */
export async function figurePng(
  svg: string,
  size: { readonly width: number; readonly height: number },
  scale: number,
): Promise<Uint8Array> {
  const [width, height] = [Math.ceil(size.width * scale), Math.ceil(size.height * scale)];
  if (width > LARGEST || height > LARGEST || width * height > MOST_PIXELS)
    throw new InputError(
      `the figure would have ${width} × ${height} pixels, more than a PNG here can have: take a smaller --scale, fewer --blocks, or .svg`,
    );
  const { Resvg } = await import('@resvg/resvg-wasm');
  ready ??= prepared();
  const fontBuffers = await ready;
  const drawn = new Resvg(svg, {
    fitTo: { mode: 'zoom', value: scale },
    font: { fontBuffers: [...fontBuffers], defaultFontFamily: 'DejaVu Sans', sansSerifFamily: 'DejaVu Sans' },
  });
  const image = drawn.render();
  try {
    return image.asPng();
  } finally {
    image.free();
    drawn.free();
  }
}

/** Starts the rasteriser, once; returns the fonts. */
async function prepared(): Promise<readonly Uint8Array[]> {
  const { initWasm } = await import('@resvg/resvg-wasm');
  const [code, ...fonts] = await Promise.all(['@resvg/resvg-wasm/index_bg.wasm', ...FONTS].map(packaged));
  if (code) await initWasm(new Uint8Array(code));
  return fonts;
}

async function packaged(name: string): Promise<Uint8Array> {
  try {
    return await readFile(createRequire(__filename).resolve(name));
  } catch {
    const [scope = '', rest = ''] = name.split('/');
    throw new InputError(
      `a PNG needs the package ${scope.startsWith('@') ? `${scope}/${rest}` : scope} beside this program; .svg needs none`,
    );
  }
}
