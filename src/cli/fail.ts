import { EXIT } from "../api/contract/errors.ts";
import type { Context } from "./context.ts";
import { safe } from "./render/safe.ts";

/** As the context's `fail`, but the lines of a message (a quoted log) stay lines. */
export function failWithLines(context: Context, message: string, hint: string): number {
  if (context.options.json) return context.fail({ code: "failed", message, hint });
  context.note(`sup: ${message.split("\n").map(safe).join("\n")}\n  ${safe(hint)}`);
  return EXIT.failed;
}
