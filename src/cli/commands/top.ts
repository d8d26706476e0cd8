import { EXIT } from "../../api/contract/errors.ts";
import { applyChange, emptyView } from "../../api/contract/view.ts";
import type { Context, Run } from "../context.ts";
import { topScreen, SORTS, type Sort } from "../render/top.ts";
import { styleOf } from "./status.ts";

/** Shows the full screen on a terminal. Otherwise, and with --once or --json, prints the table once. */
export const run: Run = async (context) => {
  const { sort, json, once } = context.options;
  if (sort !== undefined && !SORTS.includes(sort as Sort))
    return context.fail({ code: "bad-request", message: `cannot sort by ${sort}`, hint: `sort by ${SORTS.join(", ")}` });
  const { env, isTerminal } = context.host;
  const isFullScreen = isTerminal(0) && isTerminal(1) && env.TERM !== "dumb" && !json && !once;
  if (!isFullScreen) return printOnce(context, (sort ?? "cpu") as Sort);
  return (await import("../top/app.ts")).runTop(context, (sort as Sort | undefined) ?? "trouble");
};

async function printOnce(context: Context, sort: Sort): Promise<number> {
  const answer = await context.client.call("status");
  if (!answer.ok) return context.fail(answer.error);
  if (context.options.json) context.json(answer.value.services);
  else context.out(topScreen(applyChange(emptyView(), 0, { kind: "snapshot", data: answer.value }), sort, styleOf(context)));
  return EXIT.done;
}
