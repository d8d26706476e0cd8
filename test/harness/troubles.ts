/**
 * What goes wrong while a test cleans up. Thrown from a disposer it would hide the test's own failure (Bun prints a
 * SuppressedError without the errors in it), so it is kept here and fails the test from a hook, which prints both.
 */
const troubles: string[] = [];
let armed = false;

export function reportTrouble(message: string): void {
  if (!armed) throw new Error(message); // run without bunfig.toml's preload
  troubles.push(message);
}

/** For the hook: throws what was reported since the last time. */
export function throwTroubles(): void {
  armed = true;
  const found = troubles.splice(0);
  if (found.length > 0) throw new Error(found.join("\n"));
}
