import { EXIT } from "../../api/contract/errors.ts";
import { stripSuffix } from "../../base/names.ts";
import type { Run } from "../context.ts";
import { rolloutText } from "../render/rollout.ts";
import { safe } from "../render/safe.ts";
import { followRollout } from "../requests/follow-rollout.ts";

export const run: Run = async (context) => {
  const { options, client, args } = context;
  const answer = await client.call("rollingRestart", { id: stripSuffix(args[0]!), dry_run: options.dryRun ?? false });
  if (!answer.ok) return context.fail(answer.error);
  if (options.wait !== false && !options.dryRun) return followRollout(context, answer.value);
  if (options.json) context.json(answer.value);
  else if (options.dryRun) for (const step of answer.value.steps ?? []) context.out(`would ${safe(step)}`);
  else if (!options.quiet) context.out(rolloutText(answer.value, context.paint));
  return EXIT.done;
};
