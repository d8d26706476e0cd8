import { expect, test } from "bun:test";
import { entryOf, exported, textOf, type Json } from "./exporting.ts";

const web = (json: Json, options = {}) => exported("supervisord", { web: { command: "/bin/web", ...json } }, options);
const option = (json: Json, name: string, options = {}): string | undefined =>
  new RegExp(`^${name}=(.*)$`, "m").exec(textOf(web(json, options), "web.conf"))?.[1];

test("a usual program", () => {
  const result = web({
    enabled: true,
    command: "node",
    args: ["server.js", "--name", "a ;b #c", "50%%"],
    environment: { MODE: "x;y", QUOTE: 'say "hi" now' },
    working_directory: "/srv/100%%",
    user: "www-data",
    port: 8080,
    restart_on_exit: true,
    success_exit_codes: [0, 2],
    no_restart_exit_codes: [9],
  });
  expect(textOf(result, "web.conf")).toBe(`; Exported by sup from /etc/sup/units/web.unit.json
[program:web]
command=node server.js --name "a "";b ""#c" 50%%
directory=/srv/100%%
user=www-data
environment=PORT="8080",MODE="x;y",QUOTE='say "hi" now'
autostart=true
priority=100
autorestart=true
startretries=5
startsecs=1
exitcodes=0,2,9
stopsignal=TERM
stopwaitsecs=10
stopasgroup=true
killasgroup=true
redirect_stderr=true
stdout_logfile_maxbytes=10MB
stdout_logfile_backups=5
`);
  expect(entryOf(result, "no_restart_exit_codes")?.outcome).toBe("approximated");
});

test("env(1) sets what the environment cannot express", () => {
  expect(option({ environment: { A: `"'`, B: "x ;y", C: "plain", "D.E": "z" } }, "command")).toBe(
    `/usr/bin/env "A=\\"'" "B=x "";y" D.E=z /bin/web`,
  );
  expect(option({ environment: { A: `"'`, C: "plain" } }, "environment")).toBe('C="plain"');
});

test("env(1) looks for a program in the unit's own PATH", () => {
  expect(option({ command: "node", args: ["x"], environment: { PATH: "/opt/bin" } }, "command")).toBe("/usr/bin/env -- node x");
  expect(option({ command: "/bin/node", environment: { PATH: "/opt/bin" } }, "command")).toBe("/bin/node");
});

test("env(1) cannot start a program with = in its name", () => {
  expect(web({ command: "/bin/a=b", environment: { X: `"'` } }).problems[0]?.message).toContain("env(1) cannot start a program with =");
  expect(option({ command: "/bin/a=b" }, "command")).toBe("/bin/a=b");
});

test("secrets are read from supervisord's environment, unless --with-secrets is given", () => {
  const json = { environment: { DB_PASSWORD: "s3cret%%" } };
  expect(option(json, "environment")).toBe('DB_PASSWORD="%(ENV_DB_PASSWORD)s"');
  expect(web(json).files.map(({ hasSecrets }) => hasSecrets)).toEqual([false]);
  expect(entryOf(web(json), "environment")?.whatToDo).toContain("--with-secrets");
  expect(option(json, "environment", { withSecrets: true })).toBe('DB_PASSWORD="s3cret%%"');
  expect(web(json, { withSecrets: true }).files.map(({ hasSecrets }) => hasSecrets)).toEqual([true]);
});

test("instances: numprocs, and PORT is the number of the process", () => {
  expect(textOf(web({ instances: 3, args: ["%i"] }), "web.conf")).toContain(
    'command=/bin/web %(process_num)d\nnumprocs=3\nnumprocs_start=1\nprocess_name=%(program_name)s_%(process_num)d\nenvironment=SUP_INSTANCE="%(process_num)d"\n',
  );
  expect(textOf(web({ instances: 3, port: 8080 }), "web.conf")).toContain(
    'numprocs_start=8080\nprocess_name=%(program_name)s_%(process_num)d\nenvironment=PORT="%(process_num)d"\n',
  );
});

test("a line break in a command is refused", () => {
  expect(web({ args: ["a\nb"] }).problems[0]?.message).toContain(
    "cannot export web: command: supervisord's configuration cannot contain a line break",
  );
  expect(web({ args: ["a\nb"] }).files).toEqual([]);
});

test("variables of environment files come from supervisord's environment", () => {
  const result = web({ args: ["${X}"], environment_files: ["/etc/x.env"] });
  expect(textOf(result, "web.conf")).toContain("command=/bin/web %(ENV_X)s\n");
  expect(entryOf(result, "command")?.outcome).toBe("approximated");
  expect(web({ args: ["${X}"] }).problems[0]?.message).toContain("the variable X is not set");
});

test("groups, but not with the name of a program", () => {
  const result = exported("supervisord", {
    web: { command: "/bin/a", groups: ["shop", "other"] },
    job: { command: "/bin/b", groups: ["shop"] },
    db: { command: "/bin/c", groups: ["web"] },
  });
  expect(textOf(result, "groups.conf")).toBe("[group:shop]\nprograms=web,job\n");
  expect(
    result.report
      .filter(({ field }) => field === "groups")
      .map(({ unit, outcome }) => `${unit} ${outcome}`)
      .sort(),
  ).toEqual(["db dropped", "job approximated", "web approximated"]);
});

test("a schedule is left to cron", () => {
  const result = web({ type: "oneshot", schedule: { cron: "@daily" } });
  expect(textOf(result, "web.conf")).toContain("autostart=false\n");
  expect(textOf(result, "web.conf")).toContain("startsecs=0\n");
  expect(entryOf(result, "schedule")).toMatchObject({ outcome: "dropped", whatToDo: "let cron run `supervisorctl start NAME`" });
});

test("a template is refused", () => {
  expect(exported("supervisord", { "db@": { command: "/bin/db" } }).problems[0]?.message).toBe(
    "cannot export db@: supervisord has no templates",
  );
});
