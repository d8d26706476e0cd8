import { describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { quoteWords, shellWords } from "../../src/cli/new/shell-words.ts";
import { tempDir } from "../harness/temp.ts";
import { sup, type Given } from "./fake.ts";

/** A home without a daemon, where `create` runs `sup new`. */
function newHome() {
  const temp = tempDir();
  const home = temp.path;
  const file = (name: string): string => join(home, "units", `${name}.unit.json`);
  return {
    home,
    file,
    create: (args: readonly string[], given?: Given) => sup({ home }, ["new", ...args], given),
    unit: (name: string) => JSON.parse(readFileSync(file(name), "utf8").replace(/^\/\/.*\n/, "")) as Record<string, unknown>,
    [Symbol.dispose]: () => temp[Symbol.dispose](),
  };
}

describe("sup new", () => {
  test("writes a unit file that is valid, and says what to do next", async () => {
    using at = newHome();
    const { code, out, err } = await at.create([
      "web",
      "--port",
      "8080",
      "--health",
      "/healthz",
      "--dir",
      at.home,
      "--",
      "true",
      "a b",
      "100%",
      "${X}",
    ]);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out).toContain(`Wrote ${at.file("web")}\n`);
    expect(out).toMatch(/sup daemon start .*\n +sup start web /);
    expect(at.unit("web")).toEqual({
      description: "true a b 100% ${X}",
      enabled: true,
      command: "true",
      args: ["a b", "100%%", "$${X}"],
      working_directory: at.home,
      port: 8080,
      health_check: { type: "http", endpoint: "http://127.0.0.1:${PORT}/healthz" },
    });
    expect(await sup(at, ["verify"])).toEqual({ code: 0, out: "1 file checked: no errors\n", err: "" });
  });

  test.each([
    [["--port", "80"], { type: "tcp", host: "127.0.0.1", port: "${PORT}" }],
    [["--port", "80", "--health", "none"], undefined],
    [["--health", "tcp:90"], { type: "tcp", host: "127.0.0.1", port: 90 }],
    [["--health", "https://x.example/a%20b"], { type: "http", endpoint: "https://x.example/a%%20b" }],
    [[], undefined],
  ])("%j gives the health check %j", async (options, check) => {
    using at = newHome();
    expect((await at.create(["web", ...options, "--dir", at.home, "--", "true"])).code).toBe(0);
    expect(at.unit("web").health_check).toEqual(check as never);
  });

  test.each([
    [["--", "FOO=1", "BAR=a=b", "true", "x"], { command: "true", args: ["x"], environment: { FOO: "1", BAR: "a=b" } }],
    [["--", "FOO='a b' true \"x y\" 50%"], { command: "true", args: ["x y", "50%%"], environment: { FOO: "a b" } }],
    [["--", "true | cat $HOME ${X} 5%"], { command: "true | cat $HOME ${X} 5%%", shell: true }],
    [["--", "FOO=1 true > log"], { command: "FOO=1 true > log", shell: true }],
    [["--", "exec true"], { command: "exec true", shell: true }],
    [["-e", "FOO=%", "--", "BAR=1", "true"], { command: "true", environment: { BAR: "1", FOO: "%%" } }],
  ])("%j becomes %j", async (words, keys) => {
    using at = newHome();
    expect((await at.create(["job", "--dir", at.home, ...words])).code).toBe(0);
    const { description: _, enabled: __, working_directory: ___, ...rest } = at.unit("job");
    expect(rest).toEqual(keys);
  });

  test("a variable that looks like a secret gets a note, because every user can read the unit file", async () => {
    using at = newHome();
    const { code, err } = await at.create(["web", "--dir", at.home, "-e", "A=1", "--", "DB_PASSWORD=x", "true"]);
    expect([code, err]).toEqual([0, expect.stringContaining("DB_PASSWORD looks like a secret: every user can read the unit file")]);
    expect((await at.create(["two", "--dir", at.home, "-e", "A=1", "--", "true"])).err).toBe("");
  });

  test("`cd DIR &&` becomes the working directory, and a note says so", async () => {
    using at = newHome();
    mkdirSync(join(at.home, "shop"));
    const { code, err } = await at.create(["web", "--dir", at.home, "--", "cd shop && PORT=1 true -v"]);
    expect(code).toBe(0);
    expect(err).toContain('`cd shop &&` became "working_directory"');
    expect(at.unit("web")).toMatchObject({
      command: "true",
      args: ["-v"],
      working_directory: join(at.home, "shop"),
      environment: { PORT: "1" },
    });
  });

  test.each([
    [["--", "cd", "/srv"], "--dir /srv"],
    [["--", "sudo", "-u", "bob", "./x", "a b"], "--user bob -- ./x 'a b'"],
    [["--", "nohup", "./x"], "sup keeps it running: ./x"],
    [["--", "./x 1 > log 2>&1 &"], "sup keeps it running: ./x 1"],
    [["--"], "write it after --"],
    [["--health", "/x", "--", "true"], "add --port"],
    [["--health", "x", "--", "true"], "give a path"],
    [["-e", "X", "--", "true"], "--env NAME=VALUE"],
  ])("%j is refused with advice, and writes nothing", async (words, advice) => {
    using at = newHome();
    const { code, err } = await at.create(["web", ...words]);
    expect({ code, err }).toEqual({ code: 2, err: expect.stringContaining(advice) });
    expect(existsSync(at.file("web"))).toBe(false);
  });

  test("a unit file with errors is not written: the daemon would read it", async () => {
    using at = newHome();
    const { code, err } = await at.create(["web", "--port", "70000", "--", "true"]);
    expect(code).toBe(1);
    expect(err).toContain(`${at.file("web")}:`);
    expect(err).toContain("port");
    expect(existsSync(at.file("web"))).toBe(false);
  });

  test("a unit that exists is replaced only with --force, a masked one never", async () => {
    using at = newHome();
    mkdirSync(join(at.home, "units"));
    writeFileSync(at.file("web"), '{ "command": "/bin/true" }');
    symlinkSync("/dev/null", at.file("off"));
    expect(await at.create(["web", "--", "true"])).toMatchObject({ code: 1, err: expect.stringContaining("--force replaces it") });
    expect(at.unit("web").command).toBe("/bin/true");
    expect((await at.create(["web", "--force", "--dir", at.home, "--", "true"])).code).toBe(0);
    expect(at.unit("web").command).toBe("true");
    expect(await at.create(["off", "--force", "--", "true"])).toMatchObject({ code: 1, err: expect.stringContaining("sup unmask off") });
  });

  test.each(["sup", "a b", "web@", "web@1", "../x", ""])("%j is not a name for a new unit", async (name) => {
    using at = newHome();
    expect((await at.create([name, "--", "true"])).code).toBe(2);
  });

  test("--stdout prints the file and writes nothing, also beside an existing unit", async () => {
    using at = newHome();
    mkdirSync(join(at.home, "units"));
    writeFileSync(at.file("web"), '{ "command": "/bin/true" }');
    const { code, out } = await at.create(["web", "--stdout", "--dir", at.home, "--", "true"]);
    expect([code, JSON.parse(out.replace(/^\/\/.*\n/, "")).command]).toEqual([0, "true"]);
    expect(at.unit("web").command).toBe("/bin/true");
  });

  test("--json: the file, the unit and the notes", async () => {
    using at = newHome();
    const { code, out } = await at.create(["web", "--json", "--dir", at.home, "--", "A=1", "true"]);
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({
      file: at.file("web"),
      written: true,
      unit: { command: "true" },
      problems: [],
      notes: [expect.any(String)],
    });
  });

  test("a program that only the caller's PATH has gets a PATH in the unit", async () => {
    using at = newHome();
    const bin = join(at.home, "nvm/bin");
    mkdirSync(bin, { recursive: true });
    writeFileSync(join(bin, "node-of-nvm"), "#!/bin/sh\n", { mode: 0o755 });
    const { code, err } = await at.create(["web", "--dir", at.home, "--", "node-of-nvm"], {
      host: { findProgram: (name) => join(bin, name) },
    });
    expect(code).toBe(0);
    expect(err).toContain(`node-of-nvm is in ${bin}, which is not on a unit's PATH`);
    expect((at.unit("web").environment as { PATH: string }).PATH).toStartWith(`${bin}:/usr/local/sbin:`);
    expect(err).not.toContain("warning");
  });

  test("on a terminal it asks for port, health check and, as root, the user; options answer a question", async () => {
    using at = newHome();
    const asked: string[] = [];
    const answers = ["x", "8080", "/up", "root"];
    const host = { uid: 0, isTerminal: () => true, question: async (words: string) => (asked.push(words), answers.shift() ?? "") };
    expect((await at.create(["web", "--dir", at.home, "--no-color", "--", "true"], { host })).code).toBe(0);
    expect(asked.map((words) => words.split(" ")[0])).toEqual(["Port", "Port", "Health", "User"]);
    expect(at.unit("web")).toMatchObject({ port: 8080, user: "root", health_check: { endpoint: "http://127.0.0.1:${PORT}/up" } });
    asked.length = 0;
    expect(
      (await at.create(["two", "--dir", at.home, "--port", "1", "--health", "tcp", "--", "true"], { host: { ...host, uid: 1000 } })).code,
    ).toBe(0);
    expect(asked).toEqual([]);
  });
});

describe("the words of a shell line", () => {
  test.each([
    ["a  b\tc", ["a", "b", "c"]],
    [`'a b' "c \\"d\\" e" f\\ g ''`, ["a b", 'c "d" e', "f g", ""]],
    [`a#b --x='1 2'y`, ["a#b", "--x=1 2y"]],
  ])("%s is split", (line, words) => expect(shellWords(line)).toEqual(words));

  test.each([
    "a | b",
    "a && b",
    "a > b",
    "a $X",
    'a "$X"',
    "a `b`",
    "a *",
    "a ?",
    "a [x]",
    "~/a",
    "# a",
    "a 'b",
    'a "b',
    "a\nb",
    "a {b,c}",
    "a\\",
  ])("%j needs a shell", (line) => expect(shellWords(line)).toBeNull());

  test("quoted words are split into the same words, here and by sh", async () => {
    const words = fc.array(
      fc.string({ minLength: 1, maxLength: 8, unit: fc.constantFrom("a", " ", "'", '"', "$", "\\", "*", "#", "~", "é") }),
      { minLength: 1, maxLength: 4 },
    );
    fc.assert(fc.property(words, (list) => expect(shellWords(quoteWords(list))).toEqual(list)));
    const [sample] = fc.sample(words, { numRuns: 1, seed: 7 });
    const { stdout } = Bun.spawnSync(["sh", "-c", `printf '%s\\n' ${quoteWords(sample!)}`]);
    expect(stdout.toString()).toBe(`${sample!.join("\n")}\n`);
  });
});
