import { EXIT } from "../../api/contract/errors.ts";
import type { Run } from "../context.ts";
import type { Shell } from "../completion/shells.ts";
import { SCRIPTS } from "../completion/scripts.ts";

export const run: Run = async ({ args, host }) => {
  host.write(1, SCRIPTS[args[0] as Shell]);
  return EXIT.done;
};
