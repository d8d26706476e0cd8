import { describe, expect, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { findServices } from "../../src/cli/init/find.ts";
import { openProject } from "../../src/cli/init/open-project.ts";
import { tempDir } from "../harness/temp.ts";
import { sup, type Given } from "./fake.ts";

/** A directory `shop` with files, in a home without a daemon. A file whose text is `#!` is executable. */
function project(files: Readonly<Record<string, string>>) {
  const temp = tempDir();
  const home = temp.path;
  const directory = join(home, "shop");
  mkdirSync(directory);
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, name)), { recursive: true });
    writeFileSync(join(directory, name), text);
    if (text === "#!") chmodSync(join(directory, name), 0o755);
  }
  return {
    home,
    directory,
    written: () => (existsSync(join(home, "units")) ? readdirSync(join(home, "units")).sort() : []),
    init: (args: readonly string[] = [], given?: Given) => sup({ home }, ["init", directory, ...args], given),
    [Symbol.dispose]: () => temp[Symbol.dispose](),
  };
}

const listens = (port: number) => ({ port, health_check: { type: "tcp", host: "127.0.0.1", port: "${PORT}" } });
const packageJson = (value: unknown): Record<string, string> => ({ "package.json": JSON.stringify(value) });

describe("what a directory proposes", () => {
  test.each<[string, Record<string, string>, unknown[]]>([
    [
      "scripts of package.json that are services",
      packageJson({
        name: "@acme/web",
        scripts: { start: "node s.js -p 3000", dev: "x", test: "x", "start:dev": "x", worker: "node w.js" },
      }),
      [
        { name: "web", unit: { command: "npm", args: ["start"], ...listens(3000) }, first: ["npm install"] },
        { name: "web-worker", unit: { command: "npm", args: ["run", "worker"] } },
      ],
    ],
    [
      "the package manager of the lock file, and a build that must come first",
      { ...packageJson({ scripts: { start: "node dist/x.js", build: "tsc" } }), "pnpm-lock.yaml": "", "node_modules/x": "" },
      [{ name: "shop", unit: { command: "pnpm", args: ["start"] }, first: ["pnpm run build"] }],
    ],
    [
      "the main file that listens",
      { ...packageJson({ main: "a.js" }), "a.js": "server.listen(1)" },
      [{ unit: { command: "node", args: ["a.js"] } }],
    ],
    [
      "Flask with gunicorn",
      { "requirements.txt": "Flask==3\ngunicorn\n", "app.py": "site = Flask(__name__)\n", ".venv/bin/python": "#!" },
      [
        {
          name: "shop",
          unit: { command: "./.venv/bin/gunicorn", args: ["--bind", "127.0.0.1:${PORT}", "app:site"], ...listens(8000) },
          first: [],
        },
      ],
    ],
    [
      "FastAPI of pyproject.toml, and the environment that must be made first",
      { "pyproject.toml": 'dependencies = ["fastapi", "uvicorn"]', "main.py": "app: FastAPI = FastAPI()\n" },
      [{ unit: { command: "./.venv/bin/uvicorn" }, first: ["python3 -m venv .venv && .venv/bin/pip install ."] }],
    ],
    [
      "Django and its workers",
      { "requirements.txt": "django\ngunicorn\ncelery[redis]\n", "manage.py": "", "site1/wsgi.py": "", "site1/celery.py": "" },
      [
        { name: "shop", unit: { args: ["--bind", "127.0.0.1:${PORT}", "site1.wsgi"] } },
        { name: "shop-celery", unit: { args: ["-A", "site1", "worker"] } },
      ],
    ],
    [
      "the programs of a Go module",
      {
        "go.mod": "module example.org/x/v2\n",
        "cmd/api/main.go": "package main\n",
        "cmd/job/job.go": "package main\n",
        "cmd/lib/x.go": "package lib\n",
        "bin/api": "#!",
      },
      [
        { name: "api", unit: { command: "./bin/api" }, first: [] },
        { name: "job", unit: { command: "./bin/job" }, first: ["go build -o bin/job ./cmd/job"] },
      ],
    ],
    ["a Go module that is a program", { "go.mod": "module example.org/x/v2\n", "a.go": "package main\n" }, [{ name: "x" }]],
    ["a Go library", { "go.mod": "module example.org/x\n", "a.go": "package x\n" }, []],
    [
      "the programs of a Rust package",
      { "Cargo.toml": '[package]\nname = "srv"\n', "src/main.rs": "", "src/bin/tool.rs": "", "target/release/srv": "#!" },
      [
        { name: "srv", unit: { command: "./target/release/srv" }, first: [] },
        { name: "tool", first: ["cargo build --release"] },
      ],
    ],
    ["a Rust library", { "Cargo.toml": '[package]\nname = "lib"\n', "src/lib.rs": "" }, []],
    [
      "Rails and sidekiq",
      { Gemfile: 'gem "rails"\ngem "sidekiq"\n', "bin/rails": "#!", "Gemfile.lock": "" },
      [{ name: "shop", unit: { command: "./bin/rails", ...listens(3000) }, first: [] }, { name: "shop-sidekiq" }],
    ],
    ["Rack with puma", { Gemfile: "gem 'puma'\n", "config.ru": "" }, [{ unit: { command: "bundle" }, first: ["bundle install"] }]],
    ["Laravel", { "composer.json": "{}", artisan: "", "vendor/autoload.php": "" }, [{ name: "shop" }, { name: "shop-queue" }]],
    ["a PHP site", { "composer.json": "{}", "public/index.php": "" }, [{ unit: { command: "php" } }]],
    ["nothing for a broken package.json", { "package.json": "{" }, []],
  ])("%s", (_, files, expected) => {
    using at = project(files);
    const { proposals } = findServices(openProject(at.directory));
    expect(proposals.length).toBe(expected.length);
    expect(proposals).toMatchObject(expected as never);
    expect(new Set(proposals.map(({ name }) => name)).size).toBe(proposals.length);
  });

  test("files that `sup import` reads are named", () => {
    using at = project({ Procfile: "web: x\n", "ecosystem.config.js": "" });
    const { proposals, advice } = findServices(openProject(at.directory));
    expect(proposals).toEqual([]);
    expect(advice.map((text) => text.split(" ")[0])).toEqual(["Procfile", "ecosystem.config.js"]);
    expect(advice[0]).toContain("sup import --dry-run Procfile");
  });

  test("of a compose file, a service that is built here is proposed; images get advice", () => {
    const compose = [
      "services:",
      "  api:",
      "    build: .",
      "    command: MODE=x node api.js",
      "    ports: ['127.0.0.1:8080:3000']",
      "    environment: { A: b }",
      "  job:",
      "    build: .",
      "    command: [./job, --all]",
      "  built: { build: . }",
      "  db: { image: 'postgres:16' }",
      "  mq: { image: rabbitmq }",
    ].join("\n");
    using at = project({ "compose.yaml": compose });
    const { proposals, advice } = findServices(openProject(at.directory));
    expect(proposals).toMatchObject([
      {
        name: "api",
        unit: { command: "node", args: ["api.js"], environment: { MODE: "x" }, ...listens(3000) },
        notes: [expect.any(String)],
      },
      { name: "job", unit: { command: "./job", args: ["--all"] }, notes: [] },
    ]);
    expect(proposals.every(({ unit }) => !("working_directory" in unit))).toBe(true);
    expect(advice).toEqual([
      expect.stringContaining("sup new built -- COMMAND"),
      expect.stringContaining("units/examples/postgres.unit.json"),
      expect.stringContaining("sup new mq -- COMMAND"),
    ]);
  });

  test("a compose file that is no YAML proposes nothing", () => {
    using at = project({ "compose.yml": "a: [" });
    expect(findServices(openProject(at.directory))).toEqual({ proposals: [], advice: [] });
  });

  test("a FIFO with the name of a known file does not block", () => {
    using at = project({});
    expect(Bun.spawnSync(["mkfifo", join(at.directory, "package.json")]).exitCode).toBe(0);
    expect(findServices(openProject(at.directory))).toEqual({ proposals: [], advice: [] });
  });
});

describe("sup init", () => {
  const files = { ...packageJson({ scripts: { start: "node s.js --port 3000" } }), "node_modules/x": "" };

  test("without a terminal it only shows; --yes writes files that are valid and enabled", async () => {
    using at = project(files);
    const shown = await at.init();
    expect([shown.code, at.written()]).toEqual([0, []]);
    expect(shown.out).toContain("package.json: scripts.start is `node s.js --port 3000`");
    expect(shown.out).toContain(`Nothing was written. \`sup init ${at.directory} --yes\` writes 1 unit file to ${join(at.home, "units")}.`);
    expect((await at.init(["--yes", "--dry-run"])).code).toBe(0);
    expect(at.written()).toEqual([]);
    const wrote = await at.init(["--yes"]);
    expect([wrote.code, at.written()]).toEqual([0, ["shop.unit.json"]]);
    expect(wrote.out).toContain("sup start shop");
    expect((await sup(at, ["verify"])).out).toBe("1 file checked: no errors\n");
    expect((await at.init(["--json"])).out).toContain('"enabled":true');
  });

  test("a unit that needs a step first is not enabled, and the next steps begin with it", async () => {
    using at = project(packageJson({ scripts: { start: "node s.js" } }));
    const { out } = await at.init(["--yes"]);
    expect(out).toContain(`cd ${at.directory} && npm install && sup enable --now shop`);
    expect(out).not.toContain('"enabled"');
  });

  test("on a terminal it asks, and writes only after yes", async () => {
    using at = project(files);
    for (const [answer, written] of [
      ["", 0],
      ["no", 0],
      ["y", 1],
    ] as const) {
      const host = { isTerminal: () => true, question: async () => answer };
      expect((await at.init(["--no-color"], { host })).code).toBe(0);
      expect([answer, at.written().length]).toEqual([answer, written]);
    }
  });

  test("a unit that exists stays as it is", async () => {
    using at = project(files);
    mkdirSync(join(at.home, "units"));
    writeFileSync(join(at.home, "units/shop.unit.json"), '{ "command": "true" }');
    const { code, out } = await at.init(["--yes"]);
    expect([code, out]).toEqual([0, expect.stringContaining("exists and stays as it is")]);
    expect(await Bun.file(join(at.home, "units/shop.unit.json")).text()).toBe('{ "command": "true" }');
  });

  test("a directory without services points to `sup new`; one that is missing is an error", async () => {
    using at = project({ README: "" });
    expect(await at.init()).toMatchObject({ code: 0, out: expect.stringContaining("sup new NAME -- COMMAND") });
    expect((await sup(at, ["init", join(at.home, "none")])).code).toBe(1);
  });
});
