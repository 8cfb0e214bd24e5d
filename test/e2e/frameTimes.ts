// What frames cost, from Chromium's own trace: processor time of the page's process, which is the same however busy the machine is. The
// time by the clock is not: a task of 3 ms takes 100 where another process has the core.
import type { Page } from 'playwright-core';

export interface FrameTimes {
  /** Frames between the two marks. */
  readonly frames: number;
  /** Processor time of the main thread in the frame that took most: scripts, style, layout, paint, of everything in the window. */
  readonly mainMs: number;
  /** The same of all threads of the process together, with the compositor's and the rasterising ones. */
  readonly allMs: number;
  /** The longest task of the main thread, in processor time and by the clock. */
  readonly taskMs: number;
  readonly wallMs: number;
}

/** Of Chromium's trace event format; times in µs. */
interface TraceEvent {
  readonly name: string;
  readonly ph: string;
  readonly pid: number;
  readonly tid: number;
  readonly ts: number;
  readonly dur?: number;
  /** Processor time of the thread. */
  readonly tdur?: number;
}

const CATEGORIES = ['toplevel', 'blink.user_timing', 'devtools.timeline', 'disabled-by-default-devtools.timeline'];
/** What a thread does is in these; what is inside of one counts with it. */
const TASKS = new Set(['RunTask', 'ThreadControllerImpl::RunTask', 'ThreadPool_RunTask', 'TaskGraphRunner::RunTask']);

/** Marks that the page sets where what is measured begins and ends: `performance.mark`. */
export interface Stretch {
  readonly from: string;
  readonly to: string;
}

/** Runs what sets the marks, and reads the times of each stretch. */
export async function framesWhile<const Names extends string>(
  page: Page,
  stretches: Readonly<Record<Names, Stretch>>,
  act: () => Promise<unknown>,
): Promise<Readonly<Record<Names, FrameTimes>>> {
  const browser = page.context().browser();
  if (!browser) throw new Error('the page has no browser');
  await browser.startTracing(page, { categories: CATEGORIES });
  let trace: Buffer | undefined;
  try {
    await act();
  } finally {
    trace = await browser.stopTracing();
  }
  const { traceEvents } = JSON.parse(trace.toString('utf8')) as { readonly traceEvents: readonly TraceEvent[] };
  return Object.fromEntries(
    Object.entries<Stretch>(stretches).map(([name, stretch]) => [name, frameTimes(traceEvents, stretch)]),
  ) as Record<Names, FrameTimes>;
}

function frameTimes(events: readonly TraceEvent[], { from, to }: Stretch): FrameTimes {
  const markOf = (name: string): TraceEvent => {
    const found = events.findLast((event) => event.name === name && event.ts > 0);
    if (!found) throw new Error(`the page set no mark ${name}`);
    return found;
  };
  const [start, end] = [markOf(from), markOf(to)];
  const { pid, tid } = start;
  const inside = ({ ts, dur = 0 }: TraceEvent): boolean => ts + dur > start.ts && ts < end.ts;
  const tasks = outermost(
    events.filter((event) => event.ph === 'X' && event.pid === pid && TASKS.has(event.name) && inside(event)),
  );
  const main = tasks.filter((task) => task.tid === tid);
  const starts = events
    .filter((event) => event.name === 'FireAnimationFrame' && event.pid === pid && event.tid === tid && inside(event))
    .map(({ ts }) => ts)
    .sort((a, b) => a - b);
  // A frame lasts from its first script to that of the next one: what is between them is waited for, too.
  const frames = starts.map((at, index) => ({ from: at, to: starts[index + 1] ?? end.ts }));
  const worst = (of: readonly TraceEvent[]): number =>
    Math.max(
      ...frames.map((frame) =>
        of.reduce(
          (sum, task) => (task.ts < frame.to && task.ts + (task.dur ?? 0) > frame.from ? sum + cpuOf(task) : sum),
          0,
        ),
      ),
    );
  return {
    frames: frames.length,
    mainMs: worst(main) / 1000,
    allMs: worst(tasks) / 1000,
    taskMs: Math.max(...main.map(cpuOf)) / 1000,
    wallMs: Math.max(...main.map(({ dur = 0 }) => dur)) / 1000,
  };
}

function cpuOf({ name, dur = 0, tdur }: TraceEvent): number {
  // Of what took next to nothing it is left out.
  if (tdur === undefined && dur > 1000) throw new Error(`the trace has no processor time of ${name}`);
  return tdur ?? 0;
}

/** Tasks that are inside of no other one of their thread. */
function outermost(tasks: readonly TraceEvent[]): readonly TraceEvent[] {
  const ends = new Map<number, number>();
  return [...tasks]
    .sort((a, b) => a.ts - b.ts || (b.dur ?? 0) - (a.dur ?? 0))
    .filter(({ tid, ts, dur = 0 }) => {
      const within = ts < (ends.get(tid) ?? 0);
      if (!within) ends.set(tid, ts + dur);
      return !within;
    });
}
