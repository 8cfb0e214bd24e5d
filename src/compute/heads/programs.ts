/** Programs of blocks, loaded once for all layers of one shape: weights are inputs, which the CPU uses where they lie. */

import { type BlockPrograms, buildBlockPrograms, type PartProgram } from '../../attention/onnx/buildBlock';
import type { BlockSpec } from '../../attention/spec/blockSpec';
import type { Graph } from '../../attention/onnx/graph';
import type { CacheMode, CaptureName } from '../../attention/onnx/program';
import type { Engine, LoadedProgram, TensorMap } from '../engines/engine';

export interface BlockOptions {
  readonly mode: 'prefill' | 'decode';
  readonly cache: CacheMode;
  readonly captures: readonly CaptureName[];
  /** False: nothing but captures (and what the cache gives) is computed. */
  readonly output: boolean;
}

export interface LoadedBlock {
  readonly programs: BlockPrograms;
  readonly main: LoadedProgram;
  expert(): Promise<LoadedProgram>;
  tail(): Promise<LoadedProgram>;
}

/** Sessions kept; a model has few shapes of layers, and few sets of captures are looked at. */
const MOST_SESSIONS = 32;
const NO_CONSTANTS: TensorMap = new Map();

export class ProgramCache {
  private readonly sessions = new Map<string, Promise<LoadedProgram>>();

  /** @param most Sessions to keep; what a caller holds on to must not be ended by others. */
  constructor(
    readonly engine: Engine,
    private readonly most = MOST_SESSIONS,
  ) {}

  async block(spec: BlockSpec, options: BlockOptions): Promise<LoadedBlock> {
    const programs = buildBlockPrograms(spec, options);
    const part = (which: PartProgram | null, name: string): Promise<LoadedProgram> => {
      if (which === null) throw new TypeError('this block has no experts');
      return this.load(`${name} ${JSON.stringify(spec)}`, which.graph);
    };
    return {
      programs,
      main: await this.load(JSON.stringify([spec, options]), programs.main.graph),
      expert: () => part(programs.expert, 'expert'),
      tail: () => part(programs.tail, 'tail'),
    };
  }

  /** A graph under a key of its own. */
  async load(key: string, graph: Graph): Promise<LoadedProgram> {
    let session = this.sessions.get(key);
    if (session === undefined) {
      await this.makeRoom();
      session = this.engine.load(graph, { constants: NO_CONSTANTS });
    }
    this.sessions.delete(key);
    this.sessions.set(key, session);
    try {
      return await session;
    } catch (error) {
      this.sessions.delete(key);
      throw error;
    }
  }

  async dispose(): Promise<void> {
    const sessions = [...this.sessions.values()];
    this.sessions.clear();
    for (const session of sessions) await (await session).dispose();
  }

  /** Ends the session that was not used for longest; runs are serial, so no one is using it. */
  private async makeRoom(): Promise<void> {
    for (const [key, session] of this.sessions) {
      if (this.sessions.size < this.most) return;
      this.sessions.delete(key);
      await (await session).dispose();
    }
  }
}
