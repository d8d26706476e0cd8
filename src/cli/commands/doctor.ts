import { EXIT } from "../../api/contract/errors.ts";
import { loadSettings } from "../../spec/schema/settings.ts";
import { daemonLives, type Context, type Run } from "../context.ts";
import { CHECKS } from "../doctor/checks.ts";
import type { Facts, Finding } from "../doctor/finding.ts";
import type { Colour } from "../render/paint.ts";
import { safe } from "../render/safe.ts";
import { readOrNull, targetOf } from "../systemd/target.ts";
import { statusWithin } from "../requests/status-within.ts";

export const run: Run = async (context) => {
  const facts = await gatherFacts(context);
  const found: Array<Finding & { readonly check: string }> = [];
  for (const { name, run: check } of CHECKS) for (const finding of await check(facts)) found.push({ check: name, ...finding });
  const hasProblems = found.some(({ severity }) => severity !== "note");
  if (context.options.json) context.json({ ok: !hasProblems, findings: found, checks: CHECKS.map(({ name }) => name) });
  else printFindings(context, found);
  return hasProblems ? EXIT.failed : EXIT.done;
};

const DAEMON_TIMEOUT_MS = 3000;

async function gatherFacts(context: Context): Promise<Facts> {
  const { places, host } = context;
  const status = await statusWithin(DAEMON_TIMEOUT_MS, context.client, host.sleep);
  const text = readOrNull(places.settings);
  const { settings, problems } = loadSettings(text === null ? null : { path: places.settings, text });
  return {
    context,
    target: targetOf(context),
    places,
    status,
    daemon: status?.daemon ?? null,
    lives: daemonLives(host, places),
    settings: problems.some(({ severity }) => severity === "error") ? null : settings,
  };
}

const MARKS: Record<Finding["severity"], readonly [mark: string, colour: Colour]> = {
  error: ["✗", "red"],
  warning: ["!", "yellow"],
  note: ["·", "dim"],
};
const ORDER: ReadonlyArray<Finding["severity"]> = ["error", "warning", "note"];

function printFindings({ out, paint }: Context, found: ReadonlyArray<Finding & { readonly check: string }>): void {
  for (const severity of ORDER) {
    const [mark, colour] = MARKS[severity];
    for (const { check, message, fix } of found.filter((one) => one.severity === severity)) {
      out(`${paint(colour, mark)} ${paint("bold", check)}: ${safe(message)}`);
      out(`    ${paint("dim", "→")} ${safe(fix)}`);
    }
  }
  const counts = ORDER.map((severity) => [severity, found.filter((one) => one.severity === severity).length] as const);
  const words = counts.filter(([, count]) => count > 0).map(([severity, count]) => `${count} ${severity}${count === 1 ? "" : "s"}`);
  const fine = CHECKS.map(({ name }) => name).filter((name) => !found.some(({ check }) => check === name));
  if (words.length > 0) out(`\n${words.join(", ")}. No problems: ${fine.join(", ")}.`);
  else out(`${paint("green", "✓")} No problems found: ${fine.join(", ")}.`);
}
