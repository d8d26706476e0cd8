import { readFileSync } from "node:fs";
import { err, ok, type Result } from "../../base/result.ts";

/** Reads a file; null if it does not exist. The error is the errno name. */
export function readOptional(path: string): Result<string | null, string> {
  try {
    return ok(readFileSync(path, "utf8"));
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? String(error);
    return code === "ENOENT" ? ok(null) : err(code);
  }
}
