import type { IdentitySpec, ProbeSpec } from "../spec/spec.ts";
import type { ProcessRef } from "./processes.ts";

/**
 * The result of one probe. It is `broken` if the probe itself could not run (no descriptors left, cannot fork); that never
 * counts against the service.
 */
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

/**
 * Runs health check probes. A probe ends when it completes or times out, and its promise never rejects. Aborting the signal
 * ends the probe early with the result `broken`.
 */
export interface Prober {
  probe(spec: ProbeSpec, context: ProbeContext, signal: AbortSignal): Promise<ProbeResult>;
}
