import { EXIT } from "../../api/contract/errors.ts";
import type { ServiceFile } from "../../api/contract/shapes.ts";
import type { Run } from "../context.ts";
import { filesOf } from "../requests/unit-files.ts";
import { safe } from "../render/safe.ts";

export const run: Run = async (context) => {
  const found = await filesOf(context, context.args, false);
  if (!found.ok) return context.fail(found.error);
  if (context.options.json) context.json(found.value.map(({ id, files }) => ({ id, files })));
  else context.out(found.value.flatMap((unit) => texts(unit, (path) => context.paint("cyan", `// ${safe(path)}`))).join("\n\n"));
  return EXIT.done;
};

/**
 * Returns the text of each file, after a comment line with the file's path. The output for a single file is therefore a valid
 * unit file.
 */
const texts = ({ files }: ServiceFile, head: (path: string) => string): string[] =>
  files.map(({ path, text }) => `${head(path)}\n${text.trimEnd().split("\n").map(safe).join("\n")}`);
