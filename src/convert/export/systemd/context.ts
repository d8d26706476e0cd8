import type { ExportDraft } from "../draft.ts";
import type { Texts } from "../text.ts";

/** A setting of a unit file. */
export type Line = readonly [key: string, value: string];

/** The input that all parts of the exporter of `[Service]` share. */
export interface ServiceExport {
  readonly draft: ExportDraft;
  readonly lines: Line[];
  readonly texts: Texts;
  /** The working directory as a literal path, or null if it is unknown during the export. */
  readonly workingDirectory: string | null;
}

export const section = (name: string, lines: readonly Line[]): string =>
  lines.length === 0 ? "" : `[${name}]\n${lines.map(([key, value]) => `${key}=${value}\n`).join("")}`;
