import { statSync } from "node:fs";
import { resolve } from "node:path";
import { findPlaces } from "../../spec/places.ts";
import type { Run } from "../context.ts";
import { prefixer } from "../render/prefix.ts";

export const run: Run = async (context) => {
  const { host, roles, version, options } = context;
  const dir = context.args[0] ?? options.units?.[0] ?? ".";
  const path = resolve(dir);
  if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) {
    return context.fail({
      code: "not-found",
      message: `cannot supervise ${dir}: no such directory`,
      hint: "`sup up DIR` takes the directory with the unit files",
    });
  }
  const units = [path, ...(options.units ?? []).map((other) => resolve(other)).filter((other) => other !== path)];
  const prefix = prefixer(context.paint);
  const { json, out } = context;
  return roles.up({
    places: findPlaces({ env: host.env, uid: host.uid, home: host.home, units }),
    version,
    expect: prefix.expect,
    line: (unit, line) => (options.json ? json({ ...line, service_id: unit }) : out(prefix.line(unit, line))),
    say: (unit, text) => (options.json ? json({ service_id: unit, message: text }) : out(prefix.remark(unit, text))),
  });
};
