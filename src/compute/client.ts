/** The editor's side of the compute process: starts it when it is needed, and keeps its failures to itself. */

import { type ChildProcess, spawn } from 'node:child_process';
import { constants, setPriority } from 'node:os';
import type { Duplex } from 'node:stream';
import { COMPUTE, COMPUTE_OPTIONS_VARIABLE, type ComputeMethods, type ComputeOptions } from '../shared/computeContract';
import { chooseDevice, type DeviceChoice, type DeviceReport } from '../shared/devices';
import type { EngineChoice } from '../shared/engineIds';
import { HOST, type HostMethods } from '../shared/hostContract';
import type { CancelSignal } from '../shared/platform';
import { type CallOptions, type MethodName, type MethodParams, type MethodResult, RpcPeer } from '../shared/rpc';
import type { Units } from '../model/units';
import { isRpcError, RpcError } from '../shared/rpcError';
import { answerCheck, type Contract, handlersOf } from '../shared/schema';
import { framedTransport, PIPE } from './framedTransport';
import { SharedCall, type WaitOptions } from './sharedCall';
import { Turns } from './turns';

export interface ComputeClientOptions extends ComputeOptions {
  /** dist/compute.js */
  readonly script: string;
  /** The process ends when it was not used for this long. Default 5 minutes. */
  readonly idleMs?: number;
  /** A cancelled run that still blocks the process after this is ended with it. Default 750 ms. */
  readonly graceMs?: number;
  /** The editor goes first on a busy machine. Default true; tests that watch the clock turn it off. */
  readonly lowPriority?: boolean;
  /** Added to the process's environment. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Called at the first crash only: users are told once. */
  readonly onCrash?: (message: string) => void;
  /** Fetches bytes of a weight file that the process lacks, or says why not. Absent: nothing is fetched. */
  readonly fetchPart?: (params: HostParams, signal: CancelSignal) => Promise<Uint8Array>;
  /** What sizes in its messages are counted in now; GiB where absent. */
  readonly units?: () => Units;
  /** A line for the log: starts, ends, what the process wrote. */
  readonly onLog?: (line: string) => void;
}

/** Methods that the process works on one at a time. */
const INTURN: ReadonlySet<string> = new Set(
  Object.entries<Contract[string]>(COMPUTE).flatMap(([name, { inTurn }]) => (inTurn ? [name] : [])),
);

const IDLE_MS = 5 * 60_000;
const GRACE_MS = 750;
/** In which the end of a process is heard of after that of its channel, with its reason. */
const EXIT_MS = 1_000;

/** What waits when we end the process ourselves is sent again to the next one. */
const RESTARTED = new RpcError('crashed', 'the compute process was restarted');

/** Calls of the process that run here at once. */
const MOST_HOST_CALLS = 16;

type HostParams = MethodParams<HostMethods, 'parts/fetch'>;

interface Running {
  readonly child: ChildProcess;
  readonly peer: RpcPeer<ComputeMethods, HostMethods>;
  /** What the process was told to count sizes in. */
  units: Units;
  /** Ends it where nothing can be sent to it any more. Its channel closes before we hear of its end, seconds before on a busy machine. */
  endIfClosed(): void;
}

export class ComputeClient {
  private running: Running | undefined;
  private idleTimer: NodeJS.Timeout | undefined;
  private activeCalls = 0;
  private toldOfCrash = false;
  private disposed = false;
  private probe: SharedCall<readonly DeviceReport[]> | undefined;
  private readonly turns = new Turns();

  constructor(private readonly options: ComputeClientOptions) {}

  /** Process id while it runs. */
  get pid(): number | undefined {
    return this.running?.child.pid;
  }

  /**
   * Fails with an `RpcError`; see its codes. What computes runs one after the other: a call that waits can be given up without touching
   * the one that runs.
   */
  async call<K extends MethodName<ComputeMethods>>(
    method: K,
    params: MethodParams<ComputeMethods, K>,
    options: CallOptions = {},
  ): Promise<MethodResult<ComputeMethods, K>> {
    this.activeCalls++;
    clearTimeout(this.idleTimer);
    try {
      if (!INTURN.has(method)) return await this.send(method, params, options, () => !this.turns.busy);
      const { supersedeKey, deadlineMs } = options;
      // One that was sent with this key is given up now, not when the turn comes.
      if (supersedeKey !== undefined) this.running?.peer.supersede(supersedeKey, method);
      const start = performance.now();
      const turn = await this.turns.take(method, options);
      try {
        turn.check();
        const rest = deadlineMs === undefined ? {} : { deadlineMs: deadlineMs - (performance.now() - start) };
        return await this.send(method, params, { ...options, ...rest }, () => true);
      } finally {
        turn.end();
      }
    } finally {
      this.activeCalls--;
      if (this.activeCalls === 0) this.startIdleTimer();
    }
  }

  /** Sends a call, again where the process was restarted meanwhile; `mayEnd`: whether giving it up may end what blocks the process. */
  private async send<K extends MethodName<ComputeMethods>>(
    method: K,
    params: MethodParams<ComputeMethods, K>,
    options: CallOptions,
    mayEnd: () => boolean,
  ): Promise<MethodResult<ComputeMethods, K>> {
    for (;;) {
      if (this.disposed) throw new RpcError('disposed', 'Headlight was closed');
      this.running?.endIfClosed();
      const running = (this.running ??= this.start());
      const { peer } = running;
      this.tellUnits(running);
      try {
        return await peer.call(method, params, options);
      } catch (error) {
        if (error === RESTARTED) continue;
        if (isRpcError(error) && ['cancelled', 'superseded', 'deadline'].includes(error.code) && mayEnd())
          void this.freeFrom(peer);
        throw error;
      }
    }
  }

  /** Before a call whose message may have a size in it. */
  private tellUnits(running: Running): void {
    const units = this.options.units?.() ?? 'GiB';
    if (running.units === units) return;
    running.units = units;
    // Where it cannot be told, the call after it fails, too, and says why.
    running.peer.call('compute/showUnits', { units }).catch(() => undefined);
  }

  /** Probed once a window, for all who ask meanwhile; `refresh` probes again. */
  devices({
    refresh = false,
    ...options
  }: WaitOptions & { readonly refresh?: boolean } = {}): Promise<readonly DeviceReport[]> {
    if (!refresh && this.probe?.givenUp === false) return this.probe.wait(options);
    const method = 'compute/devices';
    const probe = new SharedCall(method, (shared) => this.call(method, { refresh }, shared));
    this.probe = probe;
    probe.result.catch(() => {
      if (this.probe === probe) this.probe = undefined;
    });
    return probe.wait(options);
  }

  /** @throws RpcError `unavailable` naming what is wrong with the engine that was asked for. */
  async device(choice: EngineChoice, allowSoftwareGpu: boolean, options: WaitOptions = {}): Promise<DeviceChoice> {
    const reports = await this.devices(options);
    const chosen = chooseDevice(reports, choice, allowSoftwareGpu);
    if (chosen) return chosen;
    const report = reports.find(({ engine }) => engine === choice);
    const why = report?.available
      ? `${report.device} is a software adapter`
      : (report?.reason ?? 'no engine works on this machine');
    throw new RpcError('unavailable', `${choice === 'auto' ? 'no engine' : choice} cannot be used: ${why}`);
  }

  /** Ends the process at once; what waits is sent again to a new one. */
  restart(): void {
    this.end(RESTARTED);
  }

  dispose(): void {
    this.disposed = true;
    clearTimeout(this.idleTimer);
    const closed = new RpcError('disposed', 'Headlight was closed');
    this.turns.end(closed);
    this.end(closed);
  }

  private start(): Running {
    const { script, memoryCeiling, threads, tensorflowPath, proofs } = this.options;
    const settings: ComputeOptions = {
      ...(memoryCeiling === undefined ? {} : { memoryCeiling }),
      ...(threads === undefined ? {} : { threads }),
      ...(tensorflowPath === undefined ? {} : { tensorflowPath }),
      ...(proofs === undefined ? {} : { proofs }),
    };
    // Nothing of the editor's own: no inspector port, no loader.
    const child = spawn(process.execPath, [script], {
      // The last is both ways; Windows must be told that it is read while it is written.
      stdio: ['ignore', 'pipe', 'pipe', 'overlapped'],
      env: { ...environment(), ...this.options.environment, [COMPUTE_OPTIONS_VARIABLE]: JSON.stringify(settings) },
    });
    if (this.options.lowPriority ?? true) yieldToEditor(child);
    const pipe = child.stdio[PIPE] as Duplex;
    const onBroken = (why: string): void => {
      child.kill('SIGKILL');
      ended(`it sent an invalid message: ${why}`);
    };
    const handlers = handlersOf(HOST, {
      'parts/fetch': (params, { signal }) => {
        if (this.options.fetchPart) return this.options.fetchPart(params, signal);
        throw new RpcError(
          'unavailable',
          'This part of the weights is not on this machine. Download the model, or open it by its name on the Hub.',
        );
      },
    });
    const transport = framedTransport(pipe, onBroken);
    const peer = new RpcPeer<ComputeMethods, HostMethods>(transport, handlers, answerCheck(COMPUTE), MOST_HOST_CALLS);
    const running: Running = {
      child,
      peer,
      units: 'GiB',
      endIfClosed: () => {
        if (pipe.writable) return;
        child.kill('SIGKILL');
        ended('its channel closed');
      },
    };
    this.log(`compute process ${child.pid ?? '?'} started`);
    for (const stream of [child.stdout, child.stderr])
      stream?.setEncoding('utf8').on('data', (text: string) => this.log(text.trimEnd()));
    const ended = (how: string): void => {
      if (this.running !== running) return;
      this.running = undefined;
      const message = `the compute process ended unexpectedly (${how}); it starts again with the next run`;
      this.log(message);
      peer.dispose(new RpcError('crashed', message));
      if (!this.toldOfCrash) this.options.onCrash?.(message);
      this.toldOfCrash = true;
    };
    // What waits is told, also where the process lives on without its channel.
    pipe.once('close', () => setTimeout(() => running.endIfClosed(), EXIT_MS).unref());
    child.on('error', (error) => ended(error.message));
    child.on('exit', (code, signal) => ended(signal ?? `exit code ${code ?? '?'}`));
    return running;
  }

  /** After a call was given up: if a run blocks the process, ends it. */
  private async freeFrom(peer: Running['peer']): Promise<void> {
    const deadlineMs = this.options.graceMs ?? GRACE_MS;
    try {
      await peer.call('compute/status', {}, { deadlineMs });
    } catch (error) {
      if (isRpcError(error) && error.code === 'deadline' && this.running?.peer === peer) {
        this.log('a cancelled run blocked the compute process');
        this.restart();
      }
    }
  }

  private startIdleTimer(): void {
    if (!this.running) return;
    this.idleTimer = setTimeout(() => {
      this.log('the compute process was idle');
      this.end(RESTARTED);
    }, this.options.idleMs ?? IDLE_MS);
    this.idleTimer.unref();
  }

  private end(reason: RpcError): void {
    const { running } = this;
    if (!running) return;
    this.running = undefined;
    running.peer.dispose(reason);
    running.child.kill('SIGKILL');
    this.log(`compute process ${running.child.pid ?? '?'} ended`);
  }

  private log(line: string): void {
    if (line !== '') this.options.onLog?.(line);
  }
}

/** The environment of the editor without what would change how Node starts. */
function environment(): NodeJS.ProcessEnv {
  const { NODE_OPTIONS: _options, ...rest } = process.env;
  // Under Electron, execPath is the editor: this makes it plain Node.
  return process.versions['electron'] ? { ...rest, ELECTRON_RUN_AS_NODE: '1' } : rest;
}

/** The editor goes first: what computes takes the processor's time that is left. */
function yieldToEditor({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    setPriority(pid, constants.priority.PRIORITY_BELOW_NORMAL);
  } catch {
    // Not allowed on this machine, or it has ended already: it runs all the same.
  }
}
