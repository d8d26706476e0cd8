/** Maximum duration of the work in one turn of the event loop. */
const TURN_MS = 5;

/** Returns a function that queues work. The work runs in order in later turns of the event loop, for a few milliseconds in each turn. */
export function createTurns(): (work: () => void) => void {
  const waiting: Array<() => void> = [];
  const run = (): void => {
    const begun = performance.now();
    let done = 0;
    try {
      do waiting[done++]!();
      while (done < waiting.length && performance.now() - begun < TURN_MS);
    } finally {
      waiting.splice(0, done);
      if (waiting.length > 0) setImmediate(run);
    }
  };
  return (work) => {
    if (waiting.push(work) === 1) setImmediate(run);
  };
}
