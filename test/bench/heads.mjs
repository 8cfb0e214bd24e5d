// Measures `heads` on a synthetic checkpoint of Llama-3-8B's real shapes (bf16, sharded): time, peak memory, reading
// against dd. Not part of npm test: it writes some gigabytes to a temporary folder and removes them.
//   node test/bench/heads.mjs [--layers 8] [--folder /tmp/x] [--keep] [--cli dist/cli.js] [--only reading]
import { build } from 'esbuild';
import { spawn } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
  closeSync,
  existsSync,
  statSync,
  readdirSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const option = (name, fallback) => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? fallback : process.argv[at + 1];
};
const LAYERS = Number(option('layers', 8));
const CLI = resolve(option('cli', 'dist/cli.js'));
const IDS = Array.from({ length: 16 }, (_, i) => (i * 7919 + 11) % 128256).join(',');
const [HIDDEN, KV, MLP, VOCABULARY] = [4096, 1024, 14336, 128256];

/** Pseudo-random bf16 numbers around ±0.02, as bytes; tensors take pieces of it. */
function pool() {
  const words = new Uint16Array(16 * 1024 ** 2);
  const float = new Float32Array(1);
  const bits = new Uint32Array(float.buffer);
  let state = 1;
  for (let i = 0; i < words.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    float[0] = (state / 2 ** 32 - 0.5) * 0.06;
    words[i] = bits[0] >>> 16;
  }
  return new Uint8Array(words.buffer);
}

function writeShard(file, tensors, noise) {
  const header = {};
  let offset = 0;
  for (const [name, shape] of tensors) {
    const bytes = 2 * shape.reduce((product, size) => product * size, 1);
    header[name] = { dtype: 'BF16', shape, data_offsets: [offset, offset + bytes] };
    offset += bytes;
  }
  const json = Buffer.from(JSON.stringify(header).padEnd(Math.ceil(JSON.stringify(header).length / 8) * 8));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  const handle = openSync(file, 'w');
  writeSync(handle, length);
  writeSync(handle, json);
  let shift = 0;
  for (const [, shape] of tensors) {
    let left = 2 * shape.reduce((product, size) => product * size, 1);
    // Norm weights are ones.
    if (shape.length === 1) {
      writeSync(handle, new Uint8Array(new Uint16Array(left / 2).fill(0x3f80).buffer));
      continue;
    }
    for (; left > 0; shift = (shift + 1234568) % (noise.length / 2)) {
      const count = Math.min(left, noise.length - shift);
      writeSync(handle, noise, shift, count);
      left -= count;
    }
  }
  closeSync(handle);
  return offset;
}

function writeCheckpoint(folder) {
  const noise = pool();
  const config = {
    architectures: ['LlamaForCausalLM'],
    model_type: 'llama',
    hidden_size: HIDDEN,
    intermediate_size: MLP,
    num_attention_heads: 32,
    num_key_value_heads: 8,
    num_hidden_layers: LAYERS,
    vocab_size: VOCABULARY,
    rms_norm_eps: 1e-5,
    rope_theta: 500000,
    max_position_embeddings: 8192,
    hidden_act: 'silu',
    tie_word_embeddings: false,
    torch_dtype: 'bfloat16',
    attention_bias: false,
  };
  writeFileSync(join(folder, 'config.json'), JSON.stringify(config));
  const layer = (i) =>
    [
      ['input_layernorm.weight', [HIDDEN]],
      ['post_attention_layernorm.weight', [HIDDEN]],
      ['self_attn.q_proj.weight', [HIDDEN, HIDDEN]],
      ['self_attn.k_proj.weight', [KV, HIDDEN]],
      ['self_attn.v_proj.weight', [KV, HIDDEN]],
      ['self_attn.o_proj.weight', [HIDDEN, HIDDEN]],
      ['mlp.gate_proj.weight', [MLP, HIDDEN]],
      ['mlp.up_proj.weight', [MLP, HIDDEN]],
      ['mlp.down_proj.weight', [HIDDEN, MLP]],
    ].map(([name, shape]) => [`model.layers.${i}.${name}`, shape]);
  const shards = [
    [['model.embed_tokens.weight', [VOCABULARY, HIDDEN]]],
    ...Array.from({ length: LAYERS }, (_, i) => layer(i)),
    [
      ['model.norm.weight', [HIDDEN]],
      ['lm_head.weight', [VOCABULARY, HIDDEN]],
    ],
  ];
  const map = {};
  shards.forEach((tensors, i) => {
    const file = `model-${String(i + 1).padStart(5, '0')}-of-${String(shards.length).padStart(5, '0')}.safetensors`;
    writeShard(join(folder, file), tensors, noise);
    for (const [name] of tensors) map[name] = file;
  });
  writeFileSync(join(folder, 'model.safetensors.index.json'), JSON.stringify({ metadata: {}, weight_map: map }));
}

/** Seconds, peak resident bytes (Linux) and what was printed. */
function run(command, args) {
  return new Promise((done, fail) => {
    const start = performance.now();
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let [out, err, peak] = ['', '', 0];
    child.stdout.on('data', (text) => (out += text));
    child.stderr.on('data', (text) => (err += text));
    const timer = setInterval(() => {
      try {
        peak = Math.max(
          peak,
          1024 * Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1] ?? 0),
        );
      } catch {
        // It has ended.
      }
    }, 10);
    child.on('error', fail);
    child.on('close', (code) => {
      clearInterval(timer);
      if (code === 0) done({ seconds: (performance.now() - start) / 1000, peak, out, err });
      else fail(new Error(`${command} ${args.join(' ')}: ${code}\n${err}`));
    });
  });
}

const mib = (bytes) => `${Math.round(bytes / 1024 ** 2)} MiB`;
const forget = (folder) =>
  Promise.all(readdirSync(folder).map((name) => run('dd', [`if=${join(folder, name)}`, 'iflag=nocache', 'count=0'])));

async function measure(name, args, limit) {
  for (const round of ['cold', 'second', 'third']) {
    if (round === 'cold') await forget(folder);
    const { seconds, peak } = await run(process.execPath, [
      CLI,
      'heads',
      folder,
      '--ids',
      IDS,
      '--out',
      join(folder, 'out.json'),
      ...args,
    ]);
    console.log(`${name}, ${round}: ${seconds.toFixed(2)} s, peak ${mib(peak)} (limits: ${limit})`);
  }
}

/**
 * All layers after each other, first from the disk, then from the system's cache: as a run reads them (bf16 widened to float32 in the memory that
 * the engine takes), by the same calls without keeping anything, and by dd; wall clock, and per second of CPU.
 */
async function measureReading() {
  const shards = readdirSync(folder)
    .filter((name) => name.endsWith('.safetensors'))
    .sort()
    .slice(1, 1 + LAYERS)
    .map((name) => join(folder, name));
  const middle = (list) => list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)] / 1024 ** 2;
  const worked = async (...args) => JSON.parse((await run(process.execPath, [worker, ...args])).out);
  for (const round of ['cold', 'cached', 'cached', 'cached']) {
    const before = () => (round === 'cold' ? forget(folder) : worked('raw', ...shards));
    await before();
    const ours = await worked('read', folder);
    await before();
    const raw = await worked('raw', ...shards);
    await before();
    const theirs = [];
    for (const shard of shards) theirs.push(ddRate((await run('dd', [`if=${shard}`, 'of=/dev/null', 'bs=2M'])).err));
    const dd = middle(theirs);
    const words = (name, { rates, perCpuSecond }) =>
      `${name} ${middle(rates).toFixed(0)} MiB/s (${(middle(rates) / dd).toFixed(2)} of dd; ${(perCpuSecond / 1024 ** 2).toFixed(0)} MiB per second of CPU)`;
    console.log(
      `reading, ${round}: ${words('read and widened', ours)}, ${words('read only', raw)}, dd ${dd.toFixed(0)} MiB/s; limit for the first: 0.5 of dd`,
    );
  }
}

function ddRate(words) {
  const [, bytes, seconds] = /(\d+) bytes.*?([\d.]+) s,/.exec(words) ?? [];
  return Number(bytes) / Number(seconds);
}

const checkout = resolve(import.meta.dirname, '../..');
/** Beside the tensor libraries, where they are found. */
const bundles = mkdtempSync(join(checkout, 'node_modules', '.headlight-bench-'));
const worker = join(bundles, 'worker.js');
await build({
  entryPoints: [join(checkout, 'test/bench/headsWorker.ts')],
  outfile: worker,
  bundle: true,
  platform: 'node',
  format: 'cjs',
  target: 'node20',
  mainFields: ['module', 'main'],
  external: ['onnxruntime-node', 'onnxruntime-web', '@tensorflow/*'],
  logLevel: 'error',
});
const given = option('folder', null);
const folder = given ?? mkdtempSync(join(tmpdir(), 'headlight-bench-'));
try {
  mkdirSync(folder, { recursive: true });
  if (!existsSync(join(folder, 'config.json'))) writeCheckpoint(folder);
  const total = readdirSync(folder).reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
  console.log(`${LAYERS} layers, ${mib(total)} in ${folder}`);
  const all = option('only', 'all') === 'all';
  if (all) await measure('K and V of layer 0', ['--layer', '0', '--dump', 'k,v'], '3 s, 700 MB');
  await measureReading();
  if (all) await measureRest();
} finally {
  rmSync(bundles, { recursive: true, force: true });
  if (given === null && !process.argv.includes('--keep')) rmSync(folder, { recursive: true, force: true });
}

async function measureRest() {
  await measure(`hidden state of layer ${LAYERS - 1}`, ['--layer', String(LAYERS - 1), '--dump', 'hidden'], '2.5 GB');
  for (const [name, task, tokens, limit] of [
    ['overview of 32 heads over 8,192 tokens', 'overview', '8192', '1 GB'],
    ['measures of 32 heads over 2,048 tokens', 'measures', '2048', '3 s'],
  ]) {
    const { seconds, cpuSeconds, peak } = JSON.parse((await run(process.execPath, [worker, task, tokens])).out);
    console.log(
      `${name}: ${seconds.toFixed(1)} s (${cpuSeconds.toFixed(1)} s of CPU), peak ${mib(peak)} (limit: ${limit})`,
    );
  }
}
