import { EXIT, type ApiError } from "../../api/contract/errors.ts";
import type { RolloutStatus } from "../../api/contract/shapes.ts";
import { formatDuration } from "../../base/duration.ts";
import { err, ok, type Result } from "../../base/result.ts";
import type { Context } from "../context.ts";
import { rolloutLine, rolloutText } from "../render/rollout.ts";

const POLL_MS = 200;
/** How long to wait for a daemon that is being replaced. */
const PATIENCE_MS = 60_000;

/**
 * Follows a rollout until it has ended or is paused, and prints its progress. Returns the exit code: 1 if it has failed, or was cancelled
 * although it should not end like that.
 */
export async function followRollout(context: Context, begun: RolloutStatus, aim: "done" | "cancelled" = "done"): Promise<number> {
  const ended = await untilEnded(context, begun);
  if (!ended.ok) return context.fail(ended.error);
  const status = ended.value;
  if (context.options.json) context.json(status);
  else if (!context.options.quiet) context.out(rolloutText(status, context.paint));
  if (status.generation !== begun.generation)
    context.note(`sup: rollout ${begun.generation} was superseded by rollout ${status.generation}`);
  return status.state === "failed" || (status.state === "cancelled" && aim !== "cancelled") ? EXIT.failed : EXIT.done;
}

async function untilEnded(context: Context, begun: RolloutStatus): Promise<Result<RolloutStatus, ApiError>> {
  const { client, host, options } = context;
  const draws = host.isTerminal(2) && !options.json && !options.quiet;
  let status = begun;
  let goneSince: number | null = null;
  try {
    while (status.active && status.state !== "paused") {
      if (draws) host.write(2, `\r${rolloutLine(status, context.paint)}\x1b[K`);
      await host.sleep(POLL_MS);
      const answer = await client.call("rollout", { id: begun.service });
      if (answer.ok) [status, goneSince] = [answer.value.rollout ?? { ...status, active: false }, null];
      else if (answer.error.code !== "unreachable" && answer.error.code !== "not-ready") return answer;
      else if (host.now() - (goneSince ??= host.now()) > PATIENCE_MS)
        return err({ ...answer.error, message: `the daemon did not come back within ${formatDuration(PATIENCE_MS)}` });
    }
  } finally {
    if (draws) host.write(2, "\r\x1b[K");
  }
  return ok(status);
}
