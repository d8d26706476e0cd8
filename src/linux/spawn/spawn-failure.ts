import { interpreterWords } from "../../base/script.ts";
import type { Report } from "./spawn-server.ts";
import type { ResolvedRequest } from "./spawn-request.ts";

/** Returns the object of the failed step, which is SUBJECT in "cannot start web: SUBJECT: no such file or directory". */
export function subjectOf({ request, candidates, limits }: ResolvedRequest, { stage, detail, firstLine }: Report): string {
  const { argv, cwd, identity, fds } = request;
  switch (stage) {
    case "resolve":
      return argv[0] ?? "";
    case "oom-score":
      return `oom_score_adj ${identity.oomScoreAdj}`;
    case "nice":
      return `nice ${identity.nice}`;
    case "limits":
      return Object.keys(limits)[detail] ?? "";
    case "descriptors":
      return `descriptor ${detail} (from ${fds[detail] ?? "/dev/null"})`;
    case "groups":
    case "gid":
    case "uid":
      return [identity.user === null ? "" : `user ${identity.user}`, identity.group === null ? "" : `group ${identity.group}`]
        .filter(Boolean)
        .join(", ");
    case "chdir":
      return cwd ?? "";
    default:
      return `${candidates[detail] ?? argv[0] ?? ""}${firstLine === null ? "" : `: its interpreter${interpreterWords(firstLine)}`}`;
  }
}
