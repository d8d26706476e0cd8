import { err, ok } from "../../../base/result.ts";
import type { ApiError } from "../../contract/errors.ts";
import type { Attaching } from "../../contract/shapes.ts";
import { json, TERMINAL_STREAM, terminalClient } from "./terminal-stream.ts";
import type { Answer, Context, Handler } from "./handler.ts";

/** Creates a transient unit and starts it. The unit is removed when it ends. */
export const run: Handler<"run"> = async ({ name, unit, stdin, wait, follow, attach }, context) => {
  const { supervisor } = context;
  if (attach !== undefined && !(follow && unit.tty === true)) return err(NO_TERMINAL);
  const made = await supervisor.define(name, unit, stdin);
  if (!made.ok) return made;
  const id = made.value;
  if (follow) return await (attach === undefined ? stream(id, context) : streamTerminal(id, attach, context));
  const started = await supervisor.act({ action: "start", units: [id], wait });
  if (!started.ok) return started;
  const outcome = started.value.outcomes.find((one) => one.id === id)!;
  return { ok: true, value: { id, outcome }, status: outcome.result === "pending" ? 202 : 200 };
};

const NO_TERMINAL: ApiError = {
  code: "bad-request",
  message: "cannot attach: the unit needs a terminal, and the request must follow it",
  hint: 'set "tty": true in the unit, and "follow": true in the request',
};

/** Streams the lines of a transient unit, and then how it ended. The unit is started after the subscription, so that no line is lost. */
async function stream(id: string, { supervisor, streams }: Context): Promise<Answer<"run">> {
  const opened = await streams.open({
    type: "application/x-ndjson",
    first: json({ id }),
    ping: "\n",
    gap: (lost) => json({ gap: lost }),
    attach: async (outlet) => {
      const stop = await supervisor.followRun(id, {
        line: (line) => outlet.send(json(line)),
        gap: (lines) => outlet.send(json({ gap: lines }), lines),
        end(end) {
          outlet.send(json({ end }));
          outlet.end();
        },
      });
      void supervisor.act({ action: "start", units: [id], wait: false });
      return ok(stop);
    },
  });
  return opened.ok ? opened.value : opened;
}

/** Streams the terminal of a transient unit, and then how it ended. */
async function streamTerminal(id: string, client: Attaching, { supervisor, streams }: Context): Promise<Answer<"run">> {
  const opened = await streams.open({
    ...TERMINAL_STREAM,
    first: json({ id }),
    attach: async (outlet) => {
      const attached = await supervisor.attach(
        id,
        terminalClient(client, outlet, () => {}),
      );
      if (!attached.ok) return attached;
      const stop = await supervisor.followRun(id, {
        line: () => {},
        gap: () => {},
        end(end) {
          outlet.send(json({ end }), 0);
          outlet.end();
        },
      });
      void supervisor.act({ action: "start", units: [id], wait: false });
      return ok(() => {
        stop();
        attached.value();
      });
    },
  });
  return opened.ok ? opened.value : opened;
}
