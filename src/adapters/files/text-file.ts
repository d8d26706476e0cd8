import { readFileSync } from "node:fs";
import { err, ok, type Result } from "../../base/result.ts";

/**
 * The text of a UTF-8 file. The error is the name of the errno, or a message: other bytes than UTF-8 are refused, because they
 * would reach a service changed.
 */
export function readTextFile(path: string): Result<string, string> {
  try {
    return ok(new TextDecoder("utf-8", { fatal: true }).decode(readFileSync(path)));
  } catch (error) {
    if (error instanceof TypeError) return err("it is not UTF-8 text; convert it, for instance with `iconv -f latin1 -t utf-8`");
    return err((error as NodeJS.ErrnoException).code ?? String(error));
  }
}
