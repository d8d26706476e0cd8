import { writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { clientTypes } from "../../src/api/documents/client-types.ts";

const ENTRY = resolve(import.meta.dir, "../../src/api/client/published.ts");

/** Writes `sup-client.js` and `sup-client.d.ts` to a directory: the typed client for scripts on Node.js 18 or newer, and on Bun. */
export async function writeClient(directory: string, version: string): Promise<void> {
  const { outputs } = await Bun.build({ entrypoints: [ENTRY], target: "node", format: "esm", minify: { syntax: true } });
  const code = await outputs[0]!.text();
  writeFileSync(join(directory, "sup-client.js"), `// The client of sup's control API, version ${version}. MIT licence.\n${code}`);
  writeFileSync(join(directory, "sup-client.d.ts"), clientTypes(version));
}
