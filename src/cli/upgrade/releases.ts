import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import type { ApiError } from "../../api/contract/errors.ts";
import { err, ok, type Result } from "../../base/result.ts";

/** A release. Its address and file names are the same as in install.sh; test/e2e/upgrade checks that both agree. */
export interface Release {
  /** The address of the release's directory. */
  readonly from: string;
  /** The version from the file VERSION of the release, or null if there is no such file. */
  readonly version: string | null;
  readonly file: string;
  readonly sum: string;
}

/** Returns the name of the build for this machine. */
export const fileFor = (cpu: string, isMusl: boolean): string => `sup-linux-${cpu}${isMusl ? "-musl" : ""}.gz`;

export const placesOf = (base: string, version: string | null): string[] =>
  version === null
    ? [base, `${base}/latest/download`, `${base}/latest`]
    : [`${base}/v${version}`, `${base}/download/v${version}`, `${base}/${version}`, base];

export async function findRelease(base: string, version: string | null, file: string): Promise<Result<Release, ApiError>> {
  const places = placesOf(base, version);
  for (const from of places) {
    const sums = await fetchFile(`${from}/SHA256SUMS`, TEXT_MS);
    if (!sums.ok) return sums;
    const text = sums.value === null ? "" : Buffer.from(sums.value).toString("utf8");
    if (!text.includes("sup-linux-")) continue;
    const sum = listed(text, file);
    if (sum === null) return failure(`the release at ${from} has no ${file}, the build for this kind of machine`);
    const versionFile = await fetchFile(`${from}/VERSION`, TEXT_MS);
    if (!versionFile.ok) return versionFile;
    const published = versionFile.value === null ? null : Buffer.from(versionFile.value).toString("utf8").trim();
    if (version !== null && published !== null && published !== version) continue;
    return ok({ from, version: published !== null && isVersion(published) ? published : null, file, sum });
  }
  return failure(`there is no release${version === null ? "" : ` ${version}`} at ${base}`, `looked for SHA256SUMS in ${places.join(", ")}`);
}

/** Returns true for `1.2.3` with an optional suffix. The caller removes a leading v. */
export const isVersion = (text: string): boolean => /^\d+\.\d+\.\d+[0-9A-Za-z.+-]*$/.test(text);

/** Downloads the file of a release and verifies its checksum. */
export async function fetchVerified({ from, file, sum }: Release): Promise<Result<Uint8Array, ApiError>> {
  const got = await fetchFile(`${from}/${file}`, FILE_MS);
  if (!got.ok) return got;
  if (got.value === null) return failure(`cannot download ${from}/${file}: the server does not have it, though SHA256SUMS lists it`);
  const found = createHash("sha256").update(got.value).digest("hex");
  if (found === sum) return ok(got.value);
  const message = `the checksum of ${from}/${file} is wrong: the file is damaged or was changed`;
  return failure(message, `SHA256SUMS says ${sum}, the file has ${found}`);
}

function listed(sums: string, file: string): string | null {
  for (const line of sums.split("\n")) {
    const [sum = "", name] = line.trim().split(/\s+/);
    if (name?.replace(/^\*/, "") === file && /^[0-9a-f]{64}$/.test(sum)) return sum;
  }
  return null;
}

const TEXT_MS = 30_000;
const FILE_MS = 20 * 60_000;

/** Downloads a file. Returns null if there is no such file. */
async function fetchFile(url: string, timeoutMs: number): Promise<Result<Uint8Array | null, ApiError>> {
  if (url.startsWith("/") || url.startsWith("file://")) {
    const path = url.replace(/^file:\/\//, "");
    return ok(existsSync(path) ? readFileSync(path) : null);
  }
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(timeoutMs) });
    if (url.startsWith("https:") && !response.url.startsWith("https:")) return failure(`cannot download ${url}: it redirects to ${response.url}, which is not https`); // prettier-ignore
    if ([403, 404, 410].includes(response.status)) return ok(null);
    if (!response.ok) return failure(`cannot download ${url}: the server answers ${response.status}`);
    return ok(await response.bytes());
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return failure(`cannot download ${url}: ${why}`, "check the network and the address");
  }
}

const failure = (message: string, hint?: string): Result<never, ApiError> =>
  err({ code: "failed", message, ...(hint !== undefined && { hint }) });
