import { makeContext } from "./context.ts";
import { parseFast } from "./fast.ts";
import type { Host } from "./host.ts";
import type { Roles } from "./roles.ts";
import { TOPICS } from "./table/about.ts";

/** Which sup this is. */
export interface Build {
  readonly version: string;
  /** The commit it was built from; null when run from the sources. */
  readonly commit: string | null;
  readonly isMusl: boolean;
  /** Where its releases are published; null when it was not made for a place. */
  readonly releases: string | null;
}

/** The whole command line: argv without the program's name in, exit code out. Prints through the host alone. */
export async function runCli(argv: readonly string[], host: Host, roles: Roles, build: Build): Promise<number> {
  const words = argv[0] === "--version" || argv[0] === "-V" ? ["version", ...argv.slice(1)] : argv;
  if (words[0] === "help" && TOPICS.some((topic) => topic === words[1]))
    return (await import("./table/topics.ts")).tellTopic(words.slice(1), host);
  const parsed = parseFast(words) ?? (await import("./program.ts")).parseFully(words, host);
  if (typeof parsed === "number") return parsed;
  const context = makeContext({ host, roles, ...build, args: parsed.args, options: parsed.options });
  const { run } = await parsed.row.load();
  try {
    return await run(context);
  } catch (error) {
    const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return context.fail({ code: "internal", message, hint: "this is a bug in sup; please report it with the line above" });
  }
}
