import type { Result } from "../base/result.ts";

/** Reads and replaces unit files for the API. Only regular files directly in a directory of the unit path can be edited. */
export interface UnitEditor {
  /** Returns the text of the file at `path`, or null if there is no file. Reports an error if the file may not be edited. */
  read(path: string): Result<EditableText | null, string>;
  /**
   * Replaces the file, or creates it, and returns its new ETag. The content is on the disk when the file gets its name. `expected` is
   * the ETag of the content that is replaced, or null if there must be no file yet.
   */
  write(path: string, text: string, expected: string | null): Result<string, WriteProblem>;
  /** Returns the ETag that a file with this text has. */
  etagOf(text: string): string;
}

export interface EditableText {
  readonly text: string;
  /** Identifies the content of the file, as in RFC 9110, without the quotation marks. */
  readonly etag: string;
}

/** `changed` means that the file on disk is not the expected one. */
export interface WriteProblem {
  readonly kind: "changed" | "refused";
  readonly message: string;
}
