import { EXIT } from "../../api/contract/errors.ts";
import { jsonSchema } from "../../spec/documents/unit-reference.ts";
import type { Run } from "../context.ts";

/** Always indented JSON, because it is usually written to a file. */
export const run: Run = async ({ out }) => {
  out(JSON.stringify(jsonSchema(), null, 2));
  return EXIT.done;
};
