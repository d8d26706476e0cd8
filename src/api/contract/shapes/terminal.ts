import { z } from "zod";
import { runEnd } from "./jobs.ts";

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
