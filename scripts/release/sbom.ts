import { lockOf, type LockEntry } from "./lock.ts";
import { runtimeVersion } from "./runtimes.ts";

/**
 * Makes the bill of materials of the executables in CycloneDX 1.5. It lists Bun and the packages of the lock file, except
 * development dependencies.
 */
export function makeSbom(root: string, version: string, seconds: number): Record<string, unknown> {
  const { packages } = lockOf(root);
  const inside = Object.entries(packages).filter(([path, entry]) => path !== "" && !entry.dev);
  const bun = packages["node_modules/bun"]!;
  const components = [...inside.map(([path, entry]) => component(nameOf(path), entry)), component("bun", bun)];
  const refOf = (name: string): string[] => inside.filter(([path]) => nameOf(path) === name).map(([, entry]) => purl(name, entry.version));
  const needs = (names: readonly string[]): string[] => names.flatMap(refOf).sort();
  const self = `pkg:generic/sup@${version}`;
  return {
    bomFormat: "CycloneDX",
    specVersion: "1.5",
    version: 1,
    metadata: {
      timestamp: new Date(seconds * 1000).toISOString(),
      component: { type: "application", "bom-ref": self, name: "sup", version, licenses: [{ license: { id: "MIT" } }] },
    },
    components,
    dependencies: [
      { ref: self, dependsOn: [...needs(Object.keys(packages[""]!.dependencies ?? {})), purl("bun", runtimeVersion(root))] },
      ...inside.map(([path, entry]) => ({
        ref: purl(nameOf(path), entry.version),
        dependsOn: needs(Object.keys(entry.dependencies ?? {})),
      })),
      { ref: purl("bun", bun.version), dependsOn: [] },
    ],
  };
}

const nameOf = (path: string): string => path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length);
const purl = (name: string, version: string): string => `pkg:npm/${name.replace("@", "%40")}@${version}`;

function component(name: string, { version, license, integrity }: LockEntry): Record<string, unknown> {
  const [, algorithm, digest] = /^(sha512)-(.+)$/.exec(integrity ?? "") ?? [];
  return {
    type: name === "bun" ? "framework" : "library",
    "bom-ref": purl(name, version),
    name,
    version,
    purl: purl(name, version),
    ...(license !== undefined && { licenses: [/ (OR|AND|WITH) /.test(license) ? { expression: license } : { license: { id: license } }] }),
    ...(algorithm && { hashes: [{ alg: "SHA-512", content: Buffer.from(digest!, "base64").toString("hex") }] }),
  };
}
