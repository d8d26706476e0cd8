import { existsSync, readFileSync } from "node:fs";
import { EXIT, type ApiError } from "../../api/contract/errors.ts";
import type { Status } from "../../api/contract/shapes.ts";
import { err, ok, type Result } from "../../base/result.ts";
import { onSignals } from "../../linux/self/signals.ts";
import type { Context, Run } from "../context.ts";
import { safe } from "../render/safe.ts";
import { Exchange, restoreDatabase } from "../upgrade/executable.ts";
import { runTrial } from "../upgrade/trial.ts";
import { fetchVerified, fileFor, findRelease, isVersion, type Release } from "../upgrade/releases.ts";
import { noteBefore, reexec, revive, stillRunning, type Before } from "../upgrade/reexec.ts";

const LIMIT_S = 30;

export const run: Run = async (context) => {
  const wanted = wantedVersion(context);
  const refusal = refuse(context, wanted);
  if (refusal !== null) return context.fail(refusal);
  const { host, releases, options, version: current } = context;
  const base = (host.env.SUP_BASE_URL || releases)!.replace(/\/+$/, "");
  const file = fileFor(process.arch === "arm64" ? "arm64" : "x64", context.isMusl);
  const found = await findRelease(base, wanted, file);
  if (!found.ok) return context.fail(found.error);
  const target = wanted ?? found.value.version;
  const isNewer = target === null || Bun.semver.order(target, current) > 0;
  if (options.check) return printCheck(context, target, isNewer, found.value);
  if (target !== null && (wanted === null ? !isNewer : target === current)) return printCurrent(context, target);
  return exchange(context, found.value, wanted);
};

/** Returns the requested version, or null for the latest one. */
function wantedVersion({ options, host }: Context): string | null {
  const text = (options.version ?? host.env.SUP_VERSION ?? "").replace(/^v/, "");
  return text === "" || text === "latest" ? null : text;
}

const PACKAGE_LIST = "/var/lib/dpkg/info/sup-supervisor.list";

function refuse({ host, options, releases }: Context, wanted: string | null): ApiError | null {
  if (options.url ?? host.env.SUP_URL)
    return { code: "bad-request", message: "cannot upgrade sup on another machine: --url and SUP_URL only select a running daemon" };
  if (wanted !== null && !isVersion(wanted))
    return { code: "bad-request", message: `${wanted} is not a version`, hint: "use a version such as 1.2.3" };
  if (!(host.env.SUP_BASE_URL || releases))
    return {
      code: "failed",
      message: "this sup does not know where its releases are published",
      hint: "set the address: SUP_BASE_URL=URL sup upgrade",
    };
  if (!host.compiled) return { code: "failed", message: "cannot upgrade: this sup runs from source" };
  if (options.check) return null;
  if (existsSync(PACKAGE_LIST) && readFileSync(PACKAGE_LIST, "utf8").split("\n").includes(host.program))
    return {
      code: "conflict",
      message: `${host.program} belongs to the package sup-supervisor`,
      hint: "upgrade the package: dpkg -i or apt",
    };
  return null;
}

async function printCheck(context: Context, target: string | null, isNewer: boolean, { from }: Release): Promise<number> {
  const { version: current, options, out, json } = context;
  if (options.json) json({ current, available: target, newer: isNewer, from });
  else if (target === null) out(`There is a release without a version at ${safe(from)}; this is sup ${current}.`);
  else if (isNewer) out(`sup ${target} is available, this is ${current}. To install it: sup upgrade`);
  else out(`sup ${current} is up to date${target === current ? "" : `; ${safe(from)} has ${target}`}.`);
  return EXIT.done;
}

async function printCurrent(context: Context, target: string): Promise<number> {
  const { version: current, options, out, json, note } = context;
  if (options.json) json({ from: current, to: current, outcome: "current" });
  else out(`sup ${current} is up to date${target === current ? "" : ` (the latest release is ${target})`}.`);
  const running = await context.client.call("status");
  if (running.ok && running.value.daemon.version !== current)
    note(
      `sup: note: the daemon runs ${safe(running.value.daemon.version)}; \`sup daemon restart\` switches it to this version; services keep running`,
    );
  return EXIT.done;
}

async function exchange(context: Context, release: Release, wanted: string | null): Promise<number> {
  const opened = Exchange.open(context.host.program);
  if (!opened.ok) return context.fail(opened.error);
  using place = opened.value;
  const limitMs = (context.options.timeout ?? LIMIT_S) * 1000;
  const ready = await prepare(context, place, release, wanted, limitMs);
  if (!ready.ok) return context.fail(ready.error);
  const running = await context.client.call("status");
  if (!running.ok && running.error.code !== "unreachable") return context.fail(running.error);
  // The program and the daemon must now change together, so a closed terminal or Ctrl-C must not interrupt the upgrade.
  const off = onSignals({ SIGHUP: () => {}, SIGINT: () => {}, SIGTERM: () => {} });
  try {
    const swapped = place.swap();
    if (!swapped.ok) return context.fail(swapped.error);
    return await follow(context, place, ready.value, running.ok ? noteBefore(running.value) : null, limitMs);
  } finally {
    off();
  }
}

/** Downloads the new executable into a directory next to the old one, and tests it there. Returns its version. */
async function prepare(
  context: Context,
  place: Exchange,
  release: Release,
  wanted: string | null,
  limitMs: number,
): Promise<Result<string, ApiError>> {
  const got = await fetchVerified(release);
  if (!got.ok) return got;
  const unpacked = await place.unpack(got.value);
  if (!unpacked.ok) return unpacked;
  const version = unpacked.value;
  if (wanted !== null && version !== wanted)
    return err({ code: "failed", message: `there is no release ${wanted} at ${release.from}, only ${version}` });
  const objection = await runTrial(place.fresh, version, limitMs, context.host.sleep);
  if (objection !== null)
    return err({ code: "failed", message: `sup ${version} does not work on this machine: ${objection}`, hint: "nothing was changed" });
  return ok(version);
}

/** Makes the daemon execute the new program. If that fails, restores the old program and the old daemon. */
async function follow(context: Context, place: Exchange, version: string, before: Before | null, limitMs: number): Promise<number> {
  if (before === null) return printDone(context, version, null, "no daemon is running");
  if (before.launch?.program !== place.program) {
    const what = before.launch === null ? "an unknown program" : before.launch.program;
    return printDone(context, version, null, `the daemon (pid ${before.daemon.pid}) runs ${what} and was left alone`);
  }
  const swappedMs = context.host.now();
  const renewal = await reexec(context, before, limitMs);
  if (renewal.kind === "renewed" && renewal.status.daemon.version === version) {
    const same = stillRunning(before, renewal.status);
    return printDone(
      context,
      version,
      renewal.status,
      `the daemon (pid ${renewal.status.daemon.pid}) was restarted, ${services(same)} kept running`,
    );
  }
  const words = renewal.kind === "renewed" ? `the daemon reports version ${renewal.status.daemon.version}` : renewal.words;
  const back = place.restore();
  if (!back.ok) return context.fail({ ...back.error, message: `${words}; and ${back.error.message}` });
  const failed = renewal.kind === "renewed" ? ({ kind: "silent", words } as const) : renewal;
  const revived = await revive(context, before, failed, limitMs, () => void restoreDatabase(context.places.state, swappedMs));
  const message = `the upgrade to sup ${version} was undone: ${words}`;
  if (revived === null)
    return context.fail({ code: "failed", message: `${message}. The daemon does not start with ${context.version} either`, hint: `its services keep running without it; see ${context.places.logs}/sup.log, then: sup daemon start` }); // prettier-ignore
  const same = stillRunning(before, revived);
  return context.fail({ code: "failed", message, hint: `sup ${revived.daemon.version} is running (pid ${revived.daemon.pid}), ${services(same)} kept running; see ${context.places.logs}/sup.log` }); // prettier-ignore
}

const services = (count: number): string => (count === 1 ? "1 service" : `${count} services`);

function printDone({ options, out, json, version: from }: Context, to: string, status: Status | null, words: string): number {
  if (options.json) json({ from, to, outcome: "upgraded", daemon: status?.daemon ?? null, words });
  else out(`sup ${from} → ${to}; ${words}`);
  return EXIT.done;
}
