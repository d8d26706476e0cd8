import type { ExportDraft } from "../draft.ts";
import type { Piece, Texts } from "../text.ts";

/** The input that all parts of the exporter to Nomad share. */
export interface NomadExport {
  readonly draft: ExportDraft;
  readonly texts: Texts;
  /** The name of the job, its group, its task and its service. */
  readonly name: string;
  /** The image for the driver `docker`. Without an image, the driver is `raw_exec`. */
  readonly image: string | null;
}

/** A part of a job, with the names of Nomad's API. */
export type Part = Readonly<Record<string, unknown>>;

/** The API has nanoseconds. */
export const nanoseconds = (ms: number): number => Math.round(ms) * 1_000_000;

/**
 * The meta data of the task. Nomad has no escape for `${` and `%{`, which are variables and directives. The variables of these
 * meta data stand for a literal `$` and `%`.
 */
export const META: Readonly<Record<string, string>> = { SUP_DOLLAR: "$", SUP_PERCENT: "%" };

const DOLLAR = "${NOMAD_META_SUP_DOLLAR}";
const PERCENT = "${NOMAD_META_SUP_PERCENT}";

/** Writes a string in which Nomad expands `${NAME}` at the start of a task. */
export function runtimeText(pieces: readonly Piece[]): string {
  return pieces
    .map((piece, index) => {
      if (typeof piece !== "string") return piece.kind === "instance" ? "${NOMAD_ALLOC_INDEX}" : `\${${piece.name}}`;
      // Each of these characters is replaced, because `$${` and `%%{` would be escapes of the configuration of a driver.
      const isBeforeVariable = index + 1 < pieces.length;
      return piece.replaceAll(isBeforeVariable ? /[$%]+(?=\{|$)/g : /[$%]+(?=\{)/g, (all) =>
        [...all].map((char) => (char === "$" ? DOLLAR : PERCENT)).join(""),
      );
    })
    .join("");
}

/** Returns true if a string needs the meta data of the task. */
export const usesMeta = (text: string): boolean => text.includes("${NOMAD_META_SUP_");
