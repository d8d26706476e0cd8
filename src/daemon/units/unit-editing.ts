import { basename, join } from "node:path";
import type { ApiError } from "../../api/contract/errors.ts";
import type * as shape from "../../api/contract/shapes.ts";
import type { UnitFileRequest } from "../../api/server/supervisor.ts";
import { fileNameOf, stripSuffix } from "../../base/names.ts";
import { err, ok, type Result } from "../../base/result.ts";
import type { UnitSnapshot } from "../../ports/files.ts";
import type { UnitEditor } from "../../ports/unit-editor.ts";
import { fileProblem, type Problem, problemLine } from "../../spec/parse/problems.ts";
import { redactFile } from "../../spec/redact.ts";
import type { Spec } from "../../spec/spec.ts";
import type { Recorder } from "../engine/recorder.ts";
import type { Reloader } from "./reloader.ts";
import type { UnitCatalog } from "./unit-catalog.ts";

export interface UnitEditingOptions {
  readonly catalog: UnitCatalog;
  readonly reloader: Pick<Reloader, "preview">;
  readonly editor: UnitEditor;
  readonly recorder: Pick<Recorder, "tell">;
  /** Finds users, files and commands that this machine lacks for the start of units. */
  readonly checkMachine: (
    specs: readonly Spec[],
  ) => Promise<ReadonlyArray<{ readonly id: string; readonly key: string; readonly message: string; readonly hint?: string }>>;
}

/** Reads, checks and writes unit files for the API. A written file takes effect like one that an editor wrote: at the next reload. */
export class UnitEditing {
  readonly #o: UnitEditingOptions;

  constructor(options: UnitEditingOptions) {
    this.#o = options;
  }

  /** Returns the file that declares a unit as it is on disk. Without `reveal`, hides its secrets. */
  read(id: string, reveal: boolean): Result<shape.UnitText, ApiError> {
    const path = this.#pathOf(id);
    if (!path.ok) return path;
    const file = this.#o.editor.read(path.value);
    if (!file.ok) return err({ code: "conflict", message: file.error });
    if (file.value === null) return err({ code: "no-such-unit", message: `there is no file ${path.value}` });
    const shown = reveal ? file.value : { text: redactFile(file.value.text), etag: null };
    return ok({ id: stripSuffix(basename(path.value)), path: path.value, ...shown });
  }

  /**
   * Checks a text like `sup verify`, plans the reload that would follow, and writes the file unless it has errors or `dryRun` is set.
   * Nothing is written if the file on disk is not the one with the ETag `expected`.
   */
  async write(id: string, request: UnitFileRequest): Promise<Result<shape.UnitWrite, ApiError>> {
    const { text, expected, dryRun, by, from } = request;
    const { editor, recorder } = this.#o;
    const path = this.#pathOf(id);
    if (!path.ok) return path;
    const name = stripSuffix(basename(path.value));
    const before = editor.read(path.value);
    if (!before.ok) return err({ code: "conflict", message: before.error });
    const { problems, plan } = await this.#check(name, path.value, text);
    const isValid = problems.every(({ severity }) => severity !== "error");
    const checked = { id: name, path: path.value, etag: editor.etagOf(text), valid: isValid, problems: [...problems], plan };
    if (dryRun) return ok({ ...checked, written: false });
    if (!isValid) return err(invalid(path.value, problems));
    const written = editor.write(path.value, text, expected);
    if (!written.ok) {
      const hint = written.error.kind === "changed" ? { hint: "read the file again, and send its ETag as If-Match" } : {};
      return err({ code: "conflict", message: written.error.message, ...hint });
    }
    const words = before.value === null ? "created" : "changed";
    recorder.tell("file-written", `its unit file was ${words} by ${by ?? "a client of the API"}`, name, {
      file: path.value,
      by: by ?? null,
      from,
      etag: written.value,
      replaced: before.value?.etag ?? null,
    });
    return ok({ ...checked, etag: written.value, written: true });
  }

  /** Returns the path of the file that declares a unit, or the path at which a file for it would be created. */
  #pathOf(id: string): Result<string, ApiError> {
    const { catalog } = this.#o;
    const mask = catalog.maskOf(id);
    if (mask !== undefined) return err({ code: "conflict", message: `cannot edit ${id}: it is masked by ${mask}` });
    const file = (catalog.get(id) ?? catalog.service(id))?.spec.file;
    if (file === "") return err({ code: "conflict", message: `cannot edit ${id}: it is a transient unit, which has no file` });
    const broken = catalog.broken.find((unit) => unit.id === id)?.file;
    if (file !== undefined || broken !== undefined) return ok(file ?? broken!);
    const [directory] = catalog.directories;
    return directory === undefined
      ? err({ code: "conflict", message: `cannot edit ${id}: the unit path is empty` })
      : ok(join(directory, fileNameOf(id)));
  }

  async #check(
    name: string,
    path: string,
    text: string,
  ): Promise<{ readonly problems: readonly Problem[]; readonly plan: shape.ReloadPlan["units"] }> {
    const known = new Set(this.#o.catalog.problems().map(problemLine));
    const { catalog, rows } = this.#o.reloader.preview((snapshot) => withFile(snapshot, name, { path, text }));
    const declared = catalog.declared(name);
    const own = new Set([...catalog.problemsOf(name), ...declared.flatMap(({ warnings }) => warnings)]);
    // A change can also break other units, for example by a dependency cycle.
    const elsewhere = catalog.problems().filter((problem) => !own.has(problem) && !known.has(problemLine(problem)));
    const findings = await this.#o.checkMachine(declared.map(({ spec }) => spec));
    const lacking = findings.map(({ key, message, hint }): Problem => {
      const source = declared[0]!.sources.get(key) ?? "";
      const [, file, line] = /^(.*):(\d+)$/.exec(source) ?? [];
      const details = { severity: "warning", path: key === "" ? [] : key.split("."), message, hint: hint ?? null } as const;
      return { ...fileProblem(file ?? path, details), line: line === undefined ? null : Number(line) };
    });
    const plan = rows.map((row) => ({ ...row, keys: row.keys.map((key) => ({ ...key })) }));
    return { problems: [...own, ...elsewhere, ...lacking], plan };
  }
}

/** Returns the snapshot with another content of one main file, which may be new. */
function withFile(snapshot: UnitSnapshot, id: string, main: { readonly path: string; readonly text: string }): UnitSnapshot {
  const others = snapshot.units.filter((unit) => unit.id !== id);
  const dropIns = snapshot.units.find((unit) => unit.id === id)?.dropIns ?? [];
  const units = [...others, { id, main, dropIns }].sort((a, b) => (a.id < b.id ? -1 : 1));
  return { ...snapshot, units, unreadable: snapshot.unreadable.filter(({ path }) => path !== main.path) };
}

function invalid(path: string, problems: readonly Problem[]): ApiError {
  const errors = problems.filter(({ severity }) => severity === "error");
  const more = errors.length > 1 ? ` (and ${errors.length - 1} more)` : "";
  const hint = "a request with dry_run returns all problems";
  return { code: "invalid", message: `cannot write ${path}: it would have errors: ${problemLine(errors[0]!)}${more}`, hint };
}
