import type { IdentitySpec, ProbeSpec } from "../spec/spec.ts";
import type { ProcessRef } from "./processes.ts";

/** `broken`: the probe itself failed (no descriptors left, cannot fork). It never counts against the service. */
export type ProbeResult =
  | { readonly kind: "ok"; readonly detail: string; readonly responseMs: number }
  | { readonly kind: "bad"; readonly detail: string; readonly responseMs: number }
  | { readonly kind: "broken"; readonly detail: string };

export interface ProbeContext {
  readonly main: ProcessRef | null;
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string | null;
  readonly identity: IdentitySpec;
}

/** Runs one probe until it completes or times out; never rejects. Aborting the signal ends it early with `broken`. */
export interface Prober {
  probe(spec: ProbeSpec, context: ProbeContext, signal: AbortSignal): Promise<ProbeResult>;
}
