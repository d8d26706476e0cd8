import { chmodSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { err, ok, type Result } from "../../base/result.ts";
import { makeSecret } from "./secrets.ts";

export interface Token {
  readonly token: string;
  /** A message for the operator about the token, or null. */
  readonly note: string | null;
}

/** Reads the token of the TCP listener, or creates it. It consists of 256 random bits as base64url, in a file of mode 0600 that outlives restarts. */
export function readOrMakeToken(path: string): Result<Token, string> {
  try {
    const found = readToken(path);
    if (found === null) return ok({ token: makeToken(path), note: null });
    if (!/^[\x21-\x7e]{16,}$/.test(found.token))
      return ok({ token: makeToken(path), note: `${path} had no usable token (at least 16 printable characters), so it was replaced` });
    return ok({ token: found.token, note: found.openMode === null ? null : tighten(path, found.openMode) });
  } catch (error) {
    return err(`cannot keep the API token in ${path}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

const MAX_TOKEN_BYTES = 4096;

function readToken(path: string): { readonly token: string; readonly openMode: number | null } | null {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (!stat) return null;
  if (!stat.isFile() || stat.size > MAX_TOKEN_BYTES) throw new Error("it is not a file that holds a token"); // reading a FIFO would block
  const mode = stat.mode & 0o777;
  return { token: readFileSync(path, "utf8").trim(), openMode: (mode & 0o077) === 0 ? null : mode };
}

/** Creates a token. Writes a new file and renames it, so that a crash leaves either the old file or none, but never a part of a token. */
function makeToken(path: string): string {
  const token = makeSecret(32);
  const draft = `${path}.${process.pid}.new`;
  rmSync(draft, { force: true });
  writeFileSync(draft, `${token}\n`, { mode: 0o600, flag: "wx" });
  renameSync(draft, path);
  return token;
}

function tighten(path: string, mode: number): string {
  chmodSync(path, 0o600);
  return `${path} could be read by other users (mode 0${mode.toString(8)}) and now has mode 0600; to get a new token, remove the file and restart the daemon`;
}
