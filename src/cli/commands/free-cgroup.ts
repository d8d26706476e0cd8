import { EXIT } from "../../api/contract/errors.ts";
import { releaseControllers } from "../../linux/cgroup/release-controllers.ts";
import type { Run } from "../context.ts";

/** ExecStopPost of the systemd service. That there is nothing to take back is no failure. */
export const run: Run = async ({ note }) => {
  const problem = releaseControllers();
  if (problem === null) return EXIT.done;
  note(`sup: cannot take the controllers back: ${problem}`);
  return EXIT.failed;
};
