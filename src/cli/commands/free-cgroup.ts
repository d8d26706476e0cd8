import { EXIT } from "../../api/contract/errors.ts";
import { releaseControllers } from "../../linux/cgroup/release-controllers.ts";
import type { Run } from "../context.ts";

/**
 * Disables the cgroup controllers that the daemon enabled. The systemd service runs this command as ExecStopPost. The command
 * succeeds if there is nothing to disable.
 */
export const run: Run = async ({ note }) => {
  const problem = releaseControllers();
  if (problem === null) return EXIT.done;
  note(`sup: cannot disable the cgroup controllers: ${problem}`);
  return EXIT.failed;
};
