import { isAbsolute, resolve } from "node:path";
import type { ApiError } from "../../api/contract/errors.ts";
import { err, ok, type Result } from "../../base/result.ts";
import { escapeText } from "../../spec/load/specifiers.ts";
import { quoteWords, shellWords } from "./shell-words.ts";

/** The keys of a unit file that a command line decides. */
export interface CommandKeys {
  readonly command: string;
  readonly args?: readonly string[];
  readonly shell?: true;
  readonly working_directory?: string;
  readonly environment?: Readonly<Record<string, string>>;
}

export interface ReadCommand {
  readonly keys: CommandKeys;
  /** Sentences that say what became keys of the unit file. */
  readonly notes: readonly string[];
}

/**
 * Turns a command into keys of a unit file. A single word with spaces is a line for a shell. `cd DIR &&` and `NAME=value` at
 * its beginning become keys, because the command may then need no shell. In all other cases the caller's shell has already
 * expanded the words.
 */
export function readCommand(words: readonly string[], directory: string): Result<ReadCommand, ApiError> {
  const isLine = words.length === 1 && /[\s;&|<>]/.test(words[0]!);
  const change = isLine ? cdOf(words[0]!) : null;
  const base = change === null ? directory : resolve(directory, change.directory);
  const notes = change === null ? [] : [`\`cd ${change.directory} &&\` became "working_directory": "${base}"`];
  const rest = isLine ? readLine(change?.rest ?? words[0]!) : { words, line: null };
  const { environment, left }: Assigned = rest.line === null ? assignments(rest.words) : { environment: {}, left: rest.words };
  const refusal = refuse(left, rest.line);
  if (refusal !== null) return err(refusal);
  const names = Object.keys(environment);
  if (names.length > 0) notes.push(`${names.join(", ")} became ${names.length === 1 ? "a variable" : "variables"} of "environment"`);
  const shared = {
    working_directory: escapeText(base),
    ...(names.length > 0 && { environment: Object.fromEntries(names.map((name) => [name, escapeText(environment[name]!)])) }),
  };
  if (rest.line !== null) {
    notes.push('the command needs a shell, so the unit has "shell": true');
    return ok({ keys: { command: escapeText(rest.line, { variables: false }), shell: true, ...shared }, notes });
  }
  const [program, ...args] = left;
  return ok({
    keys: { command: escapeText(program!), ...(args.length > 0 && { args: args.map((arg) => escapeText(arg)) }), ...shared },
    notes,
  });
}

/** Splits `cd DIR && REST`. Returns null for any other line. */
function cdOf(line: string): { readonly directory: string; readonly rest: string } | null {
  const [, given, rest] = /^\s*cd\s+([^&|;]+?)\s*(?:&&|;)\s*(.+)$/s.exec(line) ?? [];
  const words = given === undefined ? null : shellWords(given);
  return words?.length === 1 ? { directory: words[0]!, rest: rest! } : null;
}

/** Returns the words of a line, and the line itself if it needs a shell. */
function readLine(line: string): { readonly words: readonly string[]; readonly line: string | null } {
  const words = shellWords(line);
  return words === null || BUILTINS.has(words[0] ?? "") ? { words: line.trim().split(/\s+/), line: line.trim() } : { words, line: null };
}

const BUILTINS = new Set([".", "cd", "exec", "eval", "export", "set", "source", "trap", "ulimit", "umask", "unset"]);

interface Assigned {
  readonly environment: Readonly<Record<string, string>>;
  readonly left: readonly string[];
}

function assignments(words: readonly string[]): Assigned {
  const environment: Record<string, string> = {};
  const first = words.findIndex((word) => !ASSIGNMENT.test(word));
  const count = first < 0 ? words.length : first;
  for (const word of words.slice(0, count)) environment[word.slice(0, word.indexOf("="))] = word.slice(word.indexOf("=") + 1);
  return { environment, left: words.slice(count) };
}

const ASSIGNMENT = /^[A-Za-z_]\w*=/;

/** Returns an error for a command that cannot work in a unit, with advice, or null. `line` is a line for a shell. */
function refuse(words: readonly string[], line: string | null): ApiError | null {
  const [program = "", ...args] = words;
  const refusal = (message: string, hint: string): ApiError => ({ code: "bad-request", message, hint });
  if (program === "") return refusal("cannot create a unit: there is no command", "write it after --: sup new web -- node server.js");
  if (line === null && program === "cd") {
    return refusal(
      "cannot use cd as the command of a service: your shell kept what follows && to itself",
      `write sup new NAME --dir ${isAbsolute(args[0] ?? "") ? args[0] : `./${args[0] ?? ""}`} -- COMMAND, or put quotes around the whole line`,
    );
  }
  if (program === "sudo") {
    const user = /^(?:-u|--user=?)$/.test(args[0] ?? "") ? args[1] : "root";
    const command = user === "root" ? args : args.slice(2);
    return refusal(
      "cannot use sudo in a unit: nobody is there to type the password",
      `give the user: --user ${user} -- ${quoteWords(command)}`,
    );
  }
  if (program === "nohup" || (line !== null && /[^&]&\s*$/.test(line))) {
    const rest = (line ?? quoteWords(words)).replace(/^\s*nohup\s+/, "").replace(/(\s*(\d?>>?\s*\S+|2>&1))*\s*&?\s*$/, "");
    return refusal("cannot supervise a command that goes to the background", `leave out nohup and &: sup keeps it running: ${rest}`);
  }
  return null;
}
