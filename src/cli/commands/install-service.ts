import { EXIT } from "../../api/contract/errors.ts";
import { failWithLines, type Context, type Run } from "../context.ts";

import { safe } from "../render/safe.ts";
import { isLingering, planInstall } from "../systemd/install.ts";
import { runSteps, type Step } from "../systemd/steps.ts";
import { askService, findTarget, unsteady, type Target } from "../systemd/target.ts";
import { SERVICE } from "../systemd/unit-file.ts";

export const run: Run = async (context) => {
  const { host, options } = context;
  const found = findTarget(context);
  if (!found.ok) return context.fail(found.error);
  // Where systemd does not run, nothing but a plan is asked for, and the daemon that runs is where this shell finds it.
  const target = host.systemdRuns() ? found.value : { ...found.value, places: context.places };
  const doubts = doubtsOf(context);
  const refused = doubts.find(({ refuse }) => refuse);
  if (refused && !options.dryRun) return context.fail({ code: "failed", message: `cannot install the service: ${refused.words}`, hint: refused.hint }); // prettier-ignore
  const plan = await planInstall(context, target);
  if (!plan.ok) return context.fail({ ...plan.error, message: `cannot install the service: ${plan.error.message}` });
  if (options.dryRun) return tellPlan(context, target, plan.value, doubts);
  const outcome = await runSteps(plan.value);
  if (!outcome.ok) {
    const message = `cannot install the service: ${outcome.failed} failed: ${outcome.why}`;
    return failWithLines(context, message, "what was done before that is undone");
  }
  const warnings = [...doubts.map(({ words }) => words), ...outcome.warnings, ...(host.env.XDG_RUNTIME_DIR || target.scope === "system" ? [] : [shellNote(target)])]; // prettier-ignore
  return tellDone(context, target, outcome.done, warnings);
};

interface Doubt {
  readonly refuse: boolean;
  readonly words: string;
  readonly hint: string;
}

function doubtsOf({ host }: Context): Doubt[] {
  const doubts: Doubt[] = [];
  if (!host.systemdRuns())
    doubts.push({
      refuse: true,
      words: "systemd does not run this machine (there is no /run/systemd/system)",
      hint: "`sup daemon start` runs it in the background; for another init system, have it run `sup daemon`",
    });
  const steady = unsteady(host.program, host.compiled);
  if (steady !== null) doubts.push({ ...steady, hint: "install it to /usr/local/bin or ~/.local/bin first, and run it from there" });
  return doubts;
}

function tellPlan(context: Context, target: Target, steps: readonly Step[], doubts: readonly Doubt[]): number {
  if (context.options.json) {
    const plan = steps.map(({ words, text }) => ({ words, ...(text !== undefined && { text }) }));
    context.json({ scope: target.scope, unit_file: target.unitFile, plan, warnings: doubts.map(({ words }) => words) });
    return EXIT.done;
  }
  const lines = steps.flatMap(({ words, text }) => [`Would ${words}${text === undefined ? "" : ":"}`, ...indented(text)]);
  context.out(lines.length === 0 ? "Nothing to do: the service is installed, enabled and runs." : lines.join("\n"));
  for (const { words } of doubts) context.note(`sup: note: ${safe(words)}`);
  return EXIT.done;
}

const indented = (text: string | undefined): string[] => (text === undefined ? [] : text.trimEnd().split("\n").map((line) => `  ${line}`.trimEnd())); // prettier-ignore

async function tellDone(context: Context, target: Target, done: readonly string[], warnings: readonly string[]): Promise<number> {
  const service = await askService(target);
  const pid = Number(service?.MainPID ?? 0);
  const lingering = target.scope === "user" ? await isLingering(target) : null;
  if (context.options.json) {
    context.json({ scope: target.scope, unit_file: target.unitFile, done, pid, state: service?.ActiveState ?? "unknown", lingering, warnings }); // prettier-ignore
    return EXIT.done;
  }
  for (const words of done) context.out(`✓ ${safe(words)}`);
  const begins = target.scope === "system" || lingering ? "It starts at boot." : "It starts when you log in.";
  context.out(`${SERVICE} ${done.length === 0 ? "is installed already and " : ""}runs (pid ${pid}). ${begins}`);
  if (done.some((words) => words.startsWith("bring up to date")) && !done.some((words) => words.endsWith(`start ${SERVICE}`)))
    context.out(`The new unit file is in force from the next start on: ${target.systemctl("restart", "sup").join(" ")} (services go on)`);
  for (const warning of warnings) context.note(`sup: warning: ${safe(warning)}`);
  return EXIT.done;
}

const shellNote = ({ env }: Target): string => `this shell has no XDG_RUNTIME_DIR, so sup looks for the daemon elsewhere: export XDG_RUNTIME_DIR=${env.XDG_RUNTIME_DIR}`; // prettier-ignore
