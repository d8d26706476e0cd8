import { AGENT_NAME } from "../../base/names.ts";
import { EXIT } from "../../api/contract/errors.ts";
import type { Run } from "../context.ts";
import { ACTING, isActing, type Acting } from "../mcp/acting.ts";
import { serveAgent } from "../mcp/server.ts";

export const run: Run = async (context) => {
  const { allow, agent } = context.options;
  const words = (allow ?? "").split(",").filter((word) => word !== "");
  const unknown = words.find((word) => !isActing(word));
  if (unknown !== undefined) {
    const message = `cannot allow ${unknown}: an agent can be allowed ${ACTING.join(", ")}`;
    return context.fail({ code: "bad-request", message, hint: `for example --allow ${ACTING.join(",")}` });
  }
  if (agent !== undefined && !AGENT_NAME.test(agent)) {
    const message = `cannot use ${JSON.stringify(agent)} as the name of an agent`;
    return context.fail({ code: "bad-request", message, hint: "use 1 to 64 letters, digits, spaces, _ . @ : / or -" });
  }
  if (context.host.isTerminal(0)) context.note("sup: waiting for the requests of an agent's program on standard input; Ctrl-C ends it");
  await serveAgent(context, { allowed: words as Acting[], agent });
  return EXIT.done;
};
