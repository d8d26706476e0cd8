import { z } from "zod";
import { MAX_TYPED_BYTES } from "../limits.ts";
import { runEnd } from "./jobs.ts";

const size = (of: string) => z.int().min(1).max(10_000).optional().describe(`${of} of the client's terminal`);

/** A client that attaches to the terminal of a unit. */
export const attaching = z.strictObject({
  columns: size("Columns"),
  rows: size("Rows"),
  watch: z.boolean().default(false).describe("Only look, and never type"),
  take: z.boolean().default(false).describe("Type from now on, whoever typed before"),
  name: z.string().max(100).default("another client").describe("What other clients call this one"),
});
export type Attaching = z.output<typeof attaching>;

/**
 * One line of the stream of an attached client. `session` comes first and whenever it changes who types: the session for
 * `attach/input`, whether this client types, and who else does. `output` is what the program has written, in base64. `gap` is the
 * number of bytes that a slow client has missed. `ended` means that the run has ended. After `run`, `id` comes first and `end` last.
 */
export const terminalMessage = z.union([
  z.object({ session: z.string(), types: z.boolean(), typist: z.string().nullable() }),
  z.object({ output: z.string() }),
  z.object({ gap: z.int() }),
  z.object({ ended: z.literal(true) }),
  z.object({ id: z.string() }),
  z.object({ end: runEnd }),
]);
export type TerminalMessage = z.infer<typeof terminalMessage>;

export const typed = z.strictObject({
  session: z.string().max(64).describe("The session of the attached client"),
  data: z
    .base64()
    .max((MAX_TYPED_BYTES / 3) * 4)
    .optional()
    .describe("What to type, in base64"),
  columns: size("Columns"),
  rows: size("Rows"),
});
