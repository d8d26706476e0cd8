import { rmSync } from "node:fs";
import { EXIT } from "../../api/contract/errors.ts";
import type { Context, Run } from "../context.ts";
import { safe } from "../render/safe.ts";
import { attempt, isLingering } from "../systemd/install.ts";
import { runSteps, type Step } from "../systemd/steps.ts";
import { queryService, findTarget, readOrNull, readRecord, recordPath, type Target } from "../systemd/target.ts";
import { authorOf, SERVICE } from "../systemd/unit-file.ts";

export const run: Run = async (context) => {
  const found = findTarget(context);
  if (!found.ok) return context.fail(found.error);
  const target = found.value;
  const text = readOrNull(target.unitFile);
  if (text !== null && authorOf(text) === "other") {
    const hint = `\`${target.systemctl("disable", "--now", SERVICE).join(" ")}\` stops it; the file itself was written by somebody else`;
    return context.fail({ code: "conflict", message: `cannot uninstall the service: ${target.unitFile} was not written by sup`, hint });
  }
  const steps = await planUninstall(context, target, text !== null);
  if (context.options.dryRun) return printPlan(context, target, steps);
  const outcome = await runSteps(steps);
  if (!outcome.ok)
    return context.fail({ code: "failed", message: `cannot uninstall the service: ${outcome.failed} failed: ${outcome.why}` });
  const { done, warnings } = outcome;
  if (context.options.json) context.json({ scope: target.scope, unit_file: target.unitFile, done, warnings });
  else {
    for (const words of done) context.out(`✓ ${safe(words)}`);
    context.out(
      done.length === 0 ? "There is no service to uninstall." : "The service is uninstalled. Units, settings, logs and state are kept.",
    );
    for (const warning of warnings) context.note(`sup: warning: ${safe(warning)}`);
  }
  return EXIT.done;
};

async function planUninstall({ host }: Context, target: Target, there: boolean): Promise<Step[]> {
  const steps: Step[] = [];
  const service = host.systemdRuns() ? await queryService(target) : null;
  const command = (words: string, args: readonly string[]): Step => ({
    words,
    run: async () => {
      const result = await target.ask(target.systemctl(...args));
      return result.code === 0 ? null : result.stderr || `systemctl exited with ${result.code}`;
    },
  });
  if (service !== null && service.ActiveState !== "inactive")
    steps.push(command(`${target.systemctl("stop", SERVICE).join(" ")} (stops every unit in order)`, ["stop", SERVICE]));
  if (service !== null && there && service.UnitFileState === "enabled")
    steps.push(command(target.systemctl("disable", SERVICE).join(" "), ["disable", SERVICE]));
  if (there) steps.push({ words: `remove ${target.unitFile}`, run: () => attempt(() => rmSync(target.unitFile)) });
  if (service !== null && there) steps.push(command(target.systemctl("daemon-reload").join(" "), ["daemon-reload"]));
  const record = readRecord(target);
  if (record?.lingering && (await isLingering(target))) steps.push(endLingering(target));
  if (record !== null) steps.push({ words: "remove the record of the installation", run: () => attempt(() => rmSync(recordPath(target))) });
  return steps;
}

/**
 * Disables lingering. This must be the last step. If the user is not logged in, the user's systemd manager and all its
 * processes end when lingering is disabled.
 */
const endLingering = (target: Target): Step => ({
  words: `disable lingering for ${target.user}, which sup enabled`,
  optional: `As root: loginctl disable-linger ${target.user}`,
  run: async () => {
    const result = await target.ask(["loginctl", "disable-linger", target.user]);
    return result.code === 0 ? null : result.stderr || `loginctl exited with ${result.code}`;
  },
});

function printPlan({ options, json, out }: Context, target: Target, steps: readonly Step[]): number {
  if (options.json) json({ scope: target.scope, unit_file: target.unitFile, plan: steps.map(({ words }) => ({ words })) });
  else out(steps.length === 0 ? "There is no service to uninstall." : steps.map(({ words }) => `Would ${safe(words)}`).join("\n"));
  return EXIT.done;
}
