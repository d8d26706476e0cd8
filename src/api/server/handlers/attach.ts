import { err, ok } from "../../../base/result.ts";
import type { ApiError } from "../../contract/errors.ts";
import type { Handler } from "./handler.ts";
import { TERMINAL_STREAM, terminalClient } from "./terminal-stream.ts";

/** Streams the terminal of a unit to a client. */
export const attach: Handler<"attach"> = async ({ id, ...client }, { supervisor, streams }) => {
  const opened = await streams.open({
    ...TERMINAL_STREAM,
    attach: (outlet) =>
      supervisor.attach(
        id,
        terminalClient(client, outlet, () => outlet.end()),
      ),
  });
  return opened.ok ? opened.value : opened;
};

/** Types into the terminal that a client is attached to, and changes its size. */
export const attachInput: Handler<"attachInput"> = async ({ id, session, data, columns, rows }, { supervisor }) => {
  const size = columns === undefined || rows === undefined ? null : { columns, rows };
  const bytes = data === undefined ? null : Buffer.from(data, "base64");
  const result = await supervisor.typeInto(id, { session, bytes, size });
  if (!result.ok) return result;
  return result.value === "done" ? ok({ typed: true }) : err(REFUSALS[result.value]);
};

const REFUSALS: Record<"gone" | "watching" | "full", ApiError> = {
  gone: { code: "not-found", message: "cannot type: this client is not attached any more", hint: "attach again" },
  watching: { code: "conflict", message: "cannot type: another client types", hint: "attach with `take` to type instead" },
  full: { code: "too-many", message: "cannot type: the program does not read its input" },
};
