import { EXIT } from "../../api/contract/errors.ts";
import { stripSuffix } from "../../base/names.ts";
import type { Run } from "../context.ts";
import { rolloutText } from "../render/rollout.ts";
import { followRollout } from "../requests/follow-rollout.ts";

const ACTIONS = ["pause", "resume", "cancel"] as const;

/** `sup rollout status|pause|resume|cancel SERVICE`. */
export const run: Run = async (context) => {
  const { args, options, client } = context;
  const [verb, name, ...rest] = args;
  const action = ACTIONS.find((one) => one === verb);
  if (name === undefined || rest.length > 0 || (action === undefined && verb !== "status"))
    return context.fail({
      code: "bad-request",
      message: "cannot read the request",
      hint: "`sup rollout status|pause|resume|cancel SERVICE`",
    });
  const id = stripSuffix(name);
  const answer = action === undefined ? await client.call("rollout", { id }) : await client.call("controlRollout", { id, action });
  if (!answer.ok) return context.fail(answer.error);
  if (action === "resume" && options.wait !== false) return followRollout(context, answer.value);
  if (options.json) context.json(answer.value);
  else if (!options.quiet) context.out(rolloutText(answer.value, context.paint));
  return EXIT.done;
};
