import { describe, expect, test } from "bun:test";
import { COMMANDS } from "../../src/cli/table/commands.ts";
import { complete } from "../../src/cli/completion/candidates.ts";
import { OPTIONS, type OptionRow } from "../../src/cli/table/options.ts";
import { wordsOf } from "../../src/cli/completion/shells.ts";
import { FakeDaemon, Failure, sup } from "./fake.ts";
import { aService, daemonInfo } from "./fixtures.ts";

const UNITS = [
  { id: "db", about: "the store", groups: ["shop"] },
  { id: "web@1", about: "", groups: ["shop", "front"] },
  { id: "web@2", about: "", groups: [] },
];

const at = (line: string) => complete(line.split(" ").slice(1), COMMANDS, () => Promise.resolve(UNITS));
const values = async (line: string): Promise<string[]> => (await at(line)).candidates.map(({ value }) => value);

describe("candidates", () => {
  test.each([
    ["sup is-", ["is-active", "is-enabled", "is-failed"]],
    ["sup dem", []],
    ["sup help sta", ["status", "start"]],
    ["sup help u", ["unmask", "up", "uninstall-service", "upgrade", "unit"]],
    ["sup help start ", []],
    ["sup start ", ["db", "web@1", "web@2", "@front", "@shop"]],
    ["sup start @", ["@front", "@shop"]],
    ["sup start db w", ["web@1", "web@2"]],
    ["sup start web@", ["web@1", "web@2"]],
    ["sup start web@1 web", ["web@2"]],
    ["sup why ", ["db", "web@1", "web@2"]],
    ["sup why db ", []],
    ["sup --json start d", ["db"]],
    ["sup logs -n 5 d", ["db"]],
    ["sup logs --lines 5 d", ["db"]],
    ["sup logs --lines=5 d", ["db"]],
    ["sup logs --lines ", []],
    ["sup logs db --since t", ["today"]],
    ["sup logs db --since=t", ["--since=today"]],
    ["sup top --sort=m", ["--sort=memory"]],
    ["sup kill -s HU", ["HUP"]],
    ["sup stop --ca", ["--cascade"]],
    ["sup stop --cascade --ca", []],
    ["sup run --e", ["--env"]],
    ["sup run --env A=1 --e", ["--env"]],
    ["sup run --user ", []],
    ["sup install-service --user --dr", ["--dry-run"]],
    ["sup stop --h", ["--help"]],
    ["sup daemon re", ["restart", "reexec"]],
    ["sup daemon --b", []],
    ["sup daemon-reload d", ["db"]],
    ["sup nonsense d", []],
    ["sup version ", []],
    ["sup completion z", ["zsh"]],
  ])("after `%s`: %j", async (line, wanted) => {
    expect(await values(line)).toEqual(wanted);
  });

  test.each([
    ["sup verify un", "files"],
    ["sup run -- ./mi", "files"],
    ["sup run -- ls --l", "files"],
    ["sup up ", "directories"],
    ["sup --units ", "directories"],
    ["sup run --dir=", "directories"],
    ["sup start ", null],
  ])("after `%s` the shell completes %s itself", async (line, wanted) => {
    expect((await at(line)).also).toBe(wanted as "files");
  });

  test("units are requested only where a unit name can stand", async () => {
    const never = (): never => {
      throw new Error("asked");
    };
    for (const line of ["sup st", "sup start --", "sup verify x", "sup daemon ", "sup logs --since "]) {
      await complete(line.split(" ").slice(1), COMMANDS, never);
    }
  });

  test("every visible command and option is offered, with a description", async () => {
    for (const row of COMMANDS.filter(({ hidden }) => !hidden)) {
      expect(await values(`sup ${row.name}`)).toContain(row.name);
      const { candidates } = await at(`sup ${row.name} --`);
      const options = row.options.map((name): OptionRow => OPTIONS[name]).filter(({ hidden }) => !hidden);
      expect(candidates.map(({ about }) => about)).toEqual(expect.arrayContaining(options.map(({ words }) => words)));
    }
  });
});

test("words are read one per line, and the final dot preserves an empty last word", () => {
  expect(["start\n\n.", "\n.", "start\nwe\n.", "a b\n."].map(wordsOf)).toEqual([["start", ""], [""], ["start", "we"], ["a b"]]);
});

describe("sup complete", () => {
  /** `patience`: the timeout for the daemon, instead of half a second. */
  const ask = (daemon: FakeDaemon, words: string, patience: Promise<void> = new Promise(() => {})) =>
    sup(daemon, ["complete"], { env: { SUP_WORDS: `${words}\n.` }, host: { sleep: () => patience } });

  test("offers the daemon's units and groups, with escaped descriptions", async () => {
    const services = [
      aService("web", { description: "tab\there\u001b[31m", groups: ["shop"] }),
      aService("db", { description: "", groups: [] }),
    ];
    await using daemon = new FakeDaemon({ status: () => ({ daemon: daemonInfo, services }) });
    const { code, out } = await ask(daemon, "start\n");
    expect(out.includes("\u001b")).toBe(false);
    expect(code).toBe(0);
    expect(out.split("\n").map((line) => line.split("\t")[0])).toEqual(["web", "db", "@shop", ""]);
  });

  test("without a daemon, offers the unit files on disk, or those in --units, and prints no error", async () => {
    await using daemon = new FakeDaemon(null);
    await Bun.write(`${daemon.home}/units/web.unit.json`, "{}");
    await Bun.write(`${daemon.home}/units/job@.unit.json`, "{}");
    await Bun.write(`${daemon.home}/other/api.unit.json`, "{}");
    expect(await ask(daemon, "start\n")).toEqual({ code: 0, out: "web\t\n", err: "" });
    expect((await ask(daemon, `--units\n${daemon.home}/other\nstart\n`)).out).toBe("api\t\n");
    expect(await ask(daemon, "--units\n/nonexistent\nstart\n")).toEqual({ code: 0, out: "", err: "" });
  });

  test("does not wait for a daemon that hangs", async () => {
    const asked = Promise.withResolvers<void>();
    const never = new Response(new ReadableStream());
    await using daemon = new FakeDaemon({ status: () => (asked.resolve(), never) });
    await Bun.write(`${daemon.home}/units/web.unit.json`, "{}");
    expect(await ask(daemon, "start\n", asked.promise)).toEqual({ code: 0, out: "web\t\n", err: "" });
  });

  test("prints no error if the daemon refuses the request", async () => {
    await using daemon = new FakeDaemon({ status: () => new Failure("internal", "no") });
    expect(await ask(daemon, "start\n")).toEqual({ code: 0, out: "", err: "" });
  });
});
