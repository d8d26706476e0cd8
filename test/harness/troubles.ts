/**
 * Collects errors that occur while a test cleans up. An error thrown by a disposer would hide the test's own failure, because Bun
 * prints a SuppressedError without the errors in it. A hook therefore throws the collected errors, so that both are printed.
 */
const troubles: string[] = [];
let armed = false;

export function reportTrouble(message: string): void {
  if (!armed) throw new Error(message); // the test runs without the preload file of bunfig.toml
  troubles.push(message);
}

/** Throws the errors that were reported since the last call. The `afterEach` hook calls it. */
export function throwTroubles(): void {
  armed = true;
  const found = troubles.splice(0);
  if (found.length > 0) throw new Error(found.join("\n"));
}
