import { getPriority, setPriority } from "node:os";

/**
 * The nice value for services whose units set none: 0, not what the daemon inherited from whoever started it (`nice sup daemon start`).
 * Null, which leaves it unchanged, when it is 0 already, or when this user may not lower it.
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
