/** `sup import` with the executable: what it writes runs, and it writes nothing else. */
import { expect, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Daemon } from "../../harness/daemon.ts";
import { sharedDaemon } from "../../harness/shared.ts";
import { until } from "../../harness/until.ts";

const shared = sharedDaemon();

/** Writes files below a directory of their own in the daemon's home, and returns it. */
function files(daemon: Daemon, name: string, given: Readonly<Record<string, string>>): string {
  const root = join(daemon.home, "from", name);
  for (const [path, text] of Object.entries(given)) {
    mkdirSync(join(root, path, ".."), { recursive: true });
    writeFileSync(join(root, path), text);
    if (text.startsWith("#!")) chmodSync(join(root, path), 0o755);
  }
  return root;
}

const SHOW = `#!/bin/sh\nprintf 'arg:%s\\n' "$@"\necho "dir:$PWD"\nenv | grep ^X_\nexec sleep 1000\n`;

test("supervisord: a running daemon picks up the imported units, with arguments, directory, environment and secrets", async () => {
  const { daemon } = shared;
  const root = files(daemon, "supervisord", {
    "show.sh": SHOW,
    "supervisord.conf": "[supervisord]\nenvironment=X_GLOBAL=1\n[include]\nfiles=conf.d/*.conf\n",
    "conf.d/show.conf": `[program:show]\ncommand=%(here)s/../show.sh "a b" 50%%%% $HOME\ndirectory=${daemon.home}\nenvironment=X_A="x,y",X_TOKEN="hush $X"\nstdout_logfile=/var/log/x.log\n`,
  });
  const ran = await daemon.sup("import", join(root, "supervisord.conf"));
  expect(ran).toMatchObject({ code: 0, stderr: "" });
  expect(ran.stdout).toContain("stdout_logfile");
  expect(ran.stdout).toContain("all accepted by `sup verify`");
  expect(statSync(join(daemon.home, "units/show.env")).mode & 0o777).toBe(0o600);
  await until(async () => (await daemon.sup("status", "show")).code !== 4, { what: "the daemon to load the unit" });
  await daemon.reaches("show", "running");
  await until(() => daemon.log("show").includes("X_TOKEN"), { what: "the output of the service" });
  const lines = (await daemon.sup("logs", "--bare", "show")).stdout.split("\n");
  expect(lines).toEqual(
    expect.arrayContaining(["arg:a b", "arg:50%%", "arg:$HOME", `dir:${daemon.home}`, "X_GLOBAL=1", "X_A=x,y", "X_TOKEN=hush $X"]),
  );
  expect((await daemon.sup("verify")).code).toBe(0);
  await daemon.sup("stop", "show");
});

test("--allow-js runs an ecosystem file in a process with an empty environment and a time limit", async () => {
  const { daemon } = shared;
  const root = files(daemon, "pm2", {
    "good.config.js":
      "const fs = require('fs');\nmodule.exports = { apps: ['a', 'b'].map((name) => ({ name, script: 'npm', args: ['run', name, String(Object.keys(process.env).length), typeof process.env.HOME, fs.constructor.name] })) };\n",
    "endless.config.js": "for (;;) {}\nmodule.exports = {};\n",
    ".env": "FROM_DOTENV=1\n",
    "bunfig.toml": 'preload = ["./good.config.js"]\n',
  });
  const refused = await daemon.sup("import", "--dry-run", join(root, "good.config.js"));
  expect(refused.code).toBe(1);
  expect(refused.stdout).toContain("--allow-js runs it");
  const good = JSON.parse((await daemon.sup("import", "--dry-run", "--json", "--allow-js", join(root, "good.config.js"))).stdout);
  expect(good.units.map(({ unit }: { unit: { args: string[] } }) => unit.args)).toEqual([
    ["run", "a", "0", "undefined", "Object"],
    ["run", "b", "0", "undefined", "Object"],
  ]);
  expect(good.report[0]).toMatchObject({ field: "process.env", how: "these variables are undefined during the import: HOME" });
  const endless = await daemon.sup("import", "--dry-run", "--allow-js", join(root, "endless.config.js"));
  expect(endless.code).toBe(1);
  expect(endless.stdout).toContain("it did not end within 5 s");
});

test("each format is recognised, and what it becomes passes `sup verify`; nothing is written outside of the target", async () => {
  const { daemon } = shared;
  const root = files(daemon, "all", {
    "a/web.service": "[Service]\nExecStart=/bin/sleep 1\nEnvironment=A_TOKEN=x\n[Install]\nWantedBy=multi-user.target\n",
    "b/Procfile": "worker: sleep 1\n",
    "c/process-compose.yaml": "processes:\n  pc:\n    command: sleep 1\n",
    "d/ecosystem.config.js": "module.exports = { apps: [{ name: 'js', script: 'x.js', interpreter: 'none' }] }\n",
    "e/services.json": '{ "services": { "../../evil": { "command": "sleep", "args": ["1"] } } }',
    "f/sv/run": "#!/bin/sh\nexec sleep 1\n",
    "g/rc/type": "longrun\n",
    "g/rc/run": "#!/bin/sh\nexec sleep 1\n",
  });
  const target = join(daemon.home, "target");
  const paths = ["a/web.service", "b/Procfile", "c/process-compose.yaml", "d/ecosystem.config.js", "e/services.json", "f/sv", "g"].map(
    (path) => join(root, path),
  );
  const before = readdirSync(daemon.home).sort();
  const ran = await daemon.sup("import", "--json", "--output", target, ...paths);
  const result = JSON.parse(ran.stdout);
  expect({ code: ran.code, problems: result.problems }).toEqual({ code: 0, problems: [] });
  expect(result.formats).toEqual(["systemd", "procfile", "process-compose", "pm2", "services", "runit", "s6"]);
  expect(readdirSync(target).sort()).toEqual(
    ["evil", "js", "pc", "rc", "sv", "web", "worker"]
      .map((name) => `${name}.unit.json`)
      .concat("web.env")
      .sort(),
  );
  expect(readdirSync(daemon.home).sort()).toEqual([...before, "target"].sort());
  expect(existsSync(join(daemon.home, "..", "evil.unit.json"))).toBe(false);
  const verified = await daemon.sup("verify", target);
  expect({ code: verified.code, out: verified.stdout }).toEqual({ code: 0, out: "7 files checked: no errors\n" });
});
