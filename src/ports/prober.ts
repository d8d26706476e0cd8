import type { ProbeSpec } from "../spec/spec.ts";
import type { IdentitySpec } from "../spec/spec.ts";
import type { ProcessRef } from "./processes.ts";

/** `broken` is our own fault (no descriptors left, cannot fork): it is never counted against the service. */
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

/** Runs one probe to its end or its timeout; never rejects. Aborting the signal ends it early with `broken`. */
export interface Prober {
  probe(spec: ProbeSpec, context: ProbeContext, signal: AbortSignal): Promise<ProbeResult>;
}
