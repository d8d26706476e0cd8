import { EXIT } from "../../api/contract/errors.ts";
import { applyChange, emptyView, type View } from "../../api/contract/view.ts";
import type { Context, Run } from "../context.ts";
import { topScreen, SORTS, type Sort } from "../render/top.ts";
import { styleOf } from "./status.ts";

/**
 * The minimum time between two redraws of the screen. On a terminal the screen is redrawn when something changes. Otherwise the
 * table is printed once.
 */
const DRAW_MS = 250;
/**
 * Redraws the screen from its top. Each line erases the rest of its row, and the last line erases all rows below. Clearing the
 * screen first would flicker.
 */
const paintOver = (text: string): string => `\x1b[H${text.replaceAll("\n", "\x1b[K\n")}\x1b[K\x1b[J`;
/** Escape sequences for the alternate screen. The cursor is hidden, and lines do not wrap, so that each line takes one row. */
const [ENTER, LEAVE] = ["\x1b[?1049h\x1b[?25l\x1b[?7l", "\x1b[?7h\x1b[?25h\x1b[?1049l"];

export const run: Run = async (context) => {
  const sort = (context.options.sort ?? "cpu") as Sort;
  if (!SORTS.includes(sort))
    return context.fail({ code: "bad-request", message: `cannot sort by ${sort}`, hint: `sort by ${SORTS.join(", ")}` });
  const { env, isTerminal } = context.host;
  return isTerminal(1) && env.TERM !== "dumb" && !context.options.json ? live(context, sort) : once(context, sort);
};

async function once(context: Context, sort: Sort): Promise<number> {
  const answer = await context.client.call("status");
  if (!answer.ok) return context.fail(answer.error);
  if (context.options.json) context.json(answer.value.services);
  else context.out(topScreen(applyChange(emptyView(), 0, { kind: "snapshot", data: answer.value }), sort, styleOf(context), Infinity));
  return EXIT.done;
}

async function live(context: Context, first: Sort): Promise<number> {
  const { host, client } = context;
  let sort = first;
  let view: View = emptyView();
  let ended = false;
  let drawnAt = 0;
  const draw = (): void => {
    drawnAt = host.now();
    const help = context.paint("dim", "q quit  c cpu  m memory  n name  r restarts  u uptime");
    host.write(1, paintOver(`${topScreen(view, sort, styleOf(context), host.rows() ?? 24)}\n${help}`));
  };
  const { promise: quit, resolve: end } = Promise.withResolvers<"quit">();
  const stopKeys = host.keys((key) => {
    const chosen = SORTS.find((one) => one.startsWith(key));
    if (key === "q" || key === "\x03" || key === "\x1b") end("quit");
    else if (chosen !== undefined) {
      sort = chosen;
      draw();
    }
  });
  const stopSignals = host.ending(() => end("quit"));
  const timer = setInterval(draw, 1000); // updates the uptimes
  host.write(1, ENTER);
  const changes = client.events();
  let failure: number | null = null;
  try {
    while (!ended) {
      const next = await Promise.race([changes.next(), quit]);
      if (next === "quit" || next.done) break;
      if (!next.value.ok) {
        const { error } = next.value;
        host.write(1, LEAVE);
        failure = context.fail(error);
        break;
      }
      view = applyChange(view, next.value.value.id, next.value.value.change);
      if (host.now() - drawnAt >= DRAW_MS || next.value.value.change.kind === "snapshot") draw();
    }
  } finally {
    ended = true;
    clearInterval(timer);
    stopKeys();
    stopSignals();
    if (failure === null) host.write(1, LEAVE);
    void changes.return(undefined);
  }
  return failure ?? EXIT.done;
}
