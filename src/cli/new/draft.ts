import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileNameOf } from "../../base/names.ts";
import type { Problem } from "../../spec/parse/problems.ts";
import type { Context } from "../context.ts";
import { verifyPaths, warningsOf } from "../files/verify.ts";
import { exists } from "../files/masks.ts";

export interface Draft {
  readonly name: string;
  /** The path that the unit file will have. */
  readonly file: string;
  readonly text: string;
  readonly problems: readonly Problem[];
}

/**
 * Checks the text of a new unit file as `sup verify` does, before the file is in the unit directory. The daemon watches that
 * directory and must never see a file with errors.
 */
export async function checkDraft(context: Context, name: string, text: string): Promise<Draft> {
  const file = join(context.places.unitPath[0]!, fileNameOf(name));
  const directory = mkdtempSync(join(tmpdir(), "sup-new-"));
  try {
    const path = join(directory, fileNameOf(name));
    writeFileSync(path, text);
    const verdict = await verifyPaths(context.roles, [path], context.places.unitPath);
    const problems = [...verdict.problems, ...(await warningsOf(context, verdict, [path]))];
    return { name, file, text, problems: problems.map((one) => ({ ...one, file: one.file === path ? file : one.file })) };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

export const hasErrors = ({ problems }: Draft): boolean => problems.some(({ severity }) => severity === "error");

/** Returns the file that already defines or masks the unit, or undefined. */
export const takenBy = ({ places }: Context, name: string): string | undefined =>
  places.unitPath.map((directory) => join(directory, fileNameOf(name))).find(exists);

/** Writes the file under another name first, so that the daemon never reads an incomplete file. */
export function writeDraft({ file, text }: Draft): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o755 });
  const temporary = join(dirname(file), `.${crypto.randomUUID()}.tmp`);
  try {
    writeFileSync(temporary, text, { mode: 0o644, flag: "wx" });
    renameSync(temporary, file);
  } finally {
    rmSync(temporary, { force: true });
  }
}
