import { EXIT } from "../../api/contract/errors.ts";
import { fileProblem, type Problem } from "../../spec/parse/problems.ts";
import type { Context, Run } from "../context.ts";
import { describeProblem } from "../render/problem.ts";
import { notInForce } from "../../api/contract/verdict.ts";
import { wordingAt } from "../render/why.ts";
import { verifyPaths, warningsOf, type Verdict } from "../files/verify.ts";

export const run: Run = async (context) => {
  const checked = await verifyPaths(context.roles, context.args, context.places.unitPath);
  const verdict = {
    ...checked,
    problems: [...checked.problems, ...(await warningsOf(context, checked, context.args)), ...(await revertsOf(context, checked))],
  };
  const errors = verdict.problems.filter(({ severity }) => severity === "error");
  if (context.options.json) context.json({ ok: errors.length === 0, files: verdict.files, problems: verdict.problems });
  else printVerdict(context, verdict, errors);
  return errors.length > 0 ? EXIT.failed : EXIT.done;
};

/** Returns a warning for each checked file that the daemon does not use because its rollout failed. Works without a running daemon. */
async function revertsOf({ client, host }: Context, { files }: Verdict): Promise<Problem[]> {
  const answer = await client.call("status");
  if (!answer.ok) return [];
  const reverts = new Map(
    answer.value.services.flatMap(({ file, reverted }) => (reverted && files.includes(file) ? [[file, reverted]] : [])),
  );
  return [...reverts].map(([file, reverted]) =>
    fileProblem(file, { severity: "warning", message: notInForce(reverted, wordingAt(host.now())) }),
  );
}

function printVerdict(context: Context, { files, problems, texts }: Verdict, errors: readonly Problem[]): void {
  const { paint, out, note, options, places, args } = context;
  for (const problem of problems) note(describeProblem(problem, paint, texts.get(problem.file)));
  if (options.quiet) return;
  if (files.length === 0 && problems.length === 0) {
    out(`No unit files in ${(args.length > 0 ? args : places.unitPath).join(" or ")}.`);
    return;
  }
  const checked = `${files.length} ${files.length === 1 ? "file" : "files"} checked`;
  const verdict =
    errors.length === 0 ? paint("green", "no errors") : paint("red", `${errors.length} ${errors.length === 1 ? "error" : "errors"}`);
  out(`${checked}: ${verdict}`);
}
