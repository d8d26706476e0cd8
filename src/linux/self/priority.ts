import { getPriority, setPriority } from "node:os";

/**
 * Returns the nice value for services whose units set none. It is 0, not the value that the daemon inherited from its starter (`nice
 * sup daemon start`). Returns null, which leaves the value unchanged, if it is 0 already or if this user may not lower it.
 */
export function defaultNice(): number | null {
  const own = getPriority(0);
  if (own === 0) return null;
  if (own < 0) return 0;
  try {
    setPriority(0, 0);
    setPriority(0, own);
    return 0;
  } catch {
    return null;
  }
}
