import { readFileSync } from "node:fs";
import { EXIT } from "../../api/contract/errors.ts";
import type { Run } from "../context.ts";

export const run: Run = async (context) => {
  const path = context.places.token;
  try {
    const token = readFileSync(path, "utf8").trim();
    if (context.options.json) context.json({ token });
    else context.out(token);
    return EXIT.done;
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === "ENOENT";
    const message = `cannot read the token ${path}: ${missing ? "no such file" : (error as Error).message}`;
    const hint = missing
      ? "the daemon creates it at its first start: `sup daemon start`"
      : "only the user that the daemon runs as may read it";
    return context.fail({ code: missing ? "not-found" : "forbidden", message, hint });
  }
};
