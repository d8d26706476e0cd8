import type { ExportDraft } from "../draft.ts";
import type { Piece, Texts } from "../text.ts";

/** The input that all parts of the exporter to Kubernetes share. */
export interface PodExport {
  readonly draft: ExportDraft;
  readonly texts: Texts;
  /** The name of all objects of the unit. */
  readonly name: string;
  readonly image: string;
}

/** An object of Kubernetes. */
export type Manifest = Readonly<Record<string, unknown>>;

/**
 * Writes a string in which Kubernetes expands `$(NAME)`. A `$` is written as `$$` only where this is necessary: before a
 * parenthesis and before another `$`.
 */
export const expandable = (pieces: readonly Piece[]): string =>
  pieces
    .map((piece) => {
      if (typeof piece === "string") return piece.replaceAll(/\$(?=[$(])/g, "$$$$");
      return piece.kind === "instance" ? "$(SUP_INSTANCE)" : `$(${piece.name})`;
    })
    .join("");
