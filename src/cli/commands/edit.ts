import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { EXIT, type ApiError } from "../../api/contract/errors.ts";
import { err, ok, type Result } from "../../base/result.ts";
import type { Context, Run } from "../context.ts";
import { mainFileOf } from "../requests/unit-files.ts";
import { describeProblem } from "../render/problem.ts";
import { verifyPaths } from "../files/verify.ts";

const EDITOR_HINT = "set VISUAL or EDITOR to an editor, for example EDITOR=nano";
const EMPTY = "{\n}\n";

export const run: Run = async (context) => {
  const main = await mainFileOf(context, context.args[0]!);
  if (!main.ok) return context.fail(main.error);
  const path = dropInPath(main.value, context.options.dropIn);
  if (!path.ok) return context.fail(path.error);
  const isNew = !existsSync(path.value);
  if (isNew) {
    mkdirSync(dirname(path.value), { recursive: true, mode: 0o755 });
    writeFileSync(path.value, EMPTY, { mode: 0o644 });
  }
  const before = readFileSync(path.value, "utf8");
  const failure = await openEditor(context, path.value);
  const after = existsSync(path.value) ? readFileSync(path.value, "utf8") : "";
  if (isNew && after === EMPTY) rmSync(path.value); // the user entered nothing, so remove the new file
  if (failure) return context.fail(failure);
  if (after === before) {
    print(context, { file: path.value, changed: false, problems: [] }, "Nothing changed.");
    return EXIT.done;
  }
  return check(context, path.value);
};

function dropInPath(main: string, name: string | undefined): Result<string, ApiError> {
  if (name === undefined) return ok(main);
  const plain = name.replace(/\.json$/, "");
  if (/^[A-Za-z0-9_][A-Za-z0-9_.-]*$/.test(plain)) return ok(`${main}.d/${plain}.json`);
  return err({
    code: "bad-request",
    message: `cannot use ${name} as the name of a drop-in`,
    hint: "allowed are letters, digits, _ . and -",
  });
}

async function openEditor(context: Context, path: string): Promise<ApiError | null> {
  const { env } = context.host;
  const editor = env.VISUAL || env.EDITOR || (context.host.isTerminal(0) ? "vi" : "");
  if (editor === "") return { code: "failed", message: `cannot edit ${path}: there is no terminal for an editor`, hint: EDITOR_HINT };
  // As in git and systemctl, the variable EDITOR may contain options, so a shell splits it. The path is passed as a separate
  // argument.
  const code = await context.host.interactive(["/bin/sh", "-c", `${editor} "$@"`, editor, path]);
  if (code === 0) return null;
  const message = `cannot edit ${path}: ${editor} ${code === null ? "could not be run" : `exited with code ${code}`}`;
  return { code: "failed", message, hint: EDITOR_HINT };
}

async function check(context: Context, path: string): Promise<number> {
  const { problems, texts } = await verifyPaths(context.roles, [path], context.places.unitPath);
  const bad = problems.some(({ severity }) => severity === "error");
  if (!context.options.json) for (const problem of problems) context.note(describeProblem(problem, context.paint, texts.get(problem.file)));
  print(
    context,
    { file: path, changed: true, problems },
    bad
      ? `${path} has errors, so the last valid version stays in effect. \`sup edit ${context.args[0]}\` opens it again.`
      : `${path} is valid. \`sup reload --dry-run\` shows what would change, \`sup reload\` applies it.`,
  );
  return bad ? EXIT.failed : EXIT.done;
}

function print(
  context: Context,
  answer: { readonly file: string; readonly changed: boolean; readonly problems: readonly unknown[] },
  words: string,
): void {
  if (context.options.json) context.json(answer);
  else context.out(words);
}
