import { ok, type Result } from "../../base/result.ts";
import { readRegularFile } from "../../linux/io/regular-files.ts";

const MAX_BYTES = 1 << 20;

/** Reads a file, or returns null if the file does not exist. The error is an errno name or a few words. */
export function readOptional(path: string): Result<string | null, string> {
  const bytes = readRegularFile(path, MAX_BYTES);
  if (bytes.ok) return ok(bytes.value.toString("utf8"));
  return bytes.error === "ENOENT" ? ok(null) : bytes;
}
