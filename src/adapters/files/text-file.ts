import { constants } from "node:fs";
import { open, realpath } from "node:fs/promises";
import { err, ok, type Result } from "../../base/result.ts";
import { readRegularFile } from "../../linux/io/regular-files.ts";
import { credentialsOf } from "../../linux/spawn/users.ts";
import type { IdentitySpec } from "../../spec/spec.ts";

const MAX_BYTES = 1 << 20;

/**
 * Reads a UTF-8 text file that a unit names. It uses the rights of the unit's user, because the daemon may run as root and passes
 * the text to that user. The error is the name of an errno, or a message. Only regular files of at most 1 MiB are accepted. Bytes
 * that are not UTF-8 are refused, because decoding would change what the service receives.
 */
export function readTextFile(path: string, identity: Pick<IdentitySpec, "user" | "group">): Result<string, string> {
  const credentials = credentialsOf(identity);
  if (!credentials.ok) return err(`there is no ${credentials.error}`);
  const bytes = readRegularFile(path, MAX_BYTES, credentials.value);
  if (!bytes.ok) return bytes;
  try {
    return ok(new TextDecoder("utf-8", { fatal: true }).decode(bytes.value));
  } catch {
    return err("it is not UTF-8 text; convert it, for instance with `iconv -f latin1 -t utf-8`");
  }
}

/** The kernel reads at most this many bytes of a script to find its interpreter. */
const MAX_LINE_BYTES = 256;

/** Returns the first line of a file without its line feed, or null if the file cannot be read. */
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

/** Returns the path without symbolic links, or null if it does not exist. */
export const realPathOf = (path: string): Promise<string | null> => realpath(path).catch(() => null);
