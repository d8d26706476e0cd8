import { EXIT } from "../../api/contract/errors.ts";
import type { Run } from "../context.ts";

export const run: Run = async ({ options, version, commit, releases, out, json }) => {
  if (options.json) json({ version, commit, releases, bun: Bun.version, os: process.platform, cpu: process.arch });
  else out(`sup ${version}`);
  return EXIT.done;
};
