import type { FileRole, FileState, Fingerprint, TrackedFile } from "../../../src/core/explain/fingerprint.ts";

export const aState = (more: Partial<FileState> = {}): FileState => ({
  ...{ id: "1:1", sizeBytes: 5, modifiedMs: 1, changedMs: 1, content: "a" },
  ...more,
});

export const aFile = (role: FileRole, path: string, more: Partial<FileState> = {}): TrackedFile => ({ role, path, state: aState(more) });

export const aFingerprint = (more: Partial<Fingerprint> = {}): Fingerprint => ({
  key: "k1",
  unit: { args: "1", command: "1" },
  environment: { A: "1" },
  files: [aFile("executable", "/opt/app")],
  directory: { path: "/srv", real: "/r/1" },
  ...more,
});
