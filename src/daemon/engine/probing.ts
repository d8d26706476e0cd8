import type { CheckResult } from "../../core/unit/check.ts";
import type { Clock } from "../../ports/clock.ts";
import type { ProbeContext, Prober } from "../../ports/prober.ts";
import type { ProbeSpec } from "../../spec/spec.ts";

/**
 * One round of a check: the primary, and when that fails its fallback (and that one's). The first that passes decides;
 * a fallback that passes says so. All failing is one failure, told in the words of the primary.
 */
export async function probeWithFallback(
  prober: Prober,
  spec: ProbeSpec,
  context: ProbeContext,
  signal: AbortSignal,
  clock: Clock,
): Promise<CheckResult> {
  const primary = await prober.probe(spec, context, signal);
  const responseMs = primary.kind === "broken" ? null : primary.responseMs;
  const own: CheckResult = { atMs: clock.monotonicMs(), kind: primary.kind, detail: primary.detail, responseMs, fallback: false };
  if (primary.kind === "ok" || spec.fallback === undefined || signal.aborted) return own;
  const second = await probeWithFallback(prober, spec.fallback, context, signal, clock);
  if (second.kind === "ok") return { ...second, detail: `${primary.detail}; fallback: ${second.detail}`, fallback: true };
  // A primary that broke by our own fault stays uncounted, whatever the fallback says.
  return { ...own, atMs: second.atMs, detail: `${primary.detail}; fallback: ${second.detail}` };
}
