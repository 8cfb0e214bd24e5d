/**
 * The check of a GPU (`npm run gpu:pack`): what there is, whether every kind of layer is right on it, how fast, and beside PyTorch. Prints one
 * JSON, which is written after each part, so that a machine that is taken away leaves what was found until then.
 *   --out FILE       default gpu-check.json in the folder where it is started
 *   --seconds N      it ends within this time, default 345
 *   --small          sizes that a processor that stands in for a GPU computes
 *   --only WORDS     parts, by comma: grid, profile, bench
 *   --no-pytorch     without PyTorch beside it, also where it is there
 */

import { type ChildProcess, fork } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { type BenchCase, caseWork } from '../../src/compute/bench/cases';
import { gpuCases, MOST_REFERENCE_FLOPS, smallCase } from '../../src/compute/bench/gpuCases';
import { type GpuRatio, gpuRatios } from '../../src/compute/bench/gpuRatios';
import { type BenchPeer, nodePeer, pythonWithTorch, pytorchPeer } from '../../src/compute/bench/peers';
import { bestRates, type CaseResult, runCase } from '../../src/compute/bench/runCase';
import { createEngine } from '../../src/compute/engines/createEngine';
import { errorSentence } from '../../src/compute/engines/engine';
import { computeThreads, machineName } from '../../src/compute/machine';
import { probeDevices } from '../../src/compute/probeDevices';
import { DEVICES } from '../../src/serving/hardware';
import type { DeviceReport } from '../../src/shared/devices';
import type { EngineId } from '../../src/shared/engineIds';
import { type GridCase, gridCases, type GridResult, runGridCase } from './grid';
import {
  type Adapter,
  adapters,
  findCuda,
  findVulkan,
  type LibraryReport,
  LOAD_ARGUMENT,
  loadHere,
  pythons,
} from './loaders';
import { profileStep, type StepProfile } from './profile';

const GRID_ARGUMENT = 'grid';
const PROFILE_ARGUMENT = 'profile';
const HERE = dirname(resolve(process.argv[1] ?? '.'));
/** Set by gpu-check.sh's pack: where things of it are. */
const COMPUTE = join(HERE, 'compute.js');

interface Report {
  readonly started: string;
  seconds: number;
  /** False where time ran out, or a part failed. */
  complete: boolean;
  readonly machine: string;
  readonly node: string;
  onnxruntime: string;
  adapters: readonly Adapter[];
  libraries: readonly LibraryReport[];
  /** How Vulkan was reached; null where no driver answered. */
  vulkan: string | null;
  providers: readonly DeviceReport[];
  /** What is to be had for what did not work. */
  missing: string[];
  grid: GridSummary[];
  profiles: StepProfile[];
  bench: CaseResult[];
  ratios: readonly GpuRatio[];
  pytorch: string;
  readonly notes: string[];
}

interface GridSummary {
  readonly engine: EngineId;
  readonly float32: GridPart;
  readonly float16: GridPart;
}

interface GridPart {
  readonly right: number;
  readonly wrong: number;
  readonly notRun: number;
  readonly largestError: number | null;
  /** Null where it is offered. */
  readonly notOffered: string | null;
  readonly failures: readonly GridResult[];
}

class OutOfTime extends Error {}

/** Ends what it started, whatever that does. */
class Clock {
  readonly start = performance.now();
  readonly children = new Set<ChildProcess>();

  constructor(private readonly seconds: number) {}

  get elapsed(): number {
    return (performance.now() - this.start) / 1e3;
  }

  get left(): number {
    return this.seconds - this.elapsed;
  }

  check(): void {
    if (this.left <= 0) throw new OutOfTime();
  }
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      out: { type: 'string', default: 'gpu-check.json' },
      seconds: { type: 'string', default: '345' },
      small: { type: 'boolean', default: false },
      only: { type: 'string', default: 'grid,profile,bench' },
      'no-pytorch': { type: 'boolean', default: false },
    },
  });
  const out = resolve(values.out);
  const clock = new Clock(Number(values.seconds));
  const scratch = mkdtempSync(join(tmpdir(), 'headlight-gpu-'));
  const report: Report = {
    started: new Date().toISOString(),
    seconds: 0,
    complete: false,
    machine: machineName(),
    node: process.versions.node,
    onnxruntime: '',
    adapters: [],
    libraries: [],
    vulkan: null,
    providers: [],
    missing: [],
    grid: [],
    profiles: [],
    bench: [],
    ratios: [],
    pytorch: 'not looked for',
    notes: [],
  };
  const save = (): void => {
    report.seconds = Math.round(clock.elapsed * 10) / 10;
    mkdirSync(dirname(out), { recursive: true });
    writeFileSync(`${out}.partial`, JSON.stringify(report, null, 1));
    renameSync(`${out}.partial`, out);
  };
  const end = (): never => {
    save();
    for (const child of clock.children) child.kill('SIGKILL');
    rmSync(scratch, { recursive: true, force: true });
    process.stdout.write(`${JSON.stringify(report, null, 1)}\n`);
    process.exit(report.providers.some(({ refused }) => refused) || report.grid.some(isWrong) ? 1 : 0);
  };
  // What hangs is left behind.
  setTimeout(() => {
    report.notes.push(`time ran out after ${values.seconds} s: what is missing here was not reached`);
    end();
  }, clock.left * 1e3);
  try {
    await find(report, values.small, clock, scratch, save);
    const engine = engineOf(report, values.small);
    if (engine === null) report.notes.push('no GPU provider works here: nothing was computed on one');
    else
      await measure(report, engine, clock, scratch, save, {
        small: values.small,
        parts: values.only.split(','),
        pytorch: !values['no-pytorch'],
      });
    report.complete = true;
  } catch (error) {
    report.notes.push(
      error instanceof OutOfTime ? `time ran out after ${values.seconds} s` : `stopped: ${errorSentence(error)}`,
    );
  }
  end();
}

function isWrong({ float32, float16 }: GridSummary): boolean {
  return float32.wrong + float16.wrong > 0;
}

const tell = (line: string): void => void process.stderr.write(`${line}\n`);

/** Libraries, providers, and why not others. */
async function find(report: Report, small: boolean, clock: Clock, scratch: string, save: () => void): Promise<void> {
  const script = resolve(process.argv[1] ?? '');
  const native = join(HERE, 'node_modules', 'onnxruntime-node');
  const { version } = JSON.parse(readFileSync(join(native, 'package.json'), 'utf8')) as { readonly version: string };
  report.onnxruntime = version;
  report.adapters = await adapters();
  const vulkan = await findVulkan(script, join(HERE, 'lib'), scratch);
  const cuda = await findCuda(script, join(native, 'bin', 'napi-v6', 'linux', 'x64'), version);
  report.libraries = [...vulkan.libraries, ...cuda];
  save();
  const signal = new AbortController().signal;
  const probe = async (engines: readonly EngineId[]): Promise<readonly DeviceReport[]> =>
    probeDevices(
      COMPUTE,
      { signal, progress: ({ message }) => tell(`probing ${message}`) },
      engines,
      // A software adapter compiles shaders for seconds, on a busy machine for a minute.
      (small ? 120 : 45) * 1e3,
    );
  const [cpu] = await probe(['onnxruntime-cpu']);
  let webgpu: DeviceReport | undefined;
  for (const way of vulkan.ways) {
    clock.check();
    const before = { ...process.env };
    Object.assign(process.env, way.environment);
    const [found] = await probe(['onnxruntime-webgpu']);
    if (!found) continue;
    // A driver of hardware ends the search; a software adapter is kept while nothing better comes.
    if (found.available && (found.kind === 'gpu' || !webgpu?.available)) {
      webgpu = found;
      report.vulkan = way.what;
      if (found.kind === 'gpu') break;
    } else {
      webgpu ??= found;
      report.notes.push(`${way.what}: ${found.reason ?? 'no adapter'}`);
      for (const name of Object.keys(way.environment)) Reflect.deleteProperty(process.env, name);
      Object.assign(process.env, before);
    }
  }
  webgpu ??= (await probe(['onnxruntime-webgpu']))[0];
  const others = cuda.every(({ loads }) => loads) ? await probe(['onnxruntime-cuda']) : [];
  report.providers = [cpu, webgpu, ...others].filter((each) => each !== undefined);
  if (!webgpu?.available) {
    const lacking = vulkan.libraries.filter(({ loads }) => !loads);
    report.missing.push(...lacking.map(({ library, reason, from }) => `WebGPU: ${library} (${from}): ${reason ?? ''}`));
    if (vulkan.ways.length === 0) report.missing.push('WebGPU: no Vulkan driver that loads');
  }
  report.missing.push(
    ...cuda
      .filter(({ loads }) => !loads)
      .map(({ library, reason, from }) => `CUDA: ${library} (${from}): ${reason ?? ''}`),
  );
  report.notes.push(
    'graphs are not captured: the Node binding of onnxruntime 1.30 refuses the option (WebGPU: "unrecognized option: enableGraphCapture"; CUDA: the device id is all it takes)',
    'a step is timed with the fetching of its output to the processor; PyTorch until torch.cuda.synchronize returns',
  );
  save();
}

/** The fastest GPU provider that is right; a software adapter only for the small sizes. */
function engineOf({ providers }: Report, small: boolean): EngineId | null {
  const usable = providers.filter(
    ({ available, kind, engine }) => available && engine !== 'onnxruntime-cpu' && (kind === 'gpu' || small),
  );
  return usable.toSorted((a, b) => (b.proof?.gflops ?? 0) - (a.proof?.gflops ?? 0))[0]?.engine ?? null;
}

interface Measuring {
  readonly small: boolean;
  readonly parts: readonly string[];
  readonly pytorch: boolean;
}

async function measure(
  report: Report,
  engine: EngineId,
  clock: Clock,
  scratch: string,
  save: () => void,
  { small, parts, pytorch }: Measuring,
): Promise<void> {
  if (parts.includes('grid')) {
    const limit = Math.min(small ? 240 : 100, clock.left);
    report.grid.push(await grid(engine, small, clock, limit, (summary) => (report.grid = [summary])));
    report.grid = report.grid.slice(-1);
    save();
  }
  const float16 = report.grid[0]?.float16.notOffered == null;
  const all = gpuCases().filter(({ precision }) => float16 || precision !== 'float16');
  const cases = small ? all.filter(isQuick).slice(0, 3).map(smallCase) : all;
  const card = cardOf(report.adapters[0]?.name ?? null);
  const bench = async (some: readonly BenchCase[], peers: Peers): Promise<void> => {
    for (const test of some) {
      clock.check();
      await benchCase(report, test, peers, clock);
      const rates = bestRates(report.bench.filter((result) => result.engine === engine));
      report.ratios = gpuRatios(report.bench, engine, card, rates);
      save();
    }
  };
  if (!parts.includes('bench') && !parts.includes('profile')) return;
  const peers = openPeers(report, engine, small, pytorch ? await pythonWithTorch(pythons()) : null, clock);
  try {
    const first = cases.slice(0, 6);
    if (parts.includes('bench')) await bench(first, peers);
    if (parts.includes('profile')) {
      for (const test of small ? cases.slice(0, 1) : [cases[0], cases[float16 ? 2 : 1]]) {
        clock.check();
        if (!test) continue;
        const bytesPerS = card?.bandwidthBytesPerS ?? null;
        const profile = await profileApart(
          test,
          engine,
          scratch,
          { bytes: caseWork(test).bytesRead, bytesPerS },
          clock,
        );
        if (typeof profile === 'string') report.notes.push(`no profile of ${test.name}: ${profile}`);
        else report.profiles.push(profile);
        save();
      }
    }
    if (parts.includes('bench')) await bench(cases.slice(6), peers);
  } finally {
    for (const peer of peers.all) peer.close();
  }
}

/** Without the operators whose shaders a software adapter compiles for seconds. */
function isQuick({ fused, precision }: BenchCase): boolean {
  return fused !== true && precision === 'float32';
}

function cardOf(name: string | null): (typeof DEVICES)[number] | null {
  if (name === null) return null;
  const words = (text: string): readonly string[] => text.toUpperCase().split(/[^A-Z0-9]+/);
  return (
    DEVICES.find((device) => words(device.name).some((word) => /\d/.test(word) && words(name).includes(word))) ?? null
  );
}

interface Peers {
  readonly timed: readonly BenchPeer[];
  /** Computes what is compared with. */
  readonly reference: BenchPeer;
  readonly all: readonly BenchPeer[];
}

function openPeers(report: Report, engine: EngineId, small: boolean, python: string | null, clock: Clock): Peers {
  const options = { script: COMPUTE, threads: computeThreads(), tensorflowPath: null };
  report.pytorch = python === null ? `no Python with torch and numpy among ${pythons().join(', ') || 'none'}` : python;
  const device = report.adapters.length > 0 ? 'cuda' : 'cpu';
  const torch = python !== null ? [pytorchPeer(python, join(HERE, 'pytorch_peer.py'), options.threads, device)] : [];
  const timed = [nodePeer(engine, options), ...torch];
  const reference = nodePeer('onnxruntime-cpu', options);
  tell(`${timed.length} peers, ${small ? 'small' : 'full'} sizes, ${Math.round(clock.left)} s left`);
  return { timed, reference, all: [...timed, reference] };
}

/** K and V of more are not made: making them takes longer than measuring. */
const MOST_CACHE_BYTES = 4.5 * 2 ** 30;

async function benchCase(report: Report, test: BenchCase, { timed, reference }: Peers, clock: Clock): Promise<void> {
  const label = `${test.name} ${test.variant}`;
  const { flops, bytesRead } = caseWork({ ...test, precision: 'float32' });
  if (bytesRead > MOST_CACHE_BYTES) {
    report.notes.push(
      `${label}: not run, weights and cache of ${(bytesRead / 2 ** 30).toFixed(1)} GiB take longer to make than is left for them`,
    );
    return;
  }
  const versions: Record<string, string> = {};
  const deadline = new Promise<never>((_, reject) => {
    const timer = setTimeout(() => reject(new OutOfTime()), Math.max(0, clock.left - 2) * 1e3);
    timer.unref();
  });
  const run = runCase(test, timed, {
    rounds: 5,
    versions,
    ...(flops <= MOST_REFERENCE_FLOPS ? { reference } : {}),
    remark: (engine, text) => report.notes.push(`${label}, ${engine}: ${text}`),
    absent: (engine, reason) => report.notes.push(`${label}: ${engine} is absent: ${reason}`),
    progress: (line) => tell(`${clock.elapsed.toFixed(0)} s  ${label}: ${line}`),
    check: () => clock.check(),
  });
  report.bench.push(...(await Promise.race([run, deadline])));
  for (const [engine, version] of Object.entries(versions)) {
    const note = `${engine}: ${version}`;
    if (!report.notes.includes(note)) report.notes.push(note);
  }
}

function summaryOf(results: readonly GridResult[], precision: GridResult['precision'], cases: number): GridPart {
  const own = results.filter((result) => result.precision === precision);
  const ran = own.filter(({ error }) => error !== null);
  const failures = own.filter(({ right }) => !right);
  const notOffered = ran.length === 0 && own.length > 0 ? (own[0]?.reason ?? 'it does not run') : null;
  return {
    right: own.length - failures.length,
    wrong: notOffered === null ? failures.length : 0,
    notRun: cases - own.length,
    largestError: ran.length === 0 ? null : Math.max(...ran.map(({ error }) => error ?? 0)),
    notOffered,
    failures: notOffered === null ? failures : failures.slice(0, 1),
  };
}

/** In a process of its own, which is ended with its time; what it found until then counts. */
function grid(
  engine: EngineId,
  small: boolean,
  clock: Clock,
  seconds: number,
  onResult: (summary: GridSummary) => void,
): Promise<GridSummary> {
  const cases = gridCases(small);
  const count = (precision: GridResult['precision']): number =>
    cases.filter((test) => test.precision === precision).length;
  const results: GridResult[] = [];
  const summary = (): GridSummary => ({
    engine,
    float32: summaryOf(results, 'float32', count('float32')),
    float16: summaryOf(results, 'float16', count('float16')),
  });
  return new Promise((done) => {
    const child = fork(resolve(process.argv[1] ?? ''), [GRID_ARGUMENT, engine, small ? 'small' : 'all'], {
      execArgv: [],
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    clock.children.add(child);
    const finish = (): void => {
      clearTimeout(timer);
      clock.children.delete(child);
      child.removeAllListeners();
      child.kill('SIGKILL');
      done(summary());
    };
    const timer = setTimeout(finish, seconds * 1e3);
    child.on('message', (message) => {
      results.push(message as unknown as GridResult);
      if (results.length % 10 === 1) tell(`grid on ${engine}: ${results.length} of ${cases.length}`);
      onResult(summary());
    });
    child.on('exit', finish);
    child.on('error', finish);
  });
}

/** float16 that is not offered fails at its first layer: the others are not tried. */
async function serveGrid(id: EngineId, small: boolean): Promise<void> {
  const engine = createEngine(id, { threads: computeThreads() });
  const send = (result: GridResult): Promise<void> =>
    new Promise((sent) => {
      process.send?.(result, undefined, undefined, () => sent());
    });
  let first16: GridResult | null = null;
  for (const test of gridCases(small) satisfies readonly GridCase[]) {
    if (first16?.error === null) break;
    const result = await runGridCase(engine, test);
    if (test.precision === 'float16') first16 ??= result;
    await send(result);
  }
  process.exit(0);
}

function profileApart(
  test: BenchCase,
  engine: EngineId,
  scratch: string,
  reading: { readonly bytes: number; readonly bytesPerS: number | null },
  clock: Clock,
): Promise<StepProfile | string> {
  return new Promise((done) => {
    const folder = mkdtempSync(join(scratch, 'profile-'));
    const child = fork(
      resolve(process.argv[1] ?? ''),
      [PROFILE_ARGUMENT, JSON.stringify({ test, engine, folder, reading })],
      { execArgv: [], stdio: ['ignore', 'ignore', 'ignore', 'ipc'] },
    );
    clock.children.add(child);
    const finish = (result: StepProfile | string): void => {
      clearTimeout(timer);
      clock.children.delete(child);
      child.removeAllListeners();
      child.kill('SIGKILL');
      done(result);
    };
    const timer = setTimeout(() => finish('it took too long'), Math.min(40, Math.max(1, clock.left)) * 1e3);
    child.on('message', (message) => finish(message as unknown as StepProfile | string));
    child.on('exit', (code, signal) => finish(`its process ended (${signal ?? code ?? '?'})`));
    child.on('error', (error) => finish(error.message));
  });
}

async function serveProfile(text: string): Promise<void> {
  const { test, engine, folder, reading } = JSON.parse(text) as {
    readonly test: BenchCase;
    readonly engine: EngineId;
    readonly folder: string;
    readonly reading: { readonly bytes: number; readonly bytesPerS: number | null };
  };
  const result = await profileStep(test, engine, folder, reading).catch((error: unknown) => errorSentence(error));
  process.send?.(result);
}

const [, , task, argument = '', more = ''] = process.argv;
if (task === LOAD_ARGUMENT) process.send?.({ reason: loadHere(argument) });
else if (task === GRID_ARGUMENT) void serveGrid(argument as EngineId, more === 'small');
else if (task === PROFILE_ARGUMENT) void serveProfile(argument);
else void main();
