/**
 * The check of a GPU (`npm run gpu:pack`): what there is, whether every kind of layer is right on it, how fast, and beside PyTorch. Prints one
 * JSON (docs/gpu-check.md), which is written after each part, so that a machine that is taken away leaves what was found until then.
 *   --out FILE       default gpu-check.json in the folder where it is started
 *   --seconds N      it ends within this time, default 345
 *   --small          sizes that a processor that stands in for a GPU computes
 *   --only WORDS     parts, by comma: grid, profile, bench
 *   --no-pytorch     without PyTorch beside it, also where it is there
 * Nothing here has more time than is named below: a driver that hangs costs its part, and what comes after it is measured.
 */

import { type ChildProcess, fork } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
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
import { gridCases, type GridResult, runGridCase } from './grid';
import {
  type Adapter,
  adapters,
  type DeviceFiles,
  deviceFiles,
  findCuda,
  findVulkan,
  lackingCuda,
  lackingVulkan,
  type LibraryReport,
  LOAD_ARGUMENT,
  loadHere,
  pythons,
} from './loaders';
import { profileStep, type StepProfile } from './profile';

/** Of the JSON: a number for who reads it by a program. */
const FORMAT = 1;
/** 0 all right on a GPU; these else. */
const [WRONG_NUMBERS, NO_GPU, ENDED] = [1, 3, 143];
/** A case of the grid, and one of the bench: its tensors are made, uploaded and run by each peer. A software adapter compiles for long. */
const [LONGEST_LAYER_S, LONGEST_CASE_S, SMALL_TIMES] = [20, 60, 4];
/** Processes that one grid may cost. */
const MOST_GRID_PROCESSES = 6;
const GRID_ARGUMENT = 'grid';
const PROFILE_ARGUMENT = 'profile';
const HERE = dirname(resolve(process.argv[1] ?? '.'));
/** Set by gpu-check.sh's pack: where things of it are. */
const COMPUTE = join(HERE, 'compute.js');

interface Report {
  readonly format: typeof FORMAT;
  readonly started: string;
  seconds: number;
  /** False where time ran out, or a part failed. */
  complete: boolean;
  readonly machine: string;
  readonly node: string;
  onnxruntime: string;
  adapters: readonly Adapter[];
  readonly deviceFiles: DeviceFiles;
  libraries: readonly LibraryReport[];
  /** How Vulkan was reached; null where no driver answered. */
  vulkan: string | null;
  providers: readonly DeviceReport[];
  /** What is measured, and why; null where no GPU provider works. */
  engine: { readonly id: EngineId; readonly reason: string } | null;
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
  private readonly start = performance.now() - unpackedMs();
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

/** Since gpu-check.sh began: unpacking counts. A clock that is set meanwhile must not. */
function unpackedMs(): number {
  const began = Number(process.env['HEADLIGHT_CHECK_BEGAN']) * 1e3;
  const ms = Date.now() - began;
  return ms > 0 && ms < 120e3 ? ms : 0;
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
    format: FORMAT,
    started: new Date().toISOString(),
    seconds: 0,
    complete: false,
    machine: machineName(),
    node: process.versions.node,
    onnxruntime: '',
    adapters: [],
    deviceFiles: deviceFiles(),
    libraries: [],
    vulkan: null,
    providers: [],
    engine: null,
    missing: [],
    grid: [],
    profiles: [],
    bench: [],
    ratios: [],
    pytorch: 'not looked for',
    notes: [],
  };
  let unwritten = false;
  const save = (): void => {
    report.seconds = Math.round(clock.elapsed * 10) / 10;
    try {
      // One folder, not those above it: Node tries for ever to make one in /proc.
      if (!existsSync(dirname(out))) mkdirSync(dirname(out));
      writeFileSync(`${out}.partial`, JSON.stringify(report, null, 1));
      renameSync(`${out}.partial`, out);
    } catch (error) {
      // What is printed at the end is all there will be.
      if (!unwritten) report.notes.push(`the file is not written: ${errorSentence(error)}`);
      unwritten = true;
    }
  };
  let ending = false;
  const end = (code: number): void => {
    if (ending) return;
    ending = true;
    save();
    for (const child of clock.children) child.kill('SIGKILL');
    rmSync(scratch, { recursive: true, force: true });
    // A pipe takes it in pieces: ended at once, the process would keep what it has not given.
    process.stdout.write(`${JSON.stringify(report, null, 1)}\n`, () => process.exit(code));
  };
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const)
    process.on(signal, () => {
      report.notes.push(`ended by ${signal}: what is missing here was not reached`);
      end(ENDED);
    });
  const verdict = (): number => {
    if (report.providers.some(({ refused }) => refused) || report.grid.some(isWrong)) return WRONG_NUMBERS;
    return report.engine === null ? NO_GPU : 0;
  };
  save();
  // What hangs is left behind.
  setTimeout(() => {
    report.notes.push(`time ran out after ${values.seconds} s: what is missing here was not reached`);
    end(verdict());
  }, Math.max(0, clock.left) * 1e3);
  try {
    await find(report, values.small, clock, scratch, save);
    report.engine = engineOf(report, values.small);
    if (report.engine === null) report.notes.push('no GPU provider works here: nothing was computed on one');
    else
      await measure(report, report.engine.id, clock, scratch, save, {
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
  end(verdict());
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
  save();
  const vulkan = await findVulkan(script, join(HERE, 'lib'), scratch);
  const cuda = await findCuda(script, join(native, 'bin', 'napi-v6', 'linux', 'x64'), version);
  report.libraries = [...vulkan.libraries, ...cuda.libraries];
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
  if (cpu) report.providers = [cpu];
  save();
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
      save();
      for (const name of Object.keys(way.environment)) Reflect.deleteProperty(process.env, name);
      Object.assign(process.env, before);
    }
  }
  webgpu ??= (await probe(['onnxruntime-webgpu']))[0];
  const others = cuda.libraries.every(({ loads }) => loads) ? await probe(['onnxruntime-cuda']) : [];
  report.providers = [cpu, webgpu, ...others].filter((each) => each !== undefined);
  if (!webgpu?.available) {
    const lacking = vulkan.libraries.filter(({ loads }) => !loads);
    report.missing.push(...lacking.map(({ library, reason, from }) => `WebGPU: ${library} (${from}): ${reason ?? ''}`));
    report.missing.push(...lackingVulkan(vulkan, report.adapters, report.deviceFiles));
  }
  report.missing.push(...lackingCuda(cuda, version));
  report.notes.push(
    `graphs are not captured: the Node binding of onnxruntime ${version} refuses the option (WebGPU: "unrecognized option: enableGraphCapture"; CUDA: the device id is all it takes)`,
    'a step is timed with the fetching of its output to the processor; PyTorch until torch.cuda.synchronize returns',
  );
  save();
}

/** WebGPU where it works, since there K and V stay on the device; a software adapter only for the small sizes. */
function engineOf({ providers }: Report, small: boolean): Report['engine'] {
  const usable = providers.filter(
    ({ available, kind, engine }) => available && engine !== 'onnxruntime-cpu' && (kind === 'gpu' || small),
  );
  const id = usable.find(({ engine }) => engine === 'onnxruntime-webgpu')?.engine ?? usable[0]?.engine;
  if (id === undefined) return null;
  const reason =
    id === 'onnxruntime-webgpu'
      ? 'it is right, and K and V stay on the device between steps'
      : 'WebGPU does not work here; with this one a cache goes to the device and back in every step';
  return { id, reason };
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
    const found = (summary: GridSummary): void => {
      report.grid = [summary];
      save();
    };
    found(await grid(engine, small, clock, limit, found));
  }
  const float16 = report.grid[0]?.float16.notOffered == null;
  const all = gpuCases().filter(({ precision }) => float16 || precision !== 'float16');
  const cases = small ? all.filter(isQuick).filter(isSmall).map(smallCase) : all;
  const card = cardOf(report.adapters[0]?.name ?? null);
  const bench = async (some: readonly BenchCase[]): Promise<void> => {
    for (const test of some) {
      clock.check();
      peers ??= openPeers(report, engine, small, python, clock);
      const ended = await benchCase(report, test, peers, clock, LONGEST_CASE_S * (small ? SMALL_TIMES : 1));
      // What hangs takes no other case: the next one has new processes.
      if (!ended) peers = closePeers(peers);
      const rates = bestRates(report.bench.filter((result) => result.engine === engine));
      report.ratios = gpuRatios(report.bench, engine, card, rates);
      save();
    }
  };
  if (!parts.includes('bench') && !parts.includes('profile')) return;
  const python = pytorch ? await pythonWithTorch(pythons()) : null;
  let peers: Peers | null = null;
  try {
    const first = cases.slice(0, 6);
    if (parts.includes('bench')) await bench(first);
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
    if (parts.includes('bench')) await bench(cases.slice(6));
  } finally {
    closePeers(peers);
  }
}

function closePeers(peers: Peers | null): null {
  for (const peer of peers?.all ?? []) peer.close();
  return null;
}

/** A case of each kind of cache. */
function isSmall({ name, core }: BenchCase): boolean {
  return core || name === 'decode-32768-window-4096';
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

/** False where its time was over: then its peers still run. */
async function benchCase(
  report: Report,
  test: BenchCase,
  { timed, reference }: Peers,
  clock: Clock,
  longestS: number,
): Promise<boolean> {
  const label = `${test.name} ${test.variant}`;
  const { flops, bytesRead } = caseWork({ ...test, precision: 'float32' });
  if (bytesRead > MOST_CACHE_BYTES) {
    report.notes.push(
      `${label}: not run, weights and cache of ${(bytesRead / 2 ** 30).toFixed(1)} GiB take longer to make than is left for them`,
    );
    return true;
  }
  const versions: Record<string, string> = {};
  let last = 'before it began';
  const run = runCase(test, timed, {
    rounds: 5,
    versions,
    ...(flops <= MOST_REFERENCE_FLOPS ? { reference } : {}),
    remark: (engine, text) => report.notes.push(`${label}, ${engine}: ${text}`),
    absent: (engine, reason) => report.notes.push(`${label}: ${engine} is absent: ${reason}`),
    progress: (line) => {
      last = line;
      tell(`${clock.elapsed.toFixed(0)} s  ${label}: ${line}`);
    },
    check: () => clock.check(),
  });
  const seconds = Math.min(longestS, Math.max(0, clock.left - 2));
  const results = await within(run, seconds);
  if (results === null) {
    clock.check();
    report.notes.push(`${label}: given up after ${Math.round(seconds)} s (${last})`);
    return false;
  }
  report.bench.push(...results);
  for (const [engine, version] of Object.entries(versions)) {
    const note = `${engine}: ${version}`;
    if (!report.notes.includes(note)) report.notes.push(note);
  }
  return true;
}

/** Null where it takes longer. */
async function within<T>(work: Promise<T>, seconds: number): Promise<T | null> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<null>((resolve) => (timer = setTimeout(() => resolve(null), seconds * 1e3)));
  // What comes after its time, comes to nobody.
  work.catch(() => undefined);
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
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

/**
 * In a process of its own, which is ended with its time; what it found until then counts. A layer that ends the process, or hangs, is a failure
 * of that layer: another process goes on after it.
 */
async function grid(
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
  const until = clock.elapsed + seconds;
  const longest = LONGEST_LAYER_S * (small ? SMALL_TIMES : 1);
  for (let tries = 0; tries < MOST_GRID_PROCESSES && results.length < cases.length; tries++) {
    const left = until - clock.elapsed;
    if (left <= 0) break;
    const how = await gridProcess(engine, small, clock, results.length, { left, longest }, (result) => {
      results.push(result);
      if (results.length % 10 === 1) tell(`grid on ${engine}: ${results.length} of ${cases.length}`);
      onResult(summary());
    });
    const next = cases[results.length];
    if (how === null || !next) break;
    results.push({ label: next.label, precision: next.precision, error: null, right: false, reason: how });
  }
  return summary();
}

/** From case `first` on, until it ends: null where it came to its own end or out of time, else how a layer ended it. */
function gridProcess(
  engine: EngineId,
  small: boolean,
  clock: Clock,
  first: number,
  { left, longest }: { readonly left: number; readonly longest: number },
  onResult: (result: GridResult) => void,
): Promise<string | null> {
  return new Promise((done) => {
    const child = fork(
      resolve(process.argv[1] ?? ''),
      [GRID_ARGUMENT, engine, small ? 'small' : 'all', String(first)],
      { execArgv: [], stdio: ['ignore', 'ignore', 'inherit', 'ipc'] },
    );
    clock.children.add(child);
    const finish = (how: string | null): void => {
      clearTimeout(timer);
      clearTimeout(waiting);
      clock.children.delete(child);
      child.removeAllListeners();
      child.kill('SIGKILL');
      done(how);
    };
    const timer = setTimeout(() => finish(null), left * 1e3);
    const wait = (): NodeJS.Timeout => setTimeout(() => finish(`no answer within ${longest} s`), longest * 1e3);
    let waiting = wait();
    child.on('message', (message) => {
      clearTimeout(waiting);
      waiting = wait();
      onResult(message as unknown as GridResult);
    });
    child.on('exit', (code, signal) => finish(code === 0 ? null : `its process ended (${signal ?? code ?? '?'})`));
    child.on('error', (error) => finish(error.message));
  });
}

/** float16 that is not offered fails at its first layer: the others are not tried. */
async function serveGrid(id: EngineId, small: boolean, first: number): Promise<void> {
  const engine = createEngine(id, { threads: computeThreads() });
  const send = (result: GridResult): Promise<void> =>
    new Promise((sent) => {
      process.send?.(result, undefined, undefined, () => sent());
    });
  let first16: GridResult | null = null;
  for (const [index, test] of gridCases(small).entries()) {
    if (index < first) continue;
    if (first16?.error === null) break;
    // For a test: a driver that ends the process at a layer, or never answers.
    if (process.env['HEADLIGHT_CHECK_FAULT'] === `exit ${index}`) process.kill(process.pid, 'SIGSEGV');
    if (process.env['HEADLIGHT_CHECK_FAULT'] === `hang ${index}`) await new Promise((late) => setTimeout(late, 1e9));
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

const [, , task, argument = '', more = '', from = '0'] = process.argv;
// Whoever started this is gone: so is whoever would read it.
if (process.send) process.on('disconnect', () => process.exit());
if (task === LOAD_ARGUMENT) process.send?.({ reason: loadHere(argument) });
else if (task === GRID_ARGUMENT) void serveGrid(argument as EngineId, more === 'small', Number(from));
else if (task === PROFILE_ARGUMENT) void serveProfile(argument);
else void main();
