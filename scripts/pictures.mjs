// `npm run pictures`: takes every picture of the documentation in a real VS Code (test/e2e/*.pictures.ts) and writes them into media/readme, small:
// pictures with few colours, and the recording tour.gif, of which each frame holds what has changed since the one before.
//   -- --written   only writes, from the pictures of the last run in test-results/
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { crc32, deflateSync } from 'node:zlib';
import { PNG } from 'pngjs';
import { ROOT } from '../test/harness/places.mjs';

// Its module for Node is CommonJS, whose names an import does not see.
const { applyPalette, GIFEncoder, quantize } = /** @type {typeof import('gifenc')} */ (
  createRequire(import.meta.url)('gifenc')
);

const TAKEN = join(ROOT, 'test-results');
const WRITTEN = join(ROOT, 'media', 'readme');
/** Colours of a picture: text on few surfaces has not many. */
const COLOURS = 64;
/** Pictures that are not called editor-NAME. */
const OWN_NAMES = new Set(['architecture', 'compare', 'conversion', 'effects', 'heads', 'hover', 'overview', 'steps']);

/** @typedef {{ width: number; height: number; data: Uint8Array }} Pixels */

/** @param {string} file @returns {Pixels} */
function pixelsOf(file) {
  const { width, height, data } = PNG.sync.read(readFileSync(file));
  return { width, height, data: new Uint8Array(data) };
}

/** @param {string} type @param {Uint8Array} data */
function chunk(type, data) {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  sum.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, sum]);
}

/**
 * A PNG with a palette, a byte for each pixel (W3C PNG, colour type 3).
 * @param {Pixels} pixels
 */
function palettePng({ width, height, data }) {
  const palette = quantize(data, COLOURS);
  const indexes = applyPalette(data, palette);
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 3, 0, 0, 0], 8);
  const rows = Buffer.alloc((width + 1) * height);
  for (let y = 0; y < height; y++) rows.set(indexes.subarray(y * width, (y + 1) * width), y * (width + 1) + 1);
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk('IHDR', header),
    chunk('PLTE', Buffer.from(palette.flat())),
    chunk('IDAT', deflateSync(rows, { level: 9 })),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

/**
 * An animation that repeats. One palette for all frames; what stays as it was is transparent, which is nearly everything.
 * @param {readonly { pixels: Pixels; delay: number }[]} frames
 */
function animation(frames) {
  const every = new Uint8Array(frames.reduce((sum, { pixels }) => sum + pixels.data.length, 0));
  let at = 0;
  for (const { pixels } of frames) {
    every.set(pixels.data, at);
    at += pixels.data.length;
  }
  const colours = quantize(every, 127);
  const transparentIndex = colours.length;
  const palette = [...colours, [0, 0, 0]];
  const encoder = GIFEncoder();
  /** @type {Uint8Array | null} */
  let before = null;
  for (const { pixels, delay } of frames) {
    const whole = applyPalette(pixels.data, colours);
    const old = before;
    const shown = old ? whole.map((colour, index) => (colour === old[index] ? transparentIndex : colour)) : whole;
    encoder.writeFrame(shown, pixels.width, pixels.height, {
      ...(old ? {} : { palette, repeat: 0 }),
      delay,
      transparent: true,
      transparentIndex,
      dispose: 1,
    });
    before = whole;
  }
  encoder.finish();
  return encoder.bytes();
}

if (!process.argv.includes('--written')) {
  const { status } = spawnSync('npm', ['test', '--', '--only', 'e2e'], {
    cwd: ROOT,
    stdio: 'inherit',
    env: { ...process.env, HEADLIGHT_PICTURES: '1' },
  });
  if (status !== 0) process.exit(status ?? 1);
}
const taken = readdirSync(TAKEN).sort();
for (const file of taken) {
  const name = /^picture-([\w-]+)\.png$/.exec(file)?.[1];
  if (name === undefined) continue;
  const target = join(WRITTEN, `${OWN_NAMES.has(name) ? '' : 'editor-'}${name}.png`);
  writeFileSync(target, palettePng(pixelsOf(join(TAKEN, file))));
}
const frames = taken.flatMap((file) => {
  const delay = Number(/^tour-\d+-(\d+)\.png$/.exec(file)?.[1] ?? Number.NaN);
  return Number.isNaN(delay) ? [] : [{ pixels: pixelsOf(join(TAKEN, file)), delay }];
});
if (frames.length > 0) writeFileSync(join(WRITTEN, 'tour.gif'), animation(frames));
console.log(`${taken.length} pictures, ${frames.length} frames of the recording`);
