/** The servers of docs/zero-downtime.md, with the programs and the unit files that the page shows. */
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Daemon } from "../../harness/daemon.ts";
import { freePort } from "../../harness/ports.ts";
import type { UnitFile } from "../../harness/services.ts";
import { blocksOf } from "../documents/typed.ts";

export interface Server {
  readonly heading: string;
  /** The path of the installed program. */
  readonly command: string;
}

const serversOf = (programs: Readonly<Record<string, string>>): Server[] =>
  Object.entries(programs).flatMap(([heading, program]) => {
    const command = Bun.which(program);
    if (command === null) console.error(`skipped: ${heading}, because ${program} is not installed; scripts/e2e.sh installs it as root`);
    return command === null ? [] : [{ heading, command }];
  });

/** The servers that end as soon as their clients have sent one more request. */
export const SERVERS = serversOf({
  "Node.js": "node",
  Bun: resolve(import.meta.dir, "../../../node_modules/.bin/bun"),
  "Python: http.server": "python3",
  nginx: "/usr/sbin/nginx",
});

/** The name of the program contains its version. */
const phpFpm = readdirSync("/usr/sbin").find((name) => /^php-fpm\d/.test(name)) ?? "php-fpm";

/** The other servers. */
export const OTHERS = serversOf({
  "Python: gunicorn": "/usr/bin/gunicorn",
  "Python: uvicorn": "/usr/bin/uvicorn",
  Go: "go",
  "PHP-FPM": join("/usr/sbin", phpFpm),
});

/** The servers whose unit file runs another program than the one that must be installed. */
const KEEPS_COMMAND = ["Go", "Python: uvicorn"];

export interface Placed {
  readonly name: string;
  readonly title: string;
  readonly port: number;
  readonly unit: UnitFile;
  /** The path of the server's program or configuration. */
  readonly file: string;
}

/** Writes the files of a server below the daemon's home directory, and its unit file with `more` and a port of its own. */
export function place({ heading, command }: Server, daemon: Daemon, name: string, more: Readonly<Record<string, unknown>> = {}): Placed {
  const port = freePort();
  const blocks = blocksOf("docs/zero-downtime.md").filter((block) => block.heading === heading);
  const shown = JSON.parse(blocks.find(({ language }) => language === "json")!.text) as Record<string, unknown>;
  const [{ listen }] = shown.sockets as [{ listen: string }];
  const [from, to] = [String(shown.working_directory), join(daemon.home, name)];
  const moved = (text: string): string =>
    text.replaceAll(listen, `127.0.0.1:${port}`).replaceAll(from, to).replaceAll(from.replace("~", "%h"), to);
  mkdirSync(to);
  const program = blocks.find(({ file }) => file !== null)!;
  const file = moved(program.file!);
  // Shorter pauses than on the page, because the clients of the test send requests more often.
  const quick = program.text.replace("sleep(3)", "sleep(0.3)").replace("3 * time.Second", "300 * time.Millisecond");
  writeFileSync(file, moved(quick));
  if (heading === "Go") {
    const built = Bun.spawnSync([command, "build", "-o", "server", "main.go"], { cwd: to, env: { ...process.env, CGO_ENABLED: "0" } });
    if (!built.success) throw new Error(`cannot build ${file}: ${built.stderr.toString()}`);
  }
  const unit = { ...(JSON.parse(moved(JSON.stringify(shown))) as UnitFile), ...(!KEEPS_COMMAND.includes(heading) && { command }), ...more };
  daemon.writeUnit(name, unit);
  return { name, title: heading, port, unit, file };
}

/** Places an nginx that passes all requests to PHP-FPM's ping page, and returns PHP-FPM with the port of that nginx. */
export function behindNginx(daemon: Daemon, php: Placed): Placed {
  const [port, directory] = [freePort(), join(daemon.home, "front")];
  mkdirSync(directory);
  const pass = "fastcgi_param REQUEST_METHOD GET; fastcgi_param SCRIPT_NAME /ping; fastcgi_param SCRIPT_FILENAME /ping;";
  writeFileSync(
    join(directory, "nginx.conf"),
    `error_log stderr notice; events {}
http { access_log off; server { listen 127.0.0.1:${port}; location / { fastcgi_pass 127.0.0.1:${php.port}; ${pass} } } }`,
  );
  daemon.writeUnit("front", {
    command: "/usr/sbin/nginx",
    args: ["-p", directory, "-e", "stderr", "-c", "nginx.conf", "-g", "daemon off; pid nginx.pid;"],
    ready_log: "start worker process ",
  });
  return { ...php, port };
}
