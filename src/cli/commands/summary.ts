import { EXIT } from "../../api/contract/errors.ts";
import type { Run } from "../context.ts";
import { grid } from "../render/grid.ts";
import { safe } from "../render/safe.ts";
import { HEALTH_COLOUR, memory, percent, STATE_COLOUR } from "../render/state.ts";

export const run: Run = async (context) => {
  const answer = await context.client.call("summary");
  if (!answer.ok) return context.fail(answer.error);
  const numbers = answer.value;
  if (context.options.json) {
    context.json(numbers);
    return EXIT.done;
  }
  const { paint, host } = context;
  const counted = <Word extends string>(counts: Record<Word, number>, colours: Record<Word, Parameters<typeof paint>[0]>): string =>
    (Object.entries(counts) as Array<[Word, number]>)
      .filter(([, count]) => count > 0)
      .map(([word, count]) => paint(colours[word], `${count} ${word}`))
      .join(", ");
  const rows = [
    ["Units", `${numbers.total}`],
    ["State", counted(numbers.by_state, STATE_COLOUR)],
    ["Health", counted(numbers.by_health, HEALTH_COLOUR)],
    ["Critical down", numbers.critical_down.length === 0 ? paint("green", "none") : paint("red", safe(numbers.critical_down.join(", ")))],
    ["Restarts in 24 h", String(numbers.restarts_24h)],
    ["CPU", percent(numbers.cpu_percent)],
    ["Memory", memory(numbers.memory_mb)],
    ["Open alerts", numbers.open_alerts === 0 ? "0" : paint("yellow", String(numbers.open_alerts))],
  ];
  context.out(grid(["Summary", ""], rows, paint, host.columns()));
  return EXIT.done;
};
