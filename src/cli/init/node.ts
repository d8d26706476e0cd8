import { isMap } from "../../convert/import/data.ts";
import { escapeText } from "../../spec/load/specifiers.ts";
import { onPort, unitName, type Project, type Proposal } from "./project.ts";

/** Scripts of package.json that are services. Others build, test or watch. */
const SERVICES = /^(start([:-](?!dev|debug|test|watch).+)?|serve|server|worker([:-].+)?|scheduler|queue)$/;

export function findNode(project: Project): Proposal[] {
  const text = project.text("package.json");
  if (text === null) return [];
  const pack = parse(text);
  if (pack === null) return [];
  const base = unitName(typeof pack.name === "string" ? pack.name : project.name);
  const scripts = Object.entries(isMap(pack.scripts) ? pack.scripts : {}).filter(
    (entry): entry is [string, string] => typeof entry[1] === "string" && SERVICES.test(entry[0]),
  );
  const starts = scripts.some(([name]) => name === "start");
  const chosen = scripts.filter(([name]) => !(starts && (name === "serve" || name === "server")));
  if (chosen.length > 0)
    return chosen.map(([name, line]) => ofScript(project, base, name, line, isMap(pack.scripts) && "build" in pack.scripts));
  const main = [typeof pack.main === "string" ? pack.main : "", "server.js", "server.mjs", "index.js", "app.js"].find(
    (path) => path !== "" && project.text(path)?.includes("listen("),
  );
  if (main === undefined) return [];
  return [
    {
      name: base,
      unit: { command: "node", args: [escapeText(main)] },
      found: `package.json: no start script, but ${main} listens`,
      first: [],
      notes: [PORT_NOTE],
    },
  ];
}

function ofScript(project: Project, base: string, script: string, line: string, hasBuild: boolean): Proposal {
  const manager = managerOf(project);
  const port = portIn(line);
  const isMain = script === "start" || script === "serve" || script === "server";
  const builds = hasBuild && /\b(dist|build|\.next|\.output|next start|out)\b/.test(line);
  return {
    name: isMain ? base : unitName(`${base}-${script.replace(/^start[:-]/, "")}`),
    unit: {
      command: manager,
      args: script === "start" && manager !== "bun" ? ["start"] : ["run", escapeText(script)],
      environment: { NODE_ENV: "production" },
      ...(port !== null && onPort(port)),
    },
    found: `package.json: scripts.${script} is \`${line}\``,
    first: [
      ...(project.exists("node_modules") ? [] : [`${manager} install`]),
      ...(builds && !project.exists("dist") ? [`${manager} run build`] : []),
    ],
    notes: port === null && isMain ? [PORT_NOTE] : [],
  };
}

const PORT_NOTE = "add port and health_check if it listens: `sup help unit`";

function managerOf(project: Project): string {
  const locks = [["pnpm-lock.yaml", "pnpm"], ["yarn.lock", "yarn"], ["bun.lock", "bun"], ["bun.lockb", "bun"]] as const; // prettier-ignore
  return locks.find(([file]) => project.exists(file))?.[1] ?? "npm";
}

/** Returns the port that a script names: `--port 3000`, `-p 3000`, `PORT=3000`. */
function portIn(line: string): number | null {
  const port = Number(/(?:--port[= ]|(?:^|\s)-p[= ]?|\bPORT=)(\d{2,5})\b/.exec(line)?.[1]);
  return port >= 1 && port <= 65_535 ? port : null;
}

function parse(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return isMap(value) ? value : null;
  } catch {
    return null;
  }
}
