/** Runs the commands of the README and the guides. */
import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { SUP } from "../../harness/daemon.ts";
import { processesOf } from "../../harness/processes.ts";
import { run } from "../../harness/run.ts";
import { tempDir } from "../../harness/temp.ts";
import { noSandbox, startSandbox } from "../../harness/sandbox.ts";
import { release, Site } from "../install/releases.ts";
import { blocksOf, Home, ROOT } from "./typed.ts";

const textOf = (document: string): string => readFileSync(join(ROOT, document), "utf8");

test("README: the install command, a service in two minutes, and the quick tour", async () => {
  const blocks = blocksOf("README.md");
  const under = (heading: string): string => {
    const found = blocks.filter((block) => block.heading === heading && block.language === "sh");
    expect(found.length, `heading ${heading}`).toBe(1);
    return found[0]!.text;
  };
  const files = release("x", readFileSync(SUP));
  await using site = await Site.open(files);
  files.set("install.sh", readFileSync(join(ROOT, "install.sh"), "utf8").replace(/^BASE_URL=$/m, `BASE_URL=${site.url}`));
  const line = blocks.map(({ text }) => text).find((text) => text.startsWith("curl "))!;
  await using home = new Home();
  const installed = await home.type(line.replace("URL/", `${site.url}/`));
  expect(installed.stdout).toContain(`to ${home.path}/.local/bin/sup`);
  expect(installed.code).toBe(0);

  const first = await home.type(under("A service in two minutes"));
  expect(first.stderr).toBe("");
  expect(first.stdout).toContain("hello.unit.json");
  expect(first.code).toBe(0);
  expect(first.stdout).toMatch(/hello +running +healthy/);
  expect(first.stdout).toContain("SIGKILL");

  const tour = await home.type(under("A quick tour"));
  expect(tour.code).toBe(0);
  expect(tour.stdout).toMatch(/listening on .*8643\n/); // what it wrote
  expect(processesOf(home.path)).toEqual([]);
}, 90_000);

describe("guides", () => {
  const typed = async (document: string): Promise<string> => {
    await using home = new Home();
    home.install();
    const blocks = blocksOf(document);
    for (const { file, text } of blocks) if (file !== null) home.write(file, text);
    let said = "";
    for (const { language, text } of blocks) {
      if (language !== "sh") continue;
      const { code, stdout, stderr } = await home.type(text);
      expect(stderr, text).toBe("");
      expect(code, text).toBe(0);
      said += stdout;
    }
    expect(processesOf(home.path)).toEqual([]);
    return said;
  };
  const withNode = test.if(existsSync("/usr/bin/node") || existsSync("/usr/local/bin/node"));

  withNode(
    "first-service.md",
    async () => {
      const said = await typed("docs/first-service.md");
      expect(said).toContain("1 file checked: no errors");
      expect(said).toContain("Health: healthy");
      expect(said).toContain("listening on 8641");
      expect(said).toContain("Failed: exit code 1.");
      expect(said).toContain("restart (port)");
      expect(said).toContain("Port: 8642");
    },
    60_000,
  );

  withNode(
    "zero-downtime.md: each request is answered, the last one by another process than the first one",
    async () => {
      const said = await typed("docs/zero-downtime.md");
      const pids = [...said.matchAll(/answered by (\d+)/g)].map(([, pid]) => pid);
      expect(pids.length).toBe(3);
      expect(pids[0] === pids[2]).toBe(false);
    },
    60_000,
  );

  test.if(noSandbox === null)(
    "beside-systemd.md: a service moves to sup and back, and one waits for the other",
    async () => {
      await using box = await startSandbox();
      const ann = await box.addUser("ann", { linger: true });
      const blocks = blocksOf("docs/beside-systemd.md");
      for (const { file, text } of blocks) if (file !== null) await box.write(file.replace("~", "/home/ann"), text, ann);
      let said = "";
      // The service may take a moment to write its first line.
      const patient = (text: string): string => text.replace("sup logs ticker\n", "until sup logs ticker | grep UTC; do sleep 0.1; done\n");
      for (const { language, text } of blocks) if (language === "sh") said += await box.mustAs(ann, ["bash", "-euc", patient(text)]);
      expect(said).toContain("1 file checked: no errors");
      expect(said).toMatch(/ticker - Says the time\n +State: running since/);
      expect(said).toMatch(/ \d\d:\d\d:\d\d(\.\d+)? .*UTC 20\d\d\n/); // a line of its log
      expect(said).toContain("ticker: disabled; stopped in ");
      expect(said).toContain("\nactive\n"); // systemd has it again
      expect(said).toMatch(/listener: running/);
      expect(said).toMatch(/ticker-is-up running/);
      await box.must(["systemctl", "restart", `user@${ann.uid}.service`]); // as a boot would
      await box.managerRuns(ann);
      const order = await box.mustAs(ann, ["systemctl", "--user", "show", "sup", "--property=After,ActiveState"]);
      expect(order).toMatch(/^After=.*\bticker\.service\b/m);
      expect(order).toContain("ActiveState=active");
    },
    60_000,
  );

  test("install.md: the completion scripts are written where the shells look for them", async () => {
    await typed("docs/install.md");
  });
});

test("every unit in a document is valid", async () => {
  using dir = tempDir();
  const units: string[] = [];
  for (const name of [
    "README.md",
    ...readdirSync(join(ROOT, "docs"))
      .filter((each) => /^(first|from|zero|beside)-/.test(each))
      .map((each) => `docs/${each}`),
  ]) {
    for (const { language, text } of blocksOf(name)) {
      if (!["json", "jsonc"].includes(language) || !text.includes('"command":')) continue;
      const path = join(dir.path, `${name.replaceAll(/\W/g, "-")}${units.length}.unit.json`);
      await Bun.write(path, text);
      units.push(path);
    }
  }
  for (const id of ["db", "api", "ticker-is-up"]) await Bun.write(join(dir.path, `${id}.unit.json`), '{"command": "true"}');
  expect(units.length).toBeGreaterThan(5);
  const { code, stdout, stderr } = await run([SUP, "verify", ...units], {
    env: { PATH: "/usr/bin:/bin", HOME: dir.path, SUP_HOME: dir.path },
  });
  expect(stdout + stderr).toContain("no errors");
  expect(code).toBe(0);
});

test("README lists every document", () => {
  const readme = textOf("README.md");
  const documents = readdirSync(join(ROOT, "docs")).filter((name) => name.endsWith(".md"));
  expect(documents.filter((name) => !readme.includes(`](docs/${name})`))).toEqual([]);
});

test("links between documents have existing targets", () => {
  const documents = ["README.md", "HACKING.md", "ARCHITECTURE.md", ...readdirSync(join(ROOT, "docs")).filter((name) => name.endsWith(".md")).map((name) => `docs/${name}`)]; // prettier-ignore
  for (const name of documents) {
    const links = [...textOf(name).matchAll(/\]\((?!https?:|#)([^)#]+)(?:#[^)]*)?\)/g)].map(([, to]) => to!);
    const dead = links.filter((to) => !existsSync(join(ROOT, dirname(name), to)));
    expect(dead, name).toEqual([]);
  }
});
