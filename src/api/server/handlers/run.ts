import { ok } from "../../../base/result.ts";
import type { Answer, Context, Handler } from "./handler.ts";

/** A transient unit: made, started, and gone when it ends. */
export const run: Handler<"run"> = async ({ name, unit, wait, follow }, context) => {
  const { supervisor } = context;
  const made = supervisor.define(name, unit);
  if (!made.ok) return made;
  const id = made.value;
  if (follow) return stream(id, context);
  const started = await supervisor.act({ action: "start", units: [id], wait });
  if (!started.ok) return started;
  const outcome = started.value.outcomes.find((one) => one.id === id)!;
  return { ok: true, value: { id, outcome }, status: outcome.result === "pending" ? 202 : 200 };
};

const json = (value: unknown): string => `${JSON.stringify(value)}\n`;

/** Its lines as they come, and at the end how it ended; started only when somebody listens, so that nothing is missed. */
function stream(id: string, { supervisor, streams }: Context): Answer<"run"> {
  const opened = streams.open({
    type: "application/x-ndjson",
    first: json({ id }),
    ping: "\n",
    gap: (lost) => json({ gap: lost }),
    attach: (outlet) => {
      const stop = supervisor.followRun(id, {
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
