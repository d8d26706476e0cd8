import type { ImportDraft } from "./draft.ts";

/** Compose files describe containers, which sup does not run. */
export function refuseCompose(draft: ImportDraft, path: string): void {
  draft.refuse(
    path,
    "cannot import a compose file: its services are containers, with images, volumes and networks, and sup runs programs of this machine",
    "write a unit file for each program that is installed here; `sup export --to compose` goes the other way, from units to a compose file",
  );
}
