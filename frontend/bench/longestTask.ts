/** Read the duration of the longest task on the busiest page's main thread from a Chromium trace. */

interface TraceEvent {
  readonly name: string;
  readonly ph: string;
  readonly pid: number;
  readonly tid: number;
  /** In microseconds: wall clock time and the thread's own processor time. */
  readonly dur?: number;
  readonly tdur?: number;
  readonly args?: { readonly name?: string };
}

/** In milliseconds. `processor` is the part spent on the processor, which a busy machine does not inflate. */
export interface LongestTask {
  readonly wall: number;
  readonly processor: number;
}

export function longestTask(trace: string): LongestTask {
  const { traceEvents } = JSON.parse(trace) as { readonly traceEvents: readonly TraceEvent[] };
  const threads = traceEvents
    .filter(({ name, args }) => name === 'thread_name' && args?.name === 'CrRendererMain')
    .map(({ pid, tid }) => traceEvents.filter((event) => event.pid === pid && event.tid === tid && isTask(event)))
    .sort((one, other) => other.length - one.length);
  const tasks = threads[0] ?? [];
  if (tasks.length === 0) throw new Error('the trace has no tasks of a page');
  return {
    wall: Math.max(...tasks.map(({ dur = 0 }) => dur)) / 1000,
    processor: Math.max(...tasks.map(({ tdur = 0 }) => tdur)) / 1000,
  };
}

function isTask({ name, ph }: TraceEvent): boolean {
  return ph === 'X' && name.endsWith('RunTask');
}
