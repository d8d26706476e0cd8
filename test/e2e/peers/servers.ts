import { chmodSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";

export const EXAMPLES = resolve(import.meta.dir, "../../../units/examples");
export const isRoot = process.getuid?.() === 0;

/** The sample as it is, but for the port, with quick retries and probes: text, so that its comments are read too. */
export function sample(name: string, port: number, drop: (text: string) => string = (text) => text): string {
  const text = readFileSync(join(EXAMPLES, `${name}.unit.json`), "utf8");
  const changed = text.replace(/"port": \d+,/, `"port": ${port}, "restart_policy": { "retry_delay": 0.1 },`);
  if (changed === text) throw new Error(`${name}.unit.json has no port of its own`);
  return drop(changed);
}

/** Says on standard error why a scenario does not run. */
export function skips(there: boolean, name: string): boolean {
  if (!there) console.error(`skipped: ${name} is not installed; scripts/e2e.sh installs it as root`);
  return !there;
}

/** The newest version's programs; Debian keeps them out of PATH. */
export function postgresBin(): string | null {
  try {
    const versions = readdirSync("/usr/lib/postgresql").toSorted((a, b) => Number(b) - Number(a));
    return versions.length > 0 ? join("/usr/lib/postgresql", versions[0]!, "bin") : null;
  } catch {
    return null;
  }
}

/** The sample on that port. Root's daemon runs the server as its own user, here with its data in the daemon's home. */
export function postgres(home: string, port: number): string {
  if (!isRoot) return sample("postgres", port);
  chmodSync(home, 0o711); // everybody may pass through
  return sample("postgres", port, (text) => text.replace("/var/lib/postgresql/sup", `${home}/pg`));
}

export const psql = (port: number): string[] => [
  Bun.which("psql") ?? join(postgresBin()!, "psql"),
  ...["-h", "127.0.0.1", "-p", String(port), "-U", "postgres", "-At", "-v", "ON_ERROR_STOP=1", "-c"],
];

export const hasNginx = ["/usr/sbin/nginx", "/usr/bin/nginx"].some((path) => Bun.which(path) !== null);
