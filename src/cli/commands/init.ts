import { statSync } from "node:fs";
import { resolve } from "node:path";
import { EXIT } from "../../api/contract/errors.ts";
import { escapeText } from "../../spec/load/specifiers.ts";
import { daemonLives, type Context, type Run } from "../context.ts";
import { findServices } from "../init/find.ts";
import { openProject } from "../init/open-project.ts";
import type { Proposal } from "../init/project.ts";
import { draftUnit } from "../new/command-path.ts";
import { quoteWords } from "../new/shell-words.ts";
import { hasErrors, takenBy, writeDraft, type Draft } from "../new/draft.ts";
import { safe } from "../render/safe.ts";

interface Suggestion {
  readonly proposal: Proposal;
  readonly unit: Readonly<Record<string, unknown>>;
  readonly draft: Draft;
  readonly notes: readonly string[];
  /** The file that already defines or masks a unit of this name, or undefined. Such a file is never replaced. */
  readonly taken: string | undefined;
}

export const run: Run = async (context) => {
  const { args, options } = context;
  const directory = resolve(args[0] ?? ".");
  if (!statSync(directory, { throwIfNoEntry: false })?.isDirectory())
    return context.fail({ code: "not-found", message: `cannot look at ${directory}: it is not a directory` });
  const { proposals, advice } = findServices(openProject(directory));
  const suggestions: Suggestion[] = [];
  for (const proposal of proposals) suggestions.push(await suggest(context, directory, proposal));
  const writable = suggestions.filter(({ draft, taken }) => taken === undefined && !hasErrors(draft));
  if (!options.json) context.out(describe(context, directory, suggestions, advice));
  const writes = writable.length > 0 && (await confirms(context, writable.length));
  if (writes) for (const { draft } of writable) writeDraft(draft);
  if (options.json) context.json(asJson(directory, suggestions, advice, writes));
  else if (writable.length > 0) context.out(outcome(context, directory, writable, writes));
  return suggestions.some(({ draft }) => hasErrors(draft)) ? EXIT.failed : EXIT.done;
};

async function suggest(context: Context, directory: string, proposal: Proposal): Promise<Suggestion> {
  const { name, found, first } = proposal;
  const enabled = first.length === 0 ? { enabled: true } : {};
  const unit = { description: found.slice(0, 200), ...enabled, ...proposal.unit, working_directory: escapeText(directory) };
  const { note, ...draft } = await draftUnit(context, name, unit, [`Proposed by \`sup init\`. Found ${found}.`]);
  return { proposal, unit, draft, notes: [...proposal.notes, ...(note === null ? [] : [note])], taken: takenBy(context, name) };
}

/** Returns true if the files should be written: with --yes, or if the person at the terminal agrees. */
async function confirms({ host, options, places }: Context, count: number): Promise<boolean> {
  if (options.dryRun) return false;
  if (options.yes) return true;
  if (options.json || !host.isTerminal(0) || !host.isTerminal(1)) return false;
  const answer = await host.question(`Write ${files(count)} to ${places.unitPath[0]}? [y/N] `);
  return /^y(es)?$/i.test(answer.trim());
}

function describe({ paint }: Context, directory: string, suggestions: readonly Suggestion[], advice: readonly string[]): string {
  const blocks = suggestions.map(({ proposal, draft, notes, taken }) =>
    [
      `${paint("bold", safe(proposal.name))}   ${safe(proposal.found)}`,
      ...draft.text.trimEnd().split("\n").slice(1).map((line) => `  ${safe(line)}`), // prettier-ignore
      ...draft.problems.map(
        ({ severity, message }) => `  ${paint(severity === "error" ? "red" : "yellow", `${severity}:`)} ${safe(message)}`,
      ),
      ...(proposal.first.length === 0 ? [] : [`  ${paint("yellow", "first:")} ${safe(proposal.first.join(" && "))}`]),
      ...notes.map((note) => `  ${paint("yellow", "note:")} ${safe(note)}`),
      ...(taken === undefined ? [] : [`  ${paint("yellow", "note:")} ${safe(taken)} exists and stays as it is`]),
    ].join("\n"),
  );
  const nothing = `Nothing in ${safe(directory)} names a service that sup knows. \`sup new NAME -- COMMAND\` writes a unit file for any command.`;
  const advised = advice.map((one) => safe(`${one}.`));
  return [...(blocks.length === 0 && advised.length === 0 ? [nothing] : blocks), ...advised].join("\n\n");
}

function outcome({ host, places, args }: Context, directory: string, written: readonly Suggestion[], writes: boolean): string {
  if (!writes) {
    const command = ["sup init", ...args, "--yes"].join(" ");
    return `\nNothing was written. \`${safe(command)}\` writes ${files(written.length)} to ${places.unitPath[0]}.`;
  }
  const change = directory === process.cwd() ? [] : [`cd ${quoteWords([directory])}`];
  const step = ({ proposal: { name, first } }: Suggestion): string =>
    first.length === 0 ? `sup start ${name}` : [...change, ...first, `sup enable --now ${name}`].join(" && ");
  const steps = [...(daemonLives(host, places) ? [] : ["sup daemon start"]), ...written.map(step)];
  return ["", `Wrote ${written.map(({ draft }) => safe(draft.file)).join(", ")}`, "Next:", ...steps.map((step) => `  ${safe(step)}`)].join(
    "\n",
  );
}

const files = (count: number): string => `${count} unit ${count === 1 ? "file" : "files"}`;

const asJson = (directory: string, suggestions: readonly Suggestion[], advice: readonly string[], written: boolean) => ({
  directory,
  written,
  units: suggestions.map(({ proposal, unit, draft, notes, taken }) => ({
    name: proposal.name,
    file: draft.file,
    found: proposal.found,
    first: proposal.first,
    unit,
    problems: draft.problems,
    notes,
    exists: taken !== undefined,
  })),
  advice,
});
