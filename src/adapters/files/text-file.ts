import { constants, readFileSync } from "node:fs";
import { open } from "node:fs/promises";
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

/** The kernel reads no more of a script to find its interpreter. */
const MAX_LINE_BYTES = 256;

/** The first line without its line feed; null for a file that cannot be read. */
export async function firstLineOf(path: string): Promise<string | null> {
  try {
    const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK); // opening a FIFO must not block
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(MAX_LINE_BYTES));
      return buffer.toString("latin1", 0, bytesRead).split("\n", 1)[0]!;
    } finally {
      await file.close();
    }
  } catch {
    return null;
  }
}
