// The whole effect map of a model of GPT-2-medium's shapes (24 layers of 16 heads, seeded weights, 128 tokens) by the command line: a first row
// within 10 s, all within 5 minutes, in less than 2 GB, on two cores. On a machine that is also at other work the processor time, spread over two
// cores, is what is judged. Not part of npm test: it writes 1.4 GB to a temporary folder and removes them. Exits 1 where a limit is not kept.
//   node test/bench/effects.mjs [--folder /tmp/x] [--keep] [--cli dist/cli.js]
import { spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

/** @param {string} name @param {string} fallback */
const option = (name, fallback) => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? fallback : (process.argv[at + 1] ?? fallback);
};
const CLI = resolve(option('cli', 'dist/cli.js'));
const [LAYERS, HEADS, HIDDEN, VOCABULARY, POSITIONS, TOKENS] = [24, 16, 1024, 50257, 1024, 128];
const LIMITS = { firstRowSeconds: 10, allSeconds: 300, bytes: 2e9, cores: 2 };

/** Noise between −1 and 1, of which tensors take pieces. */
function noise() {
  const values = new Float32Array(4 * 1024 ** 2 + 1);
  let state = 19;
  for (let i = 0; i < values.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    values[i] = state / 2 ** 31 - 1;
  }
  return values;
}

/** Names, shapes and sizes of numbers of GPT-2 (transformers, `modeling_gpt2.py`: Conv1D keeps its weights `[in, out]`). */
function tensors() {
  /** @type {[name: string, shape: number[], size: number][]} */
  const found = [
    ['wte.weight', [VOCABULARY, HIDDEN], 0.035],
    ['wpe.weight', [POSITIONS, HIDDEN], 0.02],
  ];
  for (let layer = 0; layer < LAYERS; layer++)
    for (const [name, shape, size] of /** @type {[string, number[], number][]} */ ([
      ['ln_1.weight', [HIDDEN], 1],
      ['ln_1.bias', [HIDDEN], 0.1],
      ['attn.c_attn.weight', [HIDDEN, 3 * HIDDEN], 0.07],
      ['attn.c_attn.bias', [3 * HIDDEN], 0.02],
      ['attn.c_proj.weight', [HIDDEN, HIDDEN], 0.035],
      ['attn.c_proj.bias', [HIDDEN], 0.02],
      ['ln_2.weight', [HIDDEN], 1],
      ['ln_2.bias', [HIDDEN], 0.1],
      ['mlp.c_fc.weight', [HIDDEN, 4 * HIDDEN], 0.035],
      ['mlp.c_fc.bias', [4 * HIDDEN], 0.02],
      ['mlp.c_proj.weight', [4 * HIDDEN, HIDDEN], 0.02],
      ['mlp.c_proj.bias', [HIDDEN], 0.02],
    ]))
      found.push([`h.${layer}.${name}`, shape, size]);
  return [...found, ['ln_f.weight', [HIDDEN], 1], ['ln_f.bias', [HIDDEN], 0.1]];
}

/** @param {string} folder */
function writeModel(folder) {
  mkdirSync(folder, { recursive: true });
  const sizes = { n_embd: HIDDEN, n_layer: LAYERS, n_head: HEADS, n_positions: POSITIONS, vocab_size: VOCABULARY };
  const config = { model_type: 'gpt2', architectures: ['GPT2LMHeadModel'], ...sizes, layer_norm_epsilon: 1e-5 };
  writeFileSync(join(folder, 'config.json'), JSON.stringify(config, null, 2));
  /** @type {Record<string, unknown>} */
  const header = {};
  const all = /** @type {[string, number[], number][]} */ (tensors());
  let end = 0;
  for (const [name, shape] of all) {
    const from = end;
    end += 4 * shape.reduce((product, size) => product * size, 1);
    header[name] = { dtype: 'F32', shape, data_offsets: [from, end] };
  }
  const json = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  const file = openSync(join(folder, 'model.safetensors'), 'w');
  writeSync(file, length);
  writeSync(file, json);
  const values = noise();
  let at = 0;
  for (const [name, shape, size] of all) {
    let left = shape.reduce((product, one) => product * one, 1);
    if (/ln_\w+\.weight$/.test(name)) {
      writeSync(file, new Uint8Array(new Float32Array(left).fill(1).buffer));
      continue;
    }
    // Another beginning for each tensor, and pieces whose lengths share nothing: no rows repeat.
    for (; left > 0; at = (at + 1_234_577) % values.length) {
      const piece = values.subarray(at, Math.min(values.length, at + Math.min(left, 999_983))).map((one) => one * size);
      writeSync(file, new Uint8Array(piece.buffer));
      left -= piece.length;
    }
  }
  closeSync(file);
}

const made = option('folder', '');
const folder = made === '' ? mkdtempSync(join(tmpdir(), 'headlight-effects-')) : made;
if (!existsSync(join(folder, 'model.safetensors'))) writeModel(folder);
// The command is asked for its processor time whenever a part of the map is there, and for its memory at its end.
const hook = join(folder, 'watch.cjs');
writeFileSync(
  hook,
  `const { writeSync } = require('node:fs');
const tell = (what) => { const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
  writeSync(3, JSON.stringify({ what, cpuSeconds: (userCPUTime + systemCPUTime) / 1e6, seconds: process.uptime(), bytes: maxRSS * 1024 }) + '\\n'); };
const { write } = process.stderr;
process.stderr.write = function (text, ...rest) { tell(String(text).trim()); return write.call(this, text, ...rest); };
process.on('exit', () => tell('end'));
`,
);
const ids = Array.from({ length: TOKENS }, (_, i) => (i * 7919 + 11) % VOCABULARY).join(',');
const command = ['-r', hook, CLI, 'heads', folder, '--ids', ids, '--ablate', 'all', '--results', 'none', '--json'];
const child = spawn(process.execPath, command, { stdio: ['ignore', 'pipe', 'inherit', 'pipe'] });
let [output, told] = ['', ''];
child.stdout?.on('data', (data) => (output += String(data)));
/** @type {import('node:stream').Readable} */ (child.stdio[3]).on('data', (data) => (told += String(data)));
const code = await new Promise((resolvePromise) => child.on('close', resolvePromise));
if (!process.argv.includes('--keep') && made === '') rmSync(folder, { recursive: true, force: true });
/** @type {{ what: string; cpuSeconds: number; seconds: number; bytes: number }[]} */
const moments = told
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line));
const [first, last] = [moments.find(({ what }) => / left$/.test(what)), moments.at(-1)];
if (code !== 0 || first === undefined || last === undefined) throw new Error(`the map was not completed: code ${code}`);
const { effects } = JSON.parse(output);
if (effects.length !== LAYERS * HEADS) throw new Error(`${effects.length} effects of ${LAYERS * HEADS}`);
if (!effects.every((/** @type {{ klMean: number }} */ { klMean }) => klMean > 0))
  throw new Error('a head does nothing');
/** @param {{ cpuSeconds: number; seconds: number }} moment On two cores that do nothing else it takes no longer than the wall says here. */
const onTwoCores = ({ cpuSeconds, seconds }) => Math.min(seconds, cpuSeconds / LIMITS.cores);
/** @type {[string, number, number][]} */
const rows = [
  ['first row, s', onTwoCores(first), LIMITS.firstRowSeconds],
  ['whole map, s', onTwoCores(last), LIMITS.allSeconds],
  ['memory, MB', last.bytes / 1e6, LIMITS.bytes / 1e6],
];
for (const [name, value, limit] of rows)
  console.log(`${name.padEnd(16)}${value.toFixed(1).padStart(8)}   limit ${limit}`);
for (const [name, { seconds, cpuSeconds }] of /** @type {const} */ ([
  ['first row', first],
  ['whole map', last],
]))
  console.log(`${name}: ${seconds.toFixed(1)} s on the clock, ${cpuSeconds.toFixed(1)} s of processor time`);
if (rows.some(([, value, limit]) => value >= limit)) process.exit(1);
