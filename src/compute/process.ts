/**
 * The compute process: started by the client, one per window, ends with its channel. All tensor libraries live here:
 * they block their thread, and a driver that crashes must not take the editor down.
 */

import { Socket } from 'node:net';
import { constants, setPriority } from 'node:os';
import { COMPUTE_OPTIONS_VARIABLE, type ComputeMethods, type ComputeOptions } from '../shared/computeContract';
import { isEngineId } from '../shared/engineIds';
import type { HostMethods } from '../shared/hostContract';
import { RpcPeer } from '../shared/rpc';
import { BENCH_ARGUMENT } from './bench/peers';
import { serveBench } from './bench/worker';
import { framedTransport, PIPE } from './framedTransport';
import { createEngine } from './engines/createEngine';
import { ComputeService } from './methods';
import { fetchPartsOf } from './partsOfHost';
import { PROBE_ARGUMENT } from './probeDevices';

function options(): ComputeOptions {
  const text = process.env[COMPUTE_OPTIONS_VARIABLE];
  return text ? (JSON.parse(text) as ComputeOptions) : {};
}

/** Answers with one report and waits to be ended. */
async function probe(id: string): Promise<void> {
  if (!isEngineId(id)) throw new Error(`no engine ${id}`);
  const report = await createEngine(id, options()).probe();
  process.send?.(report);
}

function serve(script: string): void {
  try {
    // Typing in the editor goes first.
    setPriority(constants.priority.PRIORITY_BELOW_NORMAL);
  } catch {
    // Not allowed here; nothing depends on it.
  }
  const pipe = new Socket({ fd: PIPE, readable: true, writable: true });
  const end = (): never => process.exit(0);
  pipe.on('close', end).on('end', end);
  const handlers = new ComputeService(options(), script).handlers();
  fetchPartsOf(new RpcPeer<HostMethods, ComputeMethods>(framedTransport(pipe, end), handlers));
}

process.on('disconnect', () => process.exit(0));
const [, script = '', task, id = ''] = process.argv;
if (task === PROBE_ARGUMENT) void probe(id);
else if (task === BENCH_ARGUMENT) serveBench();
else serve(script);
