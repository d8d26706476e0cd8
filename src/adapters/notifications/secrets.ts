import { err, ok, type Result } from "../../base/result.ts";
import { readRegularFile } from "../../linux/io/regular-files.ts";
import type { Secret } from "../../spec/notifications.ts";
import { HIDDEN } from "../../spec/redact.ts";

const MOST_BYTES = 64 * 1024;

/** Reads secrets for one attempt, and removes them from texts about the attempt. */
export class Secrets {
  readonly #values = new Set<string>();

  /**
   * Returns the first line of the file, or the value of the variable. The error names the missing file or variable, but never
   * contains a value.
   */
  read(secret: Secret): Result<string, string> {
    const value = "file" in secret ? fromFile(secret.file) : fromEnvironment(secret.env);
    if (value.ok) this.#values.add(value.value);
    return value;
  }

  readUrl(url: string | Secret): Result<string, string> {
    const value = typeof url === "string" ? ok(url) : this.read(url);
    if (!value.ok) return value;
    if (typeof url !== "string") for (const part of partsOf(value.value)) this.#values.add(part);
    return /^https?:\/\/[^\s]+$/.test(value.value) && URL.canParse(value.value) ? value : err(`${nameOf(url)} does not contain a URL`);
  }

  hide(text: string): string {
    let hidden = text;
    for (const value of this.#values) if (value.length > 3) hidden = hidden.replaceAll(value, HIDDEN);
    return hidden;
  }
}

/** Returns the path, the query and the credentials of a secret URL. Some servers repeat these parts in their answers. */
function partsOf(text: string): string[] {
  if (!URL.canParse(text)) return [];
  const { pathname, search, username, password } = new URL(text);
  return [pathname + search, pathname, search, username, password].filter((part) => part.length > 3);
}

function fromFile(path: string): Result<string, string> {
  const bytes = readRegularFile(path, MOST_BYTES);
  if (!bytes.ok) return err(`cannot read the secret in ${path}: ${bytes.error}`);
  const [line = ""] = bytes.value.toString("utf8").split(/\r?\n/);
  return line.trim() === "" ? err(`the first line of ${path} is empty`) : ok(line.trim());
}

function fromEnvironment(name: string): Result<string, string> {
  const value = process.env[name]?.trim() ?? "";
  return value === "" ? err(`the variable ${name} is not set in the environment of the daemon`) : ok(value);
}

const nameOf = (url: string | Secret): string =>
  typeof url === "string" ? "the URL" : "file" in url ? url.file : `the variable ${url.env}`;
