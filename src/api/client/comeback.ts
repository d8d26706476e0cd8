import type { Result } from "../../base/result.ts";
import type { ApiError } from "../contract/errors.ts";

/**
 * Time for which the client waits for a daemon whose connection broke. The time is sufficient for a service manager to
 * restart the daemon.
 */
export const COMEBACK_MS = 10_000;
export const COMEBACK_STEP_MS = 200;

/** Repeats a request whose connection breaks, until it is answered or the daemon has been gone for too long. */
export async function untilAnswered<T>(
  attempt: () => Promise<Result<T, ApiError>>,
  sleep: (ms: number) => Promise<void>,
): Promise<Result<T, ApiError>> {
  for (let waited = 0; ; waited += COMEBACK_STEP_MS) {
    const from = performance.now();
    const answer = await attempt();
    if (answer.ok || answer.error.code !== "unreachable") return answer;
    if (performance.now() - from > COMEBACK_MS) waited = 0; // a daemon accepted the request, so the wait starts again
    if (waited >= COMEBACK_MS) return answer;
    await sleep(COMEBACK_STEP_MS);
  }
}
