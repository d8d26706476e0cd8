import { z } from "zod";
import { time } from "./common.ts";

/** The answer that says whether a browser is signed in to the page. */
export const session = z.object({
  signed_in: z.boolean(),
  /** True if the browser had a session that has ended, because it expired, the user signed out, or the token was replaced. */
  ended: z.boolean(),
  /** The time at which the session expires, or null if no session is needed (on the unix socket, or with `api.auth` none). */
  expires: time.nullable(),
  access: z.enum(["read", "write"]),
});
export type Session = z.infer<typeof session>;
