import { EXIT } from "../../api/contract/errors.ts";
import { failWithLines, type Context, type Run } from "../context.ts";

import { safe } from "../render/safe.ts";
import { isLingering, planInstall } from "../systemd/install.ts";
import { runSteps, type Step } from "../systemd/steps.ts";
import { queryService, findTarget, unstableLocation, type Target } from "../systemd/target.ts";
import { SERVICE } from "../systemd/unit-file.ts";

export const run: Run = async (context) => {
  const { host, options } = context;
  const found = findTarget(context);
  if (!found.ok) return context.fail(found.error);
  // Without systemd only --dry-run is possible. The running daemon is then the one that this shell's environment points to.
  const target = host.systemdRuns() ? found.value : { ...found.value, places: context.places };
  const concerns = concernsOf(context);
  const refused = concerns.find(({ refuse }) => refuse);
  if (refused && !options.dryRun) return context.fail({ code: "failed", message: `cannot install the service: ${refused.words}`, hint: refused.hint }); // prettier-ignore
  const plan = await planInstall(context, target);
  if (!plan.ok) return context.fail({ ...plan.error, message: `cannot install the service: ${plan.error.message}` });
  if (options.dryRun) return printPlan(context, target, plan.value, concerns);
  const outcome = await runSteps(plan.value);
  if (!outcome.ok) {
    const message = `cannot install the service: ${outcome.failed} failed: ${outcome.why}`;
    return failWithLines(context, message, "the earlier steps were undone");
  }
  const warnings = [...concerns.map(({ words }) => words), ...outcome.warnings, ...(host.env.XDG_RUNTIME_DIR || target.scope === "system" ? [] : [shellNote(target)])]; // prettier-ignore
  return printDone(context, target, outcome.done, warnings);
};

interface Concern {
  readonly refuse: boolean;
  readonly words: string;
  readonly hint: string;
}

function concernsOf({ host }: Context): Concern[] {
  const concerns: Concern[] = [];
  if (!host.systemdRuns())
    concerns.push({
      refuse: true,
      words: "this machine does not run systemd (there is no /run/systemd/system)",
      hint: "`sup daemon start` runs the daemon in the background; with another init system, let it run `sup daemon`",
    });
  const location = unstableLocation(host.program, host.compiled);
  if (location !== null) concerns.push({ ...location, hint: "first install sup to /usr/local/bin or ~/.local/bin, and run it from there" });
  return concerns;
}

function printPlan(context: Context, target: Target, steps: readonly Step[], concerns: readonly Concern[]): number {
  if (context.options.json) {
    const plan = steps.map(({ words, text }) => ({ words, ...(text !== undefined && { text }) }));
    context.json({ scope: target.scope, unit_file: target.unitFile, plan, warnings: concerns.map(({ words }) => words) });
    return EXIT.done;
  }
  const lines = steps.flatMap(({ words, text }) => [`Would ${words}${text === undefined ? "" : ":"}`, ...indented(text)]);
  context.out(lines.length === 0 ? "Nothing to do: the service is installed, enabled and running." : lines.join("\n"));
  for (const { words } of concerns) context.note(`sup: note: ${safe(words)}`);
  return EXIT.done;
}

const indented = (text: string | undefined): string[] => (text === undefined ? [] : text.trimEnd().split("\n").map((line) => `  ${line}`.trimEnd())); // prettier-ignore

async function printDone(context: Context, target: Target, done: readonly string[], warnings: readonly string[]): Promise<number> {
  const service = await queryService(target);
  const pid = Number(service?.MainPID ?? 0);
  const lingering = target.scope === "user" ? await isLingering(target) : null;
  if (context.options.json) {
    context.json({ scope: target.scope, unit_file: target.unitFile, done, pid, state: service?.ActiveState ?? "unknown", lingering, warnings }); // prettier-ignore
    return EXIT.done;
  }
  for (const words of done) context.out(`✓ ${safe(words)}`);
  const begins = target.scope === "system" || lingering ? "It starts at boot." : "It starts when you log in.";
  context.out(`${SERVICE} is ${done.length === 0 ? "already installed and " : ""}running (pid ${pid}). ${begins}`);
  if (done.some((words) => words.startsWith("update ")) && !done.some((words) => words.endsWith(`start ${SERVICE}`)))
    context.out(
      `The new unit file takes effect at the next start: ${target.systemctl("restart", "sup").join(" ")} (services keep running)`,
    );
  for (const warning of warnings) context.note(`sup: warning: ${safe(warning)}`);
  return EXIT.done;
}

const shellNote = ({ env }: Target): string => `this shell has no XDG_RUNTIME_DIR, so sup looks for the daemon elsewhere: export XDG_RUNTIME_DIR=${env.XDG_RUNTIME_DIR}`; // prettier-ignore
