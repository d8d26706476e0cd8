/** Layouts and constants that TypeScript reads from C, and what happens where the two differ. */
import { expect, test } from "bun:test";
import { ptr } from "bun:ffi";
import { tmpdir } from "node:os";
import { nativeFrameLines } from "../../../../src/linux/io/framing.ts";
import framingSource from "../../../../src/linux/io/framing.c" with { type: "text" };
import { compileC } from "../../../../src/linux/ffi/compile-c.ts";
import { compileBare } from "../../../../src/linux/ffi/bare-process.ts";
import bareSource from "../../../../src/linux/ffi/bare-process.c" with { type: "text" };
import { compileKeeper } from "../../../../src/linux/keeper/keeper-process.ts";
import keeperSource from "../../../../src/linux/keeper/keeper.c" with { type: "text" };
import { compileProcessStats } from "../../../../src/linux/proc/process-stats.ts";
import statsSource from "../../../../src/linux/proc/process-stats.c" with { type: "text" };
import { compileSpawnServer } from "../../../../src/linux/spawn/spawn-server.ts";
import spawnSource from "../../../../src/linux/spawn/spawn-server.c" with { type: "text" };

/** `small` is followed by 4 bytes of padding. */
const SOURCE = `
typedef unsigned long word;
struct sample { int small; const char *pointer; int result; };
enum { ANSWER = 42 };
int add(struct sample *s) { s->result = s->small - (int)(word)s->pointer; return s->result; }
struct exported { const char *name; word value, size; };
#define FIELD(type, field) {#type "." #field, (word)&((struct type *)0)->field, sizeof ((struct type *)0)->field}
const struct exported *sup_exports(void) {
  static const struct exported table[] = {
    {"sample", sizeof(struct sample), 0}, FIELD(sample, small), FIELD(sample, pointer), FIELD(sample, result),
    {"ANSWER", ANSWER, 0}, {"stage first", 7, 0}, {0, 0, 0},
  };
  return table;
}`;
const compiled = compileC("sample.c", SOURCE, { add: { args: ["ptr"], returns: "int" } });
const FIELDS = ["small", "pointer", "result"] as const;

test("C reads what was set by field name, and the other way round", () => {
  const layout = compiled.exports.struct("sample", FIELDS);
  expect(layout.sizeBytes).toBe(24);
  expect(FIELDS.map((field) => layout.offsetOf(field))).toEqual([0, 8, 16]);
  const struct = layout.fill({ small: -5, pointer: 37, result: 0 });
  expect(compiled.functions.add(ptr(struct))).toBe(-42);
  expect(layout.getInt(struct, "result")).toBe(-42);
  expect(layout.getInt(Buffer.concat([Buffer.alloc(3), struct]), "result", 3)).toBe(-42);
});

test("a field that only one language knows is an error with its name", () => {
  expect(() => compiled.exports.struct("sample", [...FIELDS, "extra"])).toThrow("sample.c: there is no sample.extra in sup_exports");
  expect(() => compiled.exports.struct("sample", ["small", "pointer"])).toThrow(
    "sample.c: TypeScript does not know the field sample.result",
  );
});

test("a constant that differs is an error with its name and both values", () => {
  expect(() => compiled.exports.expect({ ANSWER: 42, sample: 24, "sample.pointer": 8 })).not.toThrow();
  expect(() => compiled.exports.expect({ ANSWER: 41 })).toThrow("sample.c: ANSWER is 42, but TypeScript has 41");
  expect(() => compiled.exports.expect({ QUESTION: 6 })).toThrow("there is no QUESTION");
});

test("constants are found by prefix", () => expect([...compiled.exports.constants("stage ")]).toEqual([["first", 7]]));

const keeper = (source: string) => (): unknown => compileKeeper(tmpdir(), source);
const bare = (source: string) => (): unknown => compileBare("keeper.c", keeperSource, tmpdir(), source);
const framing = (source: string) => (): unknown => nativeFrameLines(undefined, source);
const stats = (source: string) => (): unknown => compileProcessStats(undefined, source);
const spawn = (source: string) => (): unknown => compileSpawnServer(undefined, source);

test("our C files and TypeScript agree", () => {
  expect(keeper(keeperSource)).not.toThrow();
  expect(framing(framingSource)).not.toThrow();
  expect(spawn(spawnSource)).not.toThrow();
  expect(stats(statsSource)).not.toThrow();
});

test.each([
  ["the first slot of the keeper", keeper, keeperSource, "FIRST_SLOT = 128", "FIRST_SLOT = 129", "FIRST_SLOT is 129"],
  ["the commands of a message", keeper, keeperSource, "MAX_COMMANDS = 64", "MAX_COMMANDS = 32", "MAX_COMMANDS is 32"],
  ["a command", keeper, keeperSource, "int action, slot;", "int slot, action;", "command.action is 4"],
  ["a message header", bare, bareSource, "void *name; unsigned", "unsigned", "msghdr is 48"],
  ["a control header", bare, bareSource, "int level, type;", "int type, level;", "cmsghdr.level is 12"],
  ["a field of a bare process", bare, bareSource, "title_room", "title_space", "does not know the field bare.title_space"],
  ["the size of a part", framing, framingSource, "(16 * 1024)", "(8 * 1024)", "PART_BYTES is 8192"],
  ["the size of a prefix", framing, framingSource, "PREFIX_BYTES 40", "PREFIX_BYTES 41", "PREFIX_BYTES is 41"],
  ["a field of a process", stats, statsSource, "waited_ticks", "waited_time", "does not know the field process.waited_time"],
  ["a stage of a start", spawn, spawnSource, 'STAGE("nice"', 'STAGE("niceness"', "nice, niceness"],
  ["a field of a start", spawn, spawnSource, "has_nice", "sets_nice", "request.sets_nice"],
  ["a field of a report", spawn, spawnSource, "cgroup_error", "group_error", "report.group_error"],
  ["the descriptors of a start", spawn, spawnSource, "MAX_DESCRIPTORS = 253", "MAX_DESCRIPTORS = 250", "MAX_DESCRIPTORS is 250"],
] as const)("a change of C alone is found when it is compiled: %s", (_, compile, source, from, to, message) => {
  expect(source).toContain(from);
  expect(compile(source.replaceAll(from, to))).toThrow(message);
});

test("an order of fields that changes in C alone is no difference: TypeScript takes it from there", () => {
  const moved = spawnSource.replace("  int has_nice, nice;\n  int has_gid, gid;", "  int has_gid, gid;\n  int has_nice, nice;");
  expect(moved).not.toBe(spawnSource);
  expect(spawn(moved)).not.toThrow();
});
