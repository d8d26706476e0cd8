import { CLIENT_INFO_META_KEY, type McpServer, type ServerContext } from "@modelcontextprotocol/server";
import { z } from "zod";
import type { ApiError } from "../../api/contract/errors.ts";
import type { JobRequest, JobResult } from "../../api/contract/shapes.ts";
import { AGENT_NAME, isUnitId, NAME_HINT, stripSuffix } from "../../base/names.ts";
import type { Result } from "../../base/result.ts";
import type { Context } from "../context.ts";
import { answer } from "./data.ts";

/** The actions that `--allow` can permit. */
export const ACTING = ["start", "stop", "restart"] as const;
export type Acting = (typeof ACTING)[number];

export const isActing = (word: string): word is Acting => ACTING.some((one) => one === word);

/** Adds a tool for each permitted action. A tool that is not permitted does not exist. */
export function addActingTools(server: McpServer, context: Context, allowed: readonly Acting[], agent: string | undefined): void {
  for (const action of new Set(allowed)) {
    const annotations = {
      readOnlyHint: false,
      destructiveHint: action !== "start",
      idempotentHint: action !== "restart",
      openWorldHint: false,
    };
    server.registerTool(
      `${action}_unit`,
      { description: DESCRIPTIONS[action], inputSchema: INPUT, annotations },
      async ({ unit, dry_run }, request) => {
        const name = agent ?? nameOf(server, request);
        return answer(`${action} ${unit}`, await act(context, { action, units: [stripSuffix(unit)], dry_run, agent: name, wait: false }));
      },
    );
  }
}

const DESCRIPTIONS: Record<Acting, string> = {
  start: "Start a unit and the units it requires, and wait until it is ready. Recorded in the unit's history with your name.",
  stop: "Stop a unit and all its processes. Units that need it keep running. Recorded in the unit's history with your name.",
  restart: "Restart a unit, and wait until it is ready again. Recorded in the unit's history with your name.",
};

/** The input names one unit per call, because a glob or a group could stop more units than the agent expects. */
const INPUT = z.strictObject({
  unit: z
    .string()
    .refine((text) => isUnitId(stripSuffix(text)), { error: `expected the name of one unit: ${NAME_HINT}` })
    .describe("Name of one unit, such as web"),
  dry_run: z.boolean().default(false).describe("Only report what would happen"),
});

/** Begins a job, and waits for the end of the job by its id. The outcome is found even if the daemon is replaced in the meantime. */
async function act({ client }: Context, request: JobRequest): Promise<Result<JobResult, ApiError>> {
  const begun = await client.call("jobs", request);
  if (!begun.ok) return begun;
  const { job, outcomes } = begun.value;
  const isPending = outcomes.some(({ result }) => result === "pending");
  return job !== undefined && isPending ? client.outcome(job) : begun;
}

/** Returns the name that the client gives itself. Characters that the history does not accept are replaced. */
function nameOf(server: McpServer, request: ServerContext): string {
  const envelope = request.mcpReq.envelope as Readonly<Record<string, unknown>> | undefined;
  const info = (envelope?.[CLIENT_INFO_META_KEY] ?? server.server.getClientVersion()) as { readonly name?: unknown } | undefined;
  const name = (typeof info?.name === "string" ? info.name : "")
    .replace(/[^A-Za-z0-9 _.@:/-]/g, "-")
    .replace(/^[^A-Za-z0-9]+/, "")
    .slice(0, 64);
  return AGENT_NAME.test(name) ? name : "unnamed";
}
