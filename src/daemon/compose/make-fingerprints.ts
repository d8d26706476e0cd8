import { openFileStates } from "../../adapters/files/file-states.ts";
import type { Places } from "../../spec/places.ts";
import { fingerprintKey, Fingerprints, type FingerprintsOptions } from "../engine/fingerprints.ts";
import type { DaemonLog } from "../lifecycle/daemon-log.ts";

/** Makes the part that takes the fingerprints of runs. Its key is in the state directory. */
export function makeFingerprints(
  options: Pick<FingerprintsOptions, "clock" | "store" | "effective">,
  places: Places,
  daemonLog: DaemonLog,
): Fingerprints {
  const key = fingerprintKey(`${places.state}/fingerprint.key`, (message) => daemonLog.warn(message));
  return new Fingerprints({ ...options, files: openFileStates(), key, bug: (message, error) => daemonLog.bug(message, error) });
}
