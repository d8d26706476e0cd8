import { EXIT, type ApiError } from "../../api/contract/errors.ts";
import type { RolloutStatus } from "../../api/contract/shapes.ts";
import { stripSuffix } from "../../base/names.ts";
import { err, ok, type Result } from "../../base/result.ts";
import type { Context, Run } from "../context.ts";
import { rolloutText } from "../render/rollout.ts";
import { followRollout } from "../requests/follow-rollout.ts";

const ACTIONS = ["pause", "resume", "cancel", "promote", "rollback"] as const;
/** The actions after which the rollout continues, so that the command waits for its end. */
const CONTINUING: readonly string[] = ["resume", "promote", "rollback"];

/** `sup rollout status|pause|resume|cancel|promote|rollback SERVICE`. */
export const run: Run = async (context) => {
  const { args, options, client } = context;
  const [verb, name, ...rest] = args;
  const action = ACTIONS.find((one) => one === verb);
  if (name === undefined || rest.length > 0 || (action === undefined && verb !== "status"))
    return context.fail({
      code: "bad-request",
      message: "cannot read the request",
      hint: "`sup rollout status|pause|resume|cancel|promote|rollback SERVICE`",
    });
  const id = stripSuffix(name);
  const answer = action === undefined ? await statusOf(client, id) : await client.call("controlRollout", { id, action });
  if (!answer.ok) return context.fail(answer.error);
  if (action !== undefined && CONTINUING.includes(action) && options.wait !== false)
    return followRollout(context, answer.value, action === "rollback" ? "cancelled" : "done");
  if (options.json) context.json(answer.value);
  else if (!options.quiet) context.out(rolloutText(answer.value, context.paint));
  return EXIT.done;
};

async function statusOf(client: Context["client"], id: string): Promise<Result<RolloutStatus, ApiError>> {
  const answer = await client.call("rollout", { id });
  if (!answer.ok) return answer;
  if (answer.value.rollout !== null) return ok(answer.value.rollout);
  const message = `there was no rollout of ${id} since the machine booted`;
  return err({ code: "not-found", message, hint: `\`sup rolling-restart ${id}\` begins one` });
}
