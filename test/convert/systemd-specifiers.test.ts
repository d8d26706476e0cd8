import { describe, expect, test } from "bun:test";
import { entryOf, importFiles, unitOf } from "./files.ts";

const DIRECTORY = "/etc/systemd/system";
const service = (unit: string, service = "", name = "web.service") =>
  importFiles({ [`${DIRECTORY}/${name}`]: `[Unit]\n${unit}\n[Service]\nExecStart=/bin/web\n${service}\n` });
const socket = (text: string, name = "web", directory = DIRECTORY) =>
  importFiles({
    [`${directory}/${name}.service`]: "[Service]\nExecStart=/bin/web\n",
    [`${directory}/${name}.socket`]: `[Socket]\n${text}\n`,
  });

describe("specifiers in keys in which sup expands nothing", () => {
  test.each([
    ["ListenStream=/run/%p.sock", "/run/web.sock"],
    ["ListenStream=%t/%N.sock", "/run/web.sock"],
    ["ListenStream=/run/50%%.sock", "/run/50%.sock"],
    ["ListenStream=%C/x.sock", "/var/cache/x.sock"],
  ])("%s", (text, listen) => {
    expect(unitOf(socket(text), "web").json.sockets).toEqual([{ name: "web.socket", listen }]);
  });

  test("an address with an unknown value is dropped, and the report names the specifier", () => {
    const user = socket("ListenStream=%t/%p.sock", "web", "/usr/lib/systemd/user");
    expect(unitOf(user, "web").json.sockets).toBeUndefined();
    expect(entryOf(user, "ListenStream")).toMatchObject({
      outcome: "dropped",
      how: "sup cannot listen on %t/%p.sock: the value of %t is not known now, and sup expands nothing here",
      whatToDo: "write the absolute path",
    });
    expect(entryOf(socket("ListenStream=/run/%p/%i.sock", "web@"), "ListenStream")?.how).toContain("the value of %i is not known now");
  });

  test("a socket of a service that belongs to a user is one of the user, too", () => {
    const imported = importFiles({
      "/a/web.service": "[Service]\nExecStart=/bin/web\n[Install]\nWantedBy=default.target\n",
      "/a/web.socket": "[Socket]\nListenStream=%t/web.sock\n",
    });
    expect(entryOf(imported, "ListenStream")?.how).toContain("the value of %t is not known now");
  });

  test("the name of a descriptor, and abstract sockets", () => {
    expect(unitOf(socket("ListenStream=80\nFileDescriptorName=%p-http"), "web").json.sockets).toEqual([
      { name: "web-http", listen: "*:80" },
    ]);
    expect(entryOf(socket("ListenStream=@abstract"), "ListenStream")?.how).toContain("sup has no abstract sockets");
  });

  test("a description and a documentation", () => {
    const { json } = unitOf(service("Description=The %p 100%% on %H\nDocumentation=https://x/%N"), "web");
    expect(json.description).toBe("The web 100% on %H");
    expect(json.labels).toEqual({ documentation: "https://x/web" });
  });

  test("a user that only the instance knows makes each start fail, and never runs as root", () => {
    const imported = service("", "User=%i\nGroup=%p", "web@.service");
    expect(unitOf(imported, "web@").json).toMatchObject({ user: "%i", group: "web" });
    expect(entryOf(imported, "User")).toMatchObject({ outcome: "approximated", how: expect.stringContaining("no start succeeds") });
    expect(entryOf(imported, "Group")?.outcome).toBe("carried");
    expect(unitOf(service("", "User=%p"), "web").json.user).toBe("web");
  });

  test("an unknown value in a condition is reported", () => {
    const imported = service("ConditionPathExists=/etc/%H/%p");
    expect(unitOf(imported, "web").json.conditions).toEqual([{ path_exists: "/etc/${HOSTNAME}/web" }]);
    expect(entryOf(imported, "specifiers")?.how).toContain("%H (${HOSTNAME})");
  });
});

describe("conditions", () => {
  const conditions = (text: string) => unitOf(service(text), "web").json.conditions;

  test("one alternative alone is a condition", () => {
    expect(conditions("ConditionPathExists=|/a")).toEqual([{ path_exists: "/a" }]);
    expect(conditions("ConditionPathExists=|!/a")).toEqual([{ path_exists: "/a", not: true }]);
  });

  test("a shell checks several alternatives", () => {
    expect(conditions("ConditionPathExists=|/a b\nConditionFileNotEmpty=|!/c\nConditionPathExists=/d")).toEqual([
      { path_exists: "/d" },
      { command: "/bin/sh", args: ["-c", "test -e '/a b' || test ! -s /c"] },
    ]);
  });

  test("test(1) checks what sup has no condition for", () => {
    expect(conditions("ConditionFileIsExecutable=/bin/x\nConditionPathIsSymbolicLink=!/y")).toEqual([
      { command: "test", args: ["-x", "/bin/x"] },
      { command: "test", args: ["!", "-L", "/y"] },
    ]);
  });

  test("an alternative that cannot be checked drops all of them", () => {
    const imported = service("ConditionPathExists=|/a\nConditionHost=|x");
    expect(unitOf(imported, "web").json.conditions).toBeUndefined();
    expect(imported.report.filter(({ field, outcome }) => field.startsWith("Condition") && outcome === "dropped")).toHaveLength(2);
  });
});

test.each([
  ["exit", "shutdown", "carried"],
  ["exit-force", "shutdown", "approximated"],
  ["none", undefined, "carried"],
  ["reboot", undefined, "dropped"],
])("FailureAction=%s", (value, onFatal, outcome) => {
  const imported = service(`FailureAction=${value}`);
  expect(unitOf(imported, "web").json.on_fatal).toBe(onFatal as string);
  expect(entryOf(imported, "FailureAction")?.outcome).toBe(outcome as "carried");
});

describe("files that are not units of systemd are refused with the reason", () => {
  test.each([
    ["[D-BUS Service]\nName=org.x\nExec=/bin/x\n", "D-Bus starts programs with it"],
    ["<?xml version='1.0'?>\n<service-group></service-group>\n", "it is XML"],
  ])("%p", (text, reason) => {
    const [problem] = importFiles({ "/a/x.service": text }).problems;
    expect(problem?.message).toBe(`cannot import x.service: it is not a unit of systemd, but ${reason}`);
  });

  test.each(["ExecStart=@sbindir@/foo -f", "ExecStart=/bin/x\nUser=@USER@", "ExecStart=/bin/x\nEnvironmentFile=-@SYSCONFDIR@/foo"])(
    "a template of autoconf: %p",
    (text) => {
      const [problem] = importFiles({ "/a/x.service.in": `[Service]\n${text}\n` }).problems;
      expect(problem?.message).toBe("the file is a template (autoconf or CMake), not a unit");
    },
  );

  test("an @ before a program is not one", () => {
    const imported = importFiles({ "/a/x.service": "[Service]\nExecStart=@/bin/x name@host@ @y@\nEnvironment=A=b@c@d\n" });
    expect(unitOf(imported, "x").json).toMatchObject({ command: "/bin/x", args: ["@y@"], environment: { A: "b@c@d" } });
  });

  test("a service without a command", () => {
    expect(importFiles({ "/a/x.service": "[Service]\nType=simple\n" }).problems[0]?.message).toBe(
      "cannot import x: it has no command: the file has no ExecStart=",
    );
  });
});
