import { expect, test } from "bun:test";
import type { Host } from "../../src/api/contract/shapes.ts";
import { figuresOf } from "../../src/web/host-figures.ts";

const HOST: Host = {
  ...{ name: "a", cores: 2, cpu_percent: 12.4, memory_mb: 1000, memory_used_mb: 312, disk_mb: 10_000, disk_free_mb: 4000 },
  load: [0.52, 0.2, 0.1],
};
const shown = (more: Partial<Host> = {}): string[] =>
  figuresOf({ ...HOST, ...more }).map(({ name, text, tone }) => `${name} ${text} ${tone}`);

test("the machine's CPU, memory, disk and load", () => {
  expect(shown()).toEqual(["CPU 12 % quiet", "Mem 31 % quiet", "Disk 60 % quiet", "Load 0.5 quiet"]);
});

test("figures that need attention are coloured", () => {
  expect(shown({ cpu_percent: 99, memory_used_mb: 920, disk_free_mb: 300, load: [4, 1, 1] })).toEqual([
    ...["CPU 99 % warning", "Mem 92 % warning", "Disk 97 % bad", "Load 4.0 warning"],
  ]);
});

test("unknown figures are dashes", () => {
  const unknown = { cpu_percent: null, memory_mb: null, memory_used_mb: null, disk_mb: null, disk_free_mb: null, load: null };
  expect(shown(unknown)).toEqual(["CPU – quiet", "Mem – quiet", "Disk – quiet", "Load – quiet"]);
});
