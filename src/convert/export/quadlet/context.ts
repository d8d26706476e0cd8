import type { ExportDraft } from "../draft.ts";
import type { Texts } from "../text.ts";

/** The input that all parts of the section `[Container]` share. */
export interface ContainerExport {
  readonly draft: ExportDraft;
  readonly texts: Texts;
  readonly image: string;
}

/** Escapes a value in which systemd replaces `%` and `$`, but no quotes. */
export const rawValue = (text: string): string => text.replaceAll("%", "%%").replaceAll("$", "$$$$");
