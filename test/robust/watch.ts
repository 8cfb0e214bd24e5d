/** What a run saw: times by provider, counts by kind, breaches. Plain data, so that parts of a run can be sent and added. */

/** What nothing in the extension host may exceed, on any file. Milliseconds of processor time. */
export const LIMIT_MS = 200;
/** A provider that was too slow is asked so often in all: the fastest counts. */
const TRIES = 3;
/** More of one kind say nothing new. */
const MOST_BREACHES = 40;
const SHOWN = 400;

export type BreachKind = 'throw' | 'slow' | 'nonsense' | 'text' | 'edit' | 'loss' | 'hang' | 'memory';

export interface Breach {
  readonly kind: BreachKind;
  readonly where: string;
  readonly what: string;
  readonly input: string;
}

export interface Slowest {
  /** The fastest of the tries, of the input where that was slowest. */
  ms: number;
  /** The slowest first try. */
  firstMs: number;
  /** Kind and characters of the input that it was. */
  input: string;
  calls: number;
}

export interface Report {
  readonly inputs: Record<string, number>;
  readonly slowest: Record<string, Slowest>;
  readonly breaches: Breach[];
  readonly breachCounts: Record<string, number>;
  /** Everything else that is counted: configs read, kills, faults, calls. */
  readonly counts: Record<string, number>;
  peakBytes: number;
}

export function emptyReport(): Report {
  return { inputs: {}, slowest: {}, breaches: [], breachCounts: {}, counts: {}, peakBytes: 0 };
}

const increase = (counts: Record<string, number>, name: string, by = 1): void => {
  counts[name] = (counts[name] ?? 0) + by;
};

export function addReport(sum: Report, part: Report): void {
  for (const [name, count] of Object.entries(part.inputs)) increase(sum.inputs, name, count);
  for (const [name, count] of Object.entries(part.counts)) increase(sum.counts, name, count);
  for (const [name, count] of Object.entries(part.breachCounts)) increase(sum.breachCounts, name, count);
  sum.breaches.push(...part.breaches);
  for (const [name, one] of Object.entries(part.slowest)) {
    const known = sum.slowest[name];
    if (!known) sum.slowest[name] = { ...one };
    else {
      known.calls += one.calls;
      known.firstMs = Math.max(known.firstMs, one.firstMs);
      if (one.ms > known.ms) [known.ms, known.input] = [one.ms, one.input];
    }
  }
  sum.peakBytes = Math.max(sum.peakBytes, part.peakBytes);
}

/** Asks, times and notes. */
export class Watch {
  readonly report = emptyReport();
  /** What is being asked about. */
  private input = '';
  private label = '';

  begin(kind: string, input: string): void {
    this.input = input;
    this.label = `${kind}, ${input.length}`;
    increase(this.report.inputs, kind);
  }

  breach(kind: BreachKind, where: string, what: string): void {
    increase(this.report.breachCounts, kind);
    if (this.report.breaches.length >= MOST_BREACHES) return;
    const input = this.input.length > SHOWN ? `${this.input.slice(0, SHOWN)}…` : this.input;
    this.report.breaches.push({ kind, where: `${where} (${this.label})`, what: what.slice(0, SHOWN), input });
  }

  /** The answer of a provider; undefined where it threw, which is a breach. `again`: whether asking twice is the same as once. */
  ask<T>(provider: string, work: () => T): T | undefined {
    try {
      const [answer, first] = timedOnce(work);
      let ms = first;
      for (let tries = 1; tries < TRIES && ms > LIMIT_MS; tries++) ms = Math.min(ms, timedOnce(work)[1]);
      this.took(provider, ms, first);
      return answer;
    } catch (error) {
      this.breach('throw', provider, error instanceof Error ? (error.stack ?? error.message) : String(error));
      return undefined;
    }
  }

  took(provider: string, ms: number, firstMs: number): void {
    const known = (this.report.slowest[provider] ??= { ms: -1, firstMs: -1, input: '', calls: 0 });
    known.calls++;
    known.firstMs = Math.max(known.firstMs, firstMs);
    if (ms > known.ms) [known.ms, known.input] = [ms, this.label];
    if (ms > LIMIT_MS) this.breach('slow', provider, `${ms.toFixed(0)} ms (at first ${firstMs.toFixed(0)} ms)`);
  }

  count(name: string, by = 1): void {
    increase(this.report.counts, name, by);
  }

  /** Called between inputs: the system keeps the peak of the process itself. */
  lookAtMemory(): void {
    this.report.peakBytes = Math.max(this.report.peakBytes, process.resourceUsage().maxRSS * 1024);
  }
}

/** Asking for the processor time costs more than most answers: one that is so old still serves, and is that much too high at most. */
const FRESH_MS = 2;
let usedSoFar = { at: Number.NEGATIVE_INFINITY, cpu: process.cpuUsage() };

/** Processor time where that is less than the clock's: other processes' load is not ours. Collecting garbage is. */
function timedOnce<T>(work: () => T): readonly [T, number] {
  const clock = performance.now();
  if (clock - usedSoFar.at > FRESH_MS) usedSoFar = { at: clock, cpu: process.cpuUsage() };
  const { cpu } = usedSoFar;
  const answer = work();
  const wallMs = performance.now() - clock;
  // Most answers take less than this can tell apart.
  if (wallMs < LIMIT_MS / 20) return [answer, wallMs];
  const { user, system } = process.cpuUsage(cpu);
  return [answer, Math.min(wallMs, (user + system) / 1000)];
}
