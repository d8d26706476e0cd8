import { errnoWords } from "../base/errno.ts";
import { makeContext } from "./context.ts";
import { isCurrentDirectoryGone } from "./files/current-directory.ts";
import { TOPICS } from "./help/about.ts";
import type { Host } from "./host.ts";
import { parseFast } from "./parse/fast-parser.ts";
import type { Roles } from "./roles.ts";
import { COMMANDS } from "./table/commands.ts";

/** The build of sup that is running. */
export interface Build {
  readonly version: string;
  /** The commit that was built, or null if sup runs from source. */
  readonly commit: string | null;
  readonly isMusl: boolean;
  /** The address of the releases of this build, or null if it has none. */
  readonly releases: string | null;
}

/** Runs a command line and returns the exit code. `argv` does not contain the program's name. Prints only through the host. */
export async function runCli(argv: readonly string[], host: Host, roles: Roles, build: Build): Promise<number> {
  const words = argv[0] === "--version" || argv[0] === "-V" ? ["version", ...argv.slice(1)] : argv;
  if (words[0] === "help" && TOPICS.some((topic) => topic === words[1]))
    return (await import("./help/topics.ts")).printTopic(words.slice(1), host);
  const parsed = parseFast(words) ?? (await import("./parse/full-parser.ts")).parseFully(words, host);
  if (typeof parsed === "number") return parsed;
  const context = makeContext({ host, roles, ...build, args: parsed.args, options: parsed.options, commands: COMMANDS });
  const { run } = await parsed.command.load();
  try {
    return await run(context);
  } catch (error) {
    if (isCurrentDirectoryGone()) {
      const message = `cannot run \`sup ${parsed.command.name}\` here: the current directory was deleted`;
      return context.fail({ code: "not-found", message, hint: "change to an existing directory first" });
    }
    const trouble = systemTroubleOf(error);
    if (trouble !== null) return context.fail({ code: "failed", message: `cannot run \`sup ${parsed.command.name}\`: ${trouble}` });
    const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return context.fail({ code: "internal", message, hint: "this is a bug in sup; please report it with the line above" });
  }
}

/**
 * Returns what the operating system refused and for which path, for example "mkdir /srv/sup: permission denied". Returns null
 * if the error is not about a path, because then sup is at fault and the stack is needed.
 */
function systemTroubleOf(error: unknown): string | null {
  if (!(error instanceof Error)) return null;
  const { errno, syscall, path } = error as Error & { readonly errno?: unknown; readonly syscall?: unknown; readonly path?: unknown };
  if (typeof errno !== "number" || typeof path !== "string") return null;
  return `${typeof syscall === "string" ? `${syscall} ` : ""}${path}: ${errnoWords(Math.abs(errno))}`;
}
