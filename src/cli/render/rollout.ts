import type { RolloutStatus } from "../../api/contract/shapes.ts";
import type { Colour, Paint } from "./paint.ts";
import { safe } from "./safe.ts";

const WIDTH = 20;

const COLOUR: Record<RolloutStatus["state"], Colour> = {
  running: "cyan",
  paused: "yellow",
  reverting: "red",
  done: "green",
  failed: "red",
  cancelled: "yellow",
};

/** One line with a bar: `web  rollout 3  ██████████░░░░░░░░░░  2 of 4 restarted, web@3 starting`. */
export function rolloutLine(status: RolloutStatus, paint: Paint): string {
  const { service, generation, restarted, total, units } = status;
  const filled = total === 0 ? WIDTH : Math.round((restarted / total) * WIDTH);
  const bar = paint("green", "█".repeat(filled)) + paint("dim", "░".repeat(WIDTH - filled));
  const starting = units.filter(({ phase }) => phase === "starting").map(({ id }) => id);
  const now = starting.length === 0 ? "" : `, ${starting.join(", ")} starting`;
  return `${safe(service)}  rollout ${generation}  ${bar}  ${restarted} of ${total} restarted${safe(now)}`;
}

/** The state of a rollout and of its units. */
export function rolloutText(status: RolloutStatus, paint: Paint): string {
  const { service, generation, state, failure, restarted, total, units } = status;
  const head = `${paint("bold", safe(service))}: rollout ${generation} is ${paint(COLOUR[state], state)}, ${restarted} of ${total} units restarted`;
  const cause = failure === null ? "" : `\n  ${paint("red", safe(failure))}`;
  if (state === "done") return head;
  const waits = status.awaits_promotion ? `\n  ${paint("yellow", waitWords(service))}` : "";
  const lines = units.map(({ id, additional, phase }) => `  ${safe(id)}: ${PHASES[phase]}${additional ? " (additional)" : ""}`);
  return [`${head}${cause}${waits}`, ...lines].join("\n");
}

const waitWords = (service: string): string =>
  `waits for a decision: \`sup rollout promote ${safe(service)}\` continues, \`sup rollout rollback ${safe(service)}\` returns to the old version`;

const PHASES: Record<RolloutStatus["units"][number]["phase"], string> = {
  old: "not restarted yet",
  starting: "starting",
  new: "new",
  leaving: "leaving",
  gone: "not part of it",
};
