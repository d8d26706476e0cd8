import { describe, expect, test } from "bun:test";
import { completeUnit } from "../../src/convert/import/print-unit.ts";
import { entryOf, importFiles, unitOf } from "./files.ts";
import { SUPERVISORD_CONFIGS } from "./supervisord-configs.ts";

/** Imports the lines of a `[program:web]` without a `[supervisord]` section, as in conf.d. */
const program = (...lines: string[]) => importFiles({ "/etc/supervisor/conf.d/web.conf": `[program:web]\n${lines.join("\n")}\n` });
const web = (...lines: string[]) => unitOf(program(...lines), "web").json;

test("a usual section", () => {
  const json = web(
    "command=/usr/bin/gunicorn app:app --bind 127.0.0.1:8000",
    "directory=/srv/web",
    "user=www-data",
    'environment=APP_ENV="production"',
    "autorestart=true",
    "startsecs=5",
    "stopsignal=INT",
    "stopwaitsecs=20",
    "stopasgroup=true",
    "stdout_logfile=/var/log/web.log",
    "redirect_stderr=true",
    "umask=027",
  );
  expect(json).toEqual({
    enabled: true,
    command: "/usr/bin/gunicorn",
    args: ["app:app", "--bind", "127.0.0.1:8000"],
    working_directory: "/srv/web",
    environment: { APP_ENV: "production" },
    user: "www-data",
    umask: "027",
    restart_on_exit: true,
    restart_policy: { max_retries: 3, reset_after: 5 },
    graceful_shutdown: { signal: "SIGINT", timeout: 20 },
    log: { max_size_mb: 50, keep: 10 },
  });
});

describe("words", () => {
  test("a comment sign in quotes cuts the command off, and the import says so", () => {
    const { units, problems } = program('command=/bin/sh -c "cd /tmp ; exec cat"');
    expect(units).toEqual([]);
    expect(problems[0]).toMatchObject({ where: "/etc/supervisor/conf.d/web.conf:2" });
    expect(problems[0]!.message).toContain('cuts it off at the comment sign (" ;" or " #") inside the quotes');
  });
  test("% and ${ of the file are literal in the unit", () => {
    expect(web("command=/bin/date +%%H ${HOME} $HOME")).toMatchObject({ args: ["+%%H", "$${HOME}", "$HOME"] });
  });
  test("%(ENV_X)s becomes a variable of the unit, and the report says what to set", () => {
    const imported = program("command=%(ENV_APP)s/run $%(ENV_X)s");
    expect(unitOf(imported, "web").json).toMatchObject({ command: "${APP}/run", args: ["${SUP_IMPORT_NOT_SET:-$}${X}"] });
    expect(entryOf(imported, "command")).toMatchObject({ outcome: "approximated", whatToDo: expect.stringContaining("set APP, X in") });
  });
  test("%(ENV_X)s in a number, a user or a name: the default, a report, and a valid name", () => {
    const imported = program(
      "command=x",
      "numprocs=%(ENV_N)s",
      "stopwaitsecs=%(ENV_T)s",
      "user=%(ENV_USER)s",
      "process_name=%(ENV_APP)s-web",
    );
    expect(unitOf(imported, "APP-web").json).toEqual({
      enabled: true,
      groups: ["web"],
      command: "x",
      restart_policy: { max_retries: 3, reset_after: 1 },
      graceful_shutdown: { kill_mode: "mixed" },
      log: { max_size_mb: 50, keep: 10 },
    });
    for (const field of ["numprocs", "stopwaitsecs", "user"])
      expect(imported.report.filter((entry) => entry.field === field).map(({ outcome }) => outcome)).toEqual(["dropped"]);
  });
  test("%(here)s is the directory of the included file", () => {
    const imported = importFiles(
      {
        "/etc/supervisord.conf": "[supervisord]\n[include]\nfiles = conf.d/*.conf missing/*.ini\n",
        "/etc/conf.d/b.conf": "[program:b]\ncommand=%(here)s/b\n",
        "/etc/conf.d/a.conf": "[program:a]\ncommand=%(here)s/a\n[include]\nfiles=deeper/*.conf\n",
        "/etc/conf.d/deeper/c.conf": "[program:c]\ncommand=/c\n",
        "/etc/conf.d/.hidden.conf": "[program:hidden]\ncommand=/hidden\n",
      },
      ["/etc/supervisord.conf"],
    );
    expect(imported.units.map(({ name, json }) => [name, json.command])).toEqual([
      ["a", "/etc/conf.d/a"],
      ["b", "/etc/conf.d/b"],
    ]);
    expect(entryOf(imported, "include")).toMatchObject({ outcome: "dropped", how: "no file matches missing/*.ini" });
  });
});

describe("environment", () => {
  test("a value that supervisord's parser damages is carried over damaged, with a warning that names it", () => {
    const imported = program("command=/bin/cat", "environment=A=http://h:80/x?y=1,B=ok");
    expect(unitOf(imported, "web").json.environment).toEqual({ A: "http://h:80/x", y: "1", B: "ok" });
    expect(entryOf(imported, "environment")).toMatchObject({
      outcome: "approximated",
      how: expect.stringContaining("damages the value of A;"),
    });
  });
  test("secrets are kept apart", () => {
    const imported = program("command=/bin/cat", 'environment=DB_PASSWORD="x%%y",URL="redis://u:pw@h/",NAME="n"');
    const unit = unitOf(imported, "web");
    expect(unit.secrets).toEqual({ DB_PASSWORD: "x%y", URL: "redis://u:pw@h/" });
    expect(completeUnit(unit, "/etc/sup/units/web.env")).toMatchObject({
      environment: { NAME: "n" },
      environment_files: ["/etc/sup/units/web.env"],
    });
    expect(completeUnit(unit, null)).toMatchObject({ environment: { NAME: "n", DB_PASSWORD: "x%%y", URL: "redis://u:pw@h/" } });
  });
  test("[supervisord] passes on its environment, user, directory, umask and minfds", () => {
    const imported = importFiles({
      "/etc/s.conf":
        "[supervisord]\nenvironment=A=1\nuser=app\ndirectory=/srv\numask=077\nminfds=4096\nnodaemon=true\n[program:web]\ncommand=x\ndirectory=web\n",
    });
    expect(unitOf(imported, "web").json).toMatchObject({
      environment: { A: "1" },
      user: "app",
      working_directory: "/srv/web",
      umask: "077",
      limits: { nofile: 4096 },
    });
    expect(entryOf(imported, "[supervisord] nodaemon")).toMatchObject({ outcome: "dropped", unit: null });
  });
});

describe("sections", () => {
  test("numprocs becomes the number of instances if the processes differ in their names only", () => {
    const json = web("command=/w", "numprocs=3", "process_name=%(program_name)s_%(process_num)02d");
    expect(json).toMatchObject({ command: "/w", instances: 3 });
  });
  test("numprocs becomes one unit for each process if process_num matters", () => {
    const imported = program("command=/w %(process_num)d", "numprocs=2", "process_name=%(program_name)s_%(process_num)02d");
    expect(imported.units.map(({ name, json }) => [name, json.args, json.groups])).toEqual([
      ["web_00", ["0"], ["web"]],
      ["web_01", ["1"], ["web"]],
    ]);
  });
  test("groups, and priorities only if the file has any", () => {
    const imported = importFiles({
      "/a.conf": "[group:shop]\nprograms=a, b, gone\n[program:a]\ncommand=a\npriority=5\n[program:b]\ncommand=b\n",
    });
    expect(imported.units.map(({ json }) => [json.groups, json.priority])).toEqual([
      [["shop"], 5],
      [["shop"], 999],
    ]);
    expect(entryOf(imported, "[group:shop] programs")).toMatchObject({ outcome: "dropped", how: "there is no [program:gone]" });
  });
  test("event listeners and FastCGI programs are refused with the reason; interfaces are reported", () => {
    const imported = importFiles({
      "/a.conf":
        "[eventlistener:x]\ncommand=x\nevents=TICK_5\n[fcgi-program:y]\ncommand=y\nsocket=tcp://:9\n[inet_http_server]\nport=9001\n[odd]\na=1\n",
    });
    expect(imported.problems.map(({ message }) => message)).toEqual([
      expect.stringContaining("[eventlistener:x] is not imported: it speaks supervisord's event protocol"),
      expect.stringContaining("[fcgi-program:y] is not imported: it gets its socket as descriptor 0"),
    ]);
    expect(entryOf(imported, "[odd]")).toMatchObject({ how: "supervisord does not know this section either" });
  });
  test("an unknown key is named, with a suggestion", () => {
    expect(entryOf(program("command=x", "autostrat=true"), "autostrat")).toMatchObject({
      outcome: "dropped",
      how: "supervisord does not know this key either; did you mean autostart?",
    });
  });
  test.each([
    ["[program:{{ name }}]\ncommand={{ cmd }}\n", "Jinja"],
    ["[program:web]\n{% if x %}\ncommand=a\n{% endif %}\n", "Jinja"],
    ["[program:web]\ncommand=<%= @cmd %>\n", "ERB"],
  ])("a template is refused as such: %#", (text, kind) => {
    expect(importFiles({ "/a.conf": text }).problems[0]!.message).toContain(`the file is a template (${kind})`);
  });
  test("one bad section does not affect the others", () => {
    const imported = importFiles({ "/a.conf": "[program:a]\ncommand=a\nstartsecs=soon\n[program:b]\ncommand=b\n" });
    expect(imported.units.map(({ name }) => name)).toEqual(["b"]);
    expect(imported.problems).toEqual([
      { where: "/a.conf:3", message: 'supervisord refuses [program:a]: startsecs: "soon" is not an integer', hint: null },
    ]);
  });
});

test.each(SUPERVISORD_CONFIGS)("every key of the section is in the report: $title", ({ text }) => {
  const imported = importFiles({ "/s.conf": text }, undefined, { format: "supervisord" });
  for (const { name } of imported.units) {
    const keys = [...text.matchAll(/^\s*([A-Za-z_]+)\s*[=:]/gm)].map((match) => match[1]!.toLowerCase());
    const reported = new Set(
      imported.report.filter(({ unit }) => unit === name || unit === null).map(({ field }) => field.replace(/^.* /, "")),
    );
    const own = keys.filter((key) =>
      /^(command|auto|start|stop|kill|exitcodes|umask|user|std|redirect|numprocs|process_name|environment|directory)/.test(key),
    );
    for (const key of own) expect([key, reported.has(key)]).toEqual([key, true]);
  }
});
