// Writes turns until it is killed. Turn n holds 50 events, the memory `run` and a service row, all with the number n.
import { mustOpen, newEvent, serviceRow, turn } from "./rows.ts";

const store = mustOpen(process.argv[2]!);
for (let n = 1; ; n++) {
  const events = Array.from({ length: 50 }, (_, i) => newEvent("web", { details: { n, i } }));
  store.record(
    turn({ events, memories: [{ kind: "unit", id: "run", memory: String(n) }], services: [serviceRow("web", { restartCount: n })] }),
  );
  if (n === 20) process.stdout.write("ready\n");
}
