import type { Client } from "../../api/client/client.ts";
import type { Status } from "../../api/contract/shapes.ts";

/**
 * Requests the status. Returns null if no answer arrives within the limit, because a daemon that hangs accepts connections but
 * never answers.
 */
export async function statusWithin(limitMs: number, client: Client, sleep: (ms: number) => Promise<void>): Promise<Status | null> {
  const answer = await Promise.race([client.call("status"), sleep(limitMs)]);
  return answer?.ok ? answer.value : null;
}
