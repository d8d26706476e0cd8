import { ok } from "../../../base/result.ts";
import type { Answer, Context, Handler } from "./handler.ts";

/** Creates a transient unit and starts it. The unit is removed when it ends. */
export const run: Handler<"run"> = async ({ name, unit, stdin, wait, follow }, context) => {
  const { supervisor } = context;
  const made = await supervisor.define(name, unit, stdin);
  if (!made.ok) return made;
  const id = made.value;
  if (follow) return await stream(id, context);
  const started = await supervisor.act({ action: "start", units: [id], wait });
  if (!started.ok) return started;
  const outcome = started.value.outcomes.find((one) => one.id === id)!;
  return { ok: true, value: { id, outcome }, status: outcome.result === "pending" ? 202 : 200 };
};

const json = (value: unknown): string => `${JSON.stringify(value)}\n`;

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
