import { existsSync, readFileSync } from "node:fs";
import { EXIT, type ApiError } from "../../api/contract/errors.ts";
import type { Status } from "../../api/contract/shapes.ts";
import { err, ok, type Result } from "../../base/result.ts";
import { onSignals } from "../../linux/self/signals.ts";
import type { Context, Run } from "../context.ts";
import { safe } from "../render/safe.ts";
import { Exchange, putStoreBack } from "../upgrade/executable.ts";
import { rehearse } from "../upgrade/trial.ts";
import { fetchVerified, fileFor, findRelease, isVersion, type Release } from "../upgrade/releases.ts";
import { noteBefore, renew, revive, wentOn, type Before } from "../upgrade/reexec.ts";

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
  if (options.check) return tellCheck(context, target, isNewer, found.value);
  if (target !== null && (wanted === null ? !isNewer : target === current)) return tellCurrent(context, target);
  return exchange(context, found.value, wanted);
};

/** Null: the latest. */
function wantedVersion({ options, host }: Context): string | null {
  const text = (options.version ?? host.env.SUP_VERSION ?? "").replace(/^v/, "");
  return text === "" || text === "latest" ? null : text;
}

const PACKAGE_LIST = "/var/lib/dpkg/info/sup-supervisor.list";

function refuse({ host, options, releases }: Context, wanted: string | null): ApiError | null {
  if (options.url ?? host.env.SUP_URL)
    return { code: "bad-request", message: "cannot upgrade another machine: --url and SUP_URL are for clients" };
  if (wanted !== null && !isVersion(wanted))
    return { code: "bad-request", message: `${wanted} is no version`, hint: "one looks like 1.2.3" };
  if (!(host.env.SUP_BASE_URL || releases))
    return { code: "failed", message: "this sup does not know where releases are", hint: "say it: SUP_BASE_URL=URL sup upgrade" };
  if (!host.compiled) return { code: "failed", message: "cannot upgrade: this sup runs from its sources" };
  if (options.check) return null;
  if (existsSync(PACKAGE_LIST) && readFileSync(PACKAGE_LIST, "utf8").split("\n").includes(host.program))
    return {
      code: "conflict",
      message: `${host.program} belongs to the package sup-supervisor`,
      hint: "upgrade the package: dpkg -i or apt",
    };
  return null;
}

async function tellCheck(context: Context, target: string | null, isNewer: boolean, { from }: Release): Promise<number> {
  const { version: current, options, out, json } = context;
  if (options.json) json({ current, available: target, newer: isNewer, from });
  else if (target === null) out(`There is a release at ${safe(from)} that does not say its version; this is sup ${current}.`);
  else if (isNewer) out(`sup ${target} is available, this is ${current}: sup upgrade`);
  else out(`sup ${current} is up to date${target === current ? "" : `; ${target} is what ${safe(from)} has`}.`);
  return EXIT.done;
}

async function tellCurrent(context: Context, target: string): Promise<number> {
  const { version: current, options, out, json, note } = context;
  if (options.json) json({ from: current, to: current, outcome: "current" });
  else out(`sup ${current} is up to date${target === current ? "" : ` (the latest release is ${target})`}.`);
  const running = await context.client.call("status");
  if (running.ok && running.value.daemon.version !== current)
    note(`sup: note: the daemon runs ${safe(running.value.daemon.version)}; \`sup daemon restart\` makes it this one, its services go on`);
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
  // From here on both ends are to be whole: a closed terminal must not leave the one without the other.
  const off = onSignals({ SIGHUP: () => {}, SIGINT: () => {}, SIGTERM: () => {} });
  try {
    const swapped = place.swap();
    if (!swapped.ok) return context.fail(swapped.error);
    return await follow(context, place, ready.value, running.ok ? noteBefore(running.value) : null, limitMs);
  } finally {
    off();
  }
}

/** The version of the new executable, which is in the place next to the old one, and works. */
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
    return err({ code: "failed", message: `there is no release ${wanted} at ${release.from}: what is there is ${version}` });
  const objection = await rehearse(place.fresh, version, limitMs, context.host.sleep);
  if (objection !== null)
    return err({ code: "failed", message: `sup ${version} does not work on this machine: ${objection}`, hint: "nothing was changed" });
  return ok(version);
}

/** The daemon becomes the new program, or all is as before. */
async function follow(context: Context, place: Exchange, version: string, before: Before | null, limitMs: number): Promise<number> {
  if (before === null) return tellDone(context, version, null, "no daemon runs");
  if (before.launch?.program !== place.program) {
    const what = before.launch === null ? "a program that cannot be seen from here" : before.launch.program;
    return tellDone(context, version, null, `the daemon (pid ${before.daemon.pid}) runs ${what} and was left alone`);
  }
  const swappedMs = context.host.now();
  const renewal = await renew(context, before, limitMs);
  if (renewal.kind === "renewed" && renewal.status.daemon.version === version) {
    const same = wentOn(before, renewal.status);
    return tellDone(
      context,
      version,
      renewal.status,
      `the daemon (pid ${renewal.status.daemon.pid}) was renewed, ${services(same)} went on`,
    );
  }
  const words = renewal.kind === "renewed" ? `the daemon says that it is ${renewal.status.daemon.version}` : renewal.words;
  const back = place.putBack();
  if (!back.ok) return context.fail({ ...back.error, message: `${words}; and ${back.error.message}` });
  const failed = renewal.kind === "renewed" ? ({ kind: "silent", words } as const) : renewal;
  const revived = await revive(context, before, failed, limitMs, () => void putStoreBack(context.places.state, swappedMs));
  const message = `sup ${version} was taken back: ${words}`;
  if (revived === null)
    return context.fail({ code: "failed", message: `${message}. The daemon does not come back with ${context.version} either`, hint: `its services go on without it; see ${context.places.logs}/sup.log, then: sup daemon start` }); // prettier-ignore
  const same = wentOn(before, revived);
  return context.fail({ code: "failed", message, hint: `sup ${revived.daemon.version} runs (pid ${revived.daemon.pid}), ${services(same)} went on; see ${context.places.logs}/sup.log` }); // prettier-ignore
}

const services = (count: number): string => (count === 1 ? "1 service" : `${count} services`);

function tellDone({ options, out, json, version: from }: Context, to: string, status: Status | null, words: string): number {
  if (options.json) json({ from, to, outcome: "upgraded", daemon: status?.daemon ?? null, words });
  else out(`sup ${from} → ${to}; ${words}`);
  return EXIT.done;
}
