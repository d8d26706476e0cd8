import { EXIT } from "../../api/contract/errors.ts";
import type { Input } from "../../api/contract/contract.ts";
import type { Context } from "../context.ts";
import { safe } from "../render/safe.ts";
import { notStarted } from "../requests/not-started.ts";
import { clientName, showTerminal, sizeOf } from "./attached.ts";

/** Runs a transient unit on this terminal, and returns the exit code of its command. */
export async function runOnTerminal(context: Context, request: Pick<Input<"run">, "name" | "unit">): Promise<number> {
  const { host, client, options } = context;
  if (options.json || options.follow) {
    const other = options.json ? "--json" : "--follow";
    return context.fail({ code: "bad-request", message: `cannot use --tty together with ${other}`, hint: "use one of the two" });
  }
  if (!host.isTerminal(0) || !host.isTerminal(1)) {
    const message = "cannot use --tty: standard input and output must be a terminal";
    return context.fail({ code: "bad-request", message, hint: "use --follow, which passes standard input on and prints the output" });
  }
  const left = await showTerminal(context, client.attachRun(request, { name: clientName(host), ...sizeOf(host) }), {
    id: "",
    watch: false,
  });
  if (left.how === "failed") return context.fail(left.error);
  if (left.how !== "end") {
    const id = safe(left.id);
    context.note(`\nsup: detached from ${id}, which keeps running; \`sup attach ${id}\` returns to it, \`sup stop ${id}\` stops it`);
    return EXIT.done;
  }
  const { exit_code: code, message, reason } = left.end;
  if (code === null || code > 128 || reason !== "success") context.note(`sup: ${safe(left.end.id)}: ${safe(message || reason)}`);
  return code ?? notStarted(message);
}
