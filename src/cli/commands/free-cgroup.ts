import { EXIT } from "../../api/contract/errors.ts";
import { releaseControllers } from "../../linux/cgroup/release-controllers.ts";
import type { Run } from "../context.ts";

/** Runs as ExecStopPost of the systemd service. Having nothing to disable is not a failure. */
export const run: Run = async ({ note }) => {
  const problem = releaseControllers();
  if (problem === null) return EXIT.done;
  note(`sup: cannot disable the cgroup controllers: ${problem}`);
  return EXIT.failed;
};
