import { EXIT } from "../../api/contract/errors.ts";
import { jsonSchema } from "../../spec/documents/unit-reference.ts";
import type { Run } from "../context.ts";

/** Prints the JSON Schema. It is indented even without a terminal, because users usually redirect it to a file. */
export const run: Run = async ({ out }) => {
  out(JSON.stringify(jsonSchema(), null, 2));
  return EXIT.done;
};
