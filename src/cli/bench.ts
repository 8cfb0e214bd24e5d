/** `bench attention`: how fast attention runs here, beside its peers. */

import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { probeDevices } from '../compute/probeDevices';
import { benchAttention, type BenchReport } from '../compute/bench';
import { below, json, line, lines, type Screen, table, type TerminalText } from '../present/terminal';
import { parseArguments } from './arguments';
import { InputError, UsageError } from './errors';
import { cacheFolder } from './measureOptions';
import type { CliOutput } from './output';

/** Where compute.js lies: this part of the program is in a folder beside it. */
const DIST = existsSync(join(__dirname, 'compute.js')) ? __dirname : dirname(__dirname);

export async function bench(args: readonly string[], output: CliOutput): Promise<number> {
  const { paths, values } = parseArguments(args, {
    quick: { type: 'boolean' },
    json: { type: 'boolean' },
    only: { type: 'string' },
    gpu: { type: 'boolean' },
  });
  if (paths.length !== 1 || paths[0] !== 'attention') throw new UsageError('bench takes one subject: attention');
  const script = join(DIST, 'compute.js');
  if (!existsSync(script)) throw new InputError(`${script}: no such file; run "npm run compile"`);
  const cache = cacheFolder();
  const tensorflowPath = [process.env['HEADLIGHT_TENSORFLOW'], join(cache, 'tensorflow')].find(
    (path) => path && existsSync(path),
  );
  const gpu = values['gpu'] === true;
  if (gpu) await needGpu(script);
  const report = await benchAttention({
    gpu,
    script,
    quick: values['quick'] === true,
    ...(tensorflowPath ? { tensorflowPath } : {}),
    ...(typeof values['only'] === 'string' ? { only: values['only'] } : {}),
    pythons: [process.env['HEADLIGHT_PYTHON'], 'python3', 'python'],
    pytorchScript: join(DIST, '..', 'test', 'bench', 'pytorch_peer.py'),
    onProgress: (text) => output.err(line(text)),
  });
  output.out(values['json'] === true ? json(report) : benchText(report, output.screen));
  return 0;
}

const COLUMNS = ['case', 'variant', 'engine', 'median', 'operations', 'memory', 'at least', 'runs'] as const;
/** @throws InputError naming what is wrong with the GPU. */
async function needGpu(script: string): Promise<void> {
  const watch = { signal: new AbortController().signal, progress: () => undefined };
  const [report] = await probeDevices(script, watch, ['onnxruntime-webgpu']);
  if (report?.kind === 'gpu' && report.available) return;
  const why = report?.available ? `${report.device} is a software adapter` : report?.reason;
  throw new InputError(`no GPU can be used: ${why ?? 'none was found'}`);
}

/** A table for people. */
function benchText(report: BenchReport, screen: Screen | undefined): TerminalText {
  const rows = report.results.map((result) => [
    result.case,
    result.variant,
    result.engine,
    `${result.medianMs.toPrecision(4)} ms`,
    `${result.gflops.toPrecision(3)} GFLOP/s`,
    `${result.gigabytesPerSecond.toPrecision(3)} GB/s`,
    `${result.rooflineMs.toPrecision(3)} ms`,
    String(result.runs),
  ]);
  const ratios = report.ratios.map(
    ({ what, ratio, target }) => `${ratio.toFixed(2)}  ${what}${target === null ? '' : ` (at least ${target})`}`,
  );
  return below(
    lines([`${report.machine}, ${report.threads} threads`, JSON.stringify(report.versions), '']),
    table(
      COLUMNS,
      rows,
      COLUMNS.map(() => 'left'),
      screen,
    ),
    lines(['', ...ratios, '', ...report.notes]),
  );
}
