/** How long the work may take in one turn of the event loop. */
const TURN_MS = 5;

/** Returns a function that runs what it is given soon and in order, a few milliseconds in each turn of the event loop. */
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
