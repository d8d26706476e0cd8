import type { Finding, Tree } from "./tree.ts";

/** The lock file must work with any registry: it holds no addresses to download from. Pages of authors (`funding`) may stay. */
export function checkLockFile(text: string): Finding[] {
  const findings: Finding[] = [];
  const say = (message: string): void => void findings.push({ path: "package-lock.json", line: 0, message });
  const walk = (value: unknown, trail: readonly string[]): void => {
    if (typeof value === "string" && /^(?:git\+)?(?:https?|ssh):/.test(value) && !trail.includes("funding"))
      say(`${trail.join(" > ")} is an address`);
    if (typeof value !== "object" || value === null) return;
    for (const [key, child] of Object.entries(value)) {
      if (key === "resolved") say(`${trail.join(" > ")} has "resolved"`);
      walk(child, [...trail, key]);
    }
  };
  walk(JSON.parse(text), []);
  return findings;
}

/** A folder of test/e2e is a scenario: without a test it would be forgotten, with one at its top it is found. */
export function checkScenarios(tree: Tree): Finding[] {
  const tested = new Map<string, boolean>();
  for (const path of tree.keys()) {
    const scenario = /^(test\/e2e\/[^/]+)\/(.+)/.exec(path);
    if (scenario) tested.set(scenario[1]!, (tested.get(scenario[1]!) ?? false) || /^[^/]+\.test\.tsx?$/.test(scenario[2]!));
  }
  return [...tested].filter(([, has]) => !has).map(([path]) => ({ path, line: 0, message: "is a scenario without a test" }));
}

/** Versions are exact, so that two checkouts of one commit are the same. */
export function checkVersions(text: string): Finding[] {
  const manifest = JSON.parse(text) as Record<string, Record<string, string> | undefined>;
  return ["dependencies", "devDependencies", "optionalDependencies"].flatMap((group) =>
    Object.entries(manifest[group] ?? {})
      .filter(([, version]) => !/^\d+\.\d+\.\d+(?:-[\w.]+)?$/.test(version))
      .map(([name, version]) => ({ path: "package.json", line: 0, message: `${group}: ${name} "${version}" is no exact version` })),
  );
}
