/** Lets supervisord's own parser read exported units. */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { expect, test } from "bun:test";
import fc from "fast-check";
import { exported, load, processOf } from "../../convert/export/exporting.ts";
import { supervisordUnit } from "../../convert/export/units.ts";
import { run } from "../../harness/run.ts";

const isInstalled = existsSync("/usr/lib/python3/dist-packages/supervisor/options.py");
const PARSER = resolve(import.meta.dir, "../import/supervisord-parser.py");
const COUNT = 300;

test.skipIf(!isInstalled)("supervisord finds the words and variables of the unit", async () => {
  const units = fc
    .sample(supervisordUnit({}), { numRuns: COUNT, seed: 18 })
    .map((json) => ({ ...json, user: undefined, command: (json.command as string).replaceAll("=", "_") }));
  const configs = units.map((json) => {
    const { files, problems } = exported("supervisord", { web: json });
    expect(problems).toEqual([]);
    return { text: `[supervisord]\n\n${files[0]!.text}` };
  });
  const { stdout, stderr } = await run(["/usr/bin/python3", PARSER], {
    env: { PATH: "/usr/bin:/bin", LANG: "C.UTF-8" },
    stdin: JSON.stringify(configs),
  });
  expect(stderr).toBe("");
  const parsed: Array<Array<Record<string, unknown>>> = JSON.parse(stdout);
  for (const [index, json] of units.entries()) {
    const [theirs] = parsed[index]!;
    const { spec } = load({ web: json }).loaded.get("web")!;
    const ours = processOf(spec);
    expect(started(theirs!)).toEqual({ argv: ours.argv, environment: ours.environment });
    expect(theirs).toMatchObject({
      directory: ours.directory,
      umask: spec.identity.umask,
      autostart: spec.enabled,
      priority: spec.priority,
      startretries: spec.restart.maxRetries,
      startsecs: spec.restart.resetAfterMs / 1000,
      exitcodes: spec.restart.successExitCodes,
      stopsignal: spec.stop.signal,
      stopwaitsecs: spec.stop.timeoutMs / 1000,
      stopasgroup: spec.stop.killMode === "group",
      stdout: { maxBytes: spec.log.maxSizeBytes, backups: spec.log.keep },
    });
  }
});

/** The words and variables of the program, whether supervisord or env(1) sets them. */
function started({ argv, environment }: Record<string, unknown>): unknown {
  const words = [...(argv as string[])];
  const variables = { ...(environment as Record<string, string>) };
  if (words[0] === "/usr/bin/env") {
    words.shift();
    for (let equals = words[0]!.indexOf("="); equals > 0 && !words[0]!.startsWith("/"); equals = words[0]!.indexOf("=")) {
      const word = words.shift()!;
      variables[word.slice(0, equals)] = word.slice(equals + 1);
    }
  }
  return { argv: words, environment: variables };
}
