/** Probes every engine in a process of its own: a driver that crashes or hangs costs a report, nothing else. */

import { type ChildProcess, fork } from 'node:child_process';
import type { DeviceReport } from '../shared/devices';
import type { EngineId } from '../shared/engineIds';
import type { CancelSignal } from '../shared/platform';
import type { Progress } from '../shared/rpc';
import { RpcError } from '../shared/rpcError';
import { platformEngines } from './engines/createEngine';

/** First argument of a process that probes; the second is the engine. */
export const PROBE_ARGUMENT = 'probe';
const LONGEST_PROBE_MS = 45_000;

export interface ProbeWatch {
  readonly signal: CancelSignal;
  progress(progress: Progress): void;
}

export async function probeDevices(
  script: string,
  watch: ProbeWatch,
  engines: readonly EngineId[] = platformEngines(),
  longestMs = LONGEST_PROBE_MS,
): Promise<readonly DeviceReport[]> {
  const reports: DeviceReport[] = [];
  for (const [index, engine] of engines.entries()) {
    if (watch.signal.aborted) throw new RpcError('cancelled', 'probing was cancelled');
    watch.progress({ message: engine, fraction: index / engines.length });
    // One after the other: each shall have the machine for itself while it is timed.
    reports.push(await probeIsolated(script, engine, watch.signal, longestMs));
  }
  return reports;
}

function probeIsolated(
  script: string,
  engine: EngineId,
  signal: CancelSignal,
  longestMs: number,
): Promise<DeviceReport> {
  return new Promise((resolve) => {
    const child: ChildProcess = fork(script, [PROBE_ARGUMENT, engine], {
      serialization: 'advanced',
      execArgv: [],
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    const finish = (report: DeviceReport): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', stop);
      child.removeAllListeners();
      child.kill('SIGKILL');
      resolve(report);
    };
    const fail = (reason: string): void => finish(failedReport(engine, reason));
    const stop = (): void => fail('probing was cancelled');
    const timer = setTimeout(() => fail(`no answer within ${longestMs / 1000} s`), longestMs);
    signal.addEventListener('abort', stop, { once: true });
    child.on('message', (message) => finish(message as unknown as DeviceReport));
    child.on('error', (error) => fail(error.message));
    child.on('exit', (code, exitSignal) =>
      fail(`its library ended the process (${exitSignal ?? `exit code ${code ?? '?'}`})`),
    );
  });
}

function failedReport(engine: EngineId, reason: string): DeviceReport {
  const kind = engine === 'onnxruntime-cpu' || engine === 'onnxruntime-wasm' ? 'cpu' : 'gpu';
  return {
    engine,
    available: false,
    refused: false,
    kind,
    device: engine,
    library: '',
    precision: 'float32',
    reason,
    proof: null,
    proved: null,
  };
}
