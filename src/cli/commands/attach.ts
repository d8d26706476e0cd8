import { EXIT } from "../../api/contract/errors.ts";
import type { Context, Run } from "../context.ts";
import { safe } from "../render/safe.ts";
import { clientName, showTerminal, sizeOf } from "../screen/attached.ts";

export const run: Run = async (context) => {
  const { host, options, client } = context;
  const watch = options.typing === false;
  const [name = ""] = context.args;
  const id = name.replace(/\.unit\.json$/, "");
  if (!watch && !(host.isTerminal(0) && host.isTerminal(1)))
    return context.fail({
      code: "bad-request",
      message: `cannot attach to ${id}: standard input and output must be a terminal`,
      hint: `to only look, use \`sup attach --no-tty ${id}\`, or \`sup logs -f ${id}\` for plain lines`,
    });
  if (!watch) context.note(`sup: attaching to ${safe(id)}; Ctrl-P Ctrl-Q detaches`);
  const request = { id, name: clientName(host), watch, take: options.take ?? false, ...sizeOf(host) };
  const left = await showTerminal(context, client.attach(request), { id, watch });
  return report(context, left);
};

async function report(context: Context, left: Awaited<ReturnType<typeof showTerminal>>): Promise<number> {
  if (left.how === "failed") return context.fail(left.error);
  if (left.how === "end") return EXIT.done;
  const id = safe(left.id);
  if (left.how !== "ended") {
    context.note(`\nsup: detached from ${id}, which keeps running; \`sup attach ${id}\` returns to it`);
    return EXIT.done;
  }
  const service = await context.client.call("service", { id: left.id });
  const state = service.ok
    ? `it is ${service.value.state}${service.value.exit_code === null ? "" : `, exit code ${service.value.exit_code}`}`
    : "";
  context.note(`\nsup: the run of ${id} has ended${state === "" ? "" : `; ${state}`}`);
  return EXIT.done;
}
