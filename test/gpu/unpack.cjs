// Unpacks parts.br of the GPU pack (scripts/gpuPack.mjs): runs in the pack's Node, before anything else is there.
const { mkdirSync, readFileSync, writeFileSync } = require('node:fs');
const { dirname, join } = require('node:path');
const { brotliDecompressSync } = require('node:zlib');

const [, , packed, folder] = process.argv;
const whole = brotliDecompressSync(readFileSync(packed));
const end = whole.indexOf(10);
let at = end + 1;
for (const [name, size] of JSON.parse(whole.subarray(0, end).toString())) {
  mkdirSync(dirname(join(folder, name)), { recursive: true });
  writeFileSync(join(folder, name), whole.subarray(at, at + size));
  at += size;
}
