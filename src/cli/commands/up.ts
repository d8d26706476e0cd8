import { statSync } from "node:fs";
import { relative, resolve } from "node:path";
import { stripSuffix } from "../../base/names.ts";
import { findPlaces } from "../../spec/places.ts";
import { isSameFile } from "../files/same-file.ts";
import type { Context, Run } from "../context.ts";
import { prefixer } from "../render/prefix.ts";
import { safeJson } from "../render/safe.ts";

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
  const places = findPlaces({ env: host.env, uid: host.uid, home: host.home, units });
  const say = (unit: string | null, text: string): void =>
    options.json ? json({ service_id: unit, message: text }) : out(prefix.remark(unit, text));
  const onReady = (url: string | null): void => {
    const sup = calledFrom(context);
    if (url === null) say(null, `there is no web page; set its port in ${places.settings}: {"api": {"port": 7871}}`);
    else say(null, `web page: ${url} (\`${sup} dashboard\` prints a sign-in link)`);
    say(null, `in another terminal: ${sup} status; Ctrl-C in this one stops all units in order`);
  };
  await host.outliveReaders((lines) => {
    const message = `${lines} lines were not shown, because the reader of this output is too slow`;
    return options.json ? safeJson({ service_id: null, message }) : prefix.remark(null, message);
  });
  const code = await roles.up({
    places,
    version,
    exitOn: exitOnOf(options.exitOn),
    begun: onReady,
    expect: prefix.expect,
    line: (unit, line) => (options.json ? json({ ...line, service_id: unit }) : out(prefix.line(unit, line))),
    say,
  });
  await host.finishOutput();
  return code;
};

function exitOnOf(text: string | undefined): Parameters<Context["roles"]["up"]>[0]["exitOn"] {
  if (text === undefined) return null;
  return text === "failure" || text === "all-done" ? text : { unit: stripSuffix(text) };
}

/**
 * Returns the command with which the user can run this program in another terminal, in the same directory. In a source
 * checkout, `sup` is not on PATH.
 */
function calledFrom({ host }: Context): string {
  const found = Bun.which("sup", { PATH: host.env.PATH ?? "" });
  const near = relative(process.cwd(), host.program);
  const name = found !== null && isSameFile(found, host.program) ? "sup" : near.startsWith("..") ? host.program : near;
  return host.env.SUP_HOME ? `SUP_HOME=${host.env.SUP_HOME} ${name}` : name;
}
