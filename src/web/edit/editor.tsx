import { effect } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";
import type { UnitText, UnitWrite } from "../../api/contract/shapes.ts";
import type { ApiError } from "../../api/contract/errors.ts";
import { isLive } from "../state/live.ts";
import { signedIn } from "../state/session.ts";
import { showToast } from "../state/toasts.ts";
import { plain } from "../text.ts";
import { errorWords } from "../unit/log-source.ts";
import { applyFiles } from "../unit/reload-files.tsx";
import { adminRequest, isAdmin, TokenForm } from "./admin.tsx";
import { Findings } from "./findings.tsx";
import { showLine, TextArea } from "./text-area.tsx";

interface Props {
  readonly id: string;
  /** The text of a new file. If it is absent, the editor opens the file on disk. */
  readonly template?: string;
  readonly onClose: (saved: boolean) => void;
}

/** Edits the file of a unit. The daemon checks each change and plans the reload before anything is written. */
export function Editor({ id, template, onClose }: Props) {
  const [file, setFile] = useState<Pick<UnitText, "text" | "path"> & { readonly etag: string | null }>();
  const [problem, setProblem] = useState<ApiError | null>(null);
  const admin = isAdmin();
  const load = async (): Promise<void> => {
    const answer = await adminRequest("unitText", { id, reveal: true });
    setProblem(answer.ok ? null : answer.error);
    if (answer.ok) setFile(answer.value);
  };
  useEffect(() => {
    if (!admin) return;
    if (template === undefined) void load();
    else setFile({ text: template, path: `${id}.unit.json`, etag: null });
  }, [admin, id, template]);
  if (!admin) return <TokenForm onCancel={() => onClose(false)} />;
  if (file !== undefined) return <Text key={file.etag ?? "new"} id={id} file={file} onClose={onClose} reload={load} />;
  return (
    <p class="empty" role={problem === null ? "status" : "alert"}>
      {problem === null ? "Loading the file…" : errorWords(problem)}
    </p>
  );
}

/** The texts that were not saved, so that a visit to another page loses nothing. They can contain secrets. */
const drafts = new Map<string, string>();
effect(() => {
  if (!signedIn.value) drafts.clear();
});
const SETTLE_MS = 350;

interface TextProps {
  readonly id: string;
  readonly file: Pick<UnitText, "text" | "path"> & { readonly etag: string | null };
  readonly onClose: (saved: boolean) => void;
  readonly reload: () => Promise<void>;
}

function Text({ id, file, onClose, reload }: TextProps) {
  const key = `${id} ${file.etag}`;
  const [text, setText] = useState(drafts.get(key) ?? file.text);
  const [name, setName] = useState(localStorage.getItem(NAME) ?? "");
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<ApiError | null>(null);
  const checked = useCheck(id, text);
  const isChanged = text !== file.text || file.etag === null;
  useLeaveWarning(text !== file.text);
  const change = (next: string): void => {
    drafts.set(key, next);
    setText(next);
    setProblem(null);
  };
  const close = (saved: boolean): void => {
    drafts.delete(key);
    onClose(saved);
  };
  const save = async (apply: boolean): Promise<void> => {
    setBusy(true);
    localStorage.setItem(NAME, name.trim());
    const by = name.trim() === "" ? {} : { by: name.trim() };
    const precondition = file.etag === null ? {} : { if_match: file.etag };
    const answer = await adminRequest("writeUnit", { id, text, ...precondition, ...by });
    setBusy(false);
    if (!answer.ok) return setProblem(answer.error);
    showToast("good", `${answer.value.path} was saved.${apply || file.etag === null ? "" : " A reload applies it."}`);
    if (apply) await applyFiles();
    close(true);
  };
  const canSave = isChanged && checked.answer?.valid === true && checked.text === text && !busy && isLive.value;
  const hasPlan = (checked.answer?.plan.length ?? 0) > 0 && file.etag !== null;
  return (
    <section class="editor" aria-label={`Edit ${file.path}`}>
      <div class="card editor-text">
        <h2 class="wrap">{plain(file.path)}</h2>
        <TextArea text={text} onChange={change} badLines={badLines(checked.answer, file.path)} />
      </div>
      <div class="card editor-side">
        <Findings
          path={file.path}
          checked={checked.text === text ? checked.answer : null}
          problem={checked.problem}
          isNew={file.etag === null}
          onLine={showLine}
        />
        <NameField name={name} onChange={setName} />
        {problem !== null && <SaveProblem problem={problem} onLoad={() => void reload()} />}
        <div class="dialog-buttons">
          <button type="button" class="button" onClick={() => close(false)}>
            Cancel
          </button>
          <button type="button" class={hasPlan ? "button" : "button primary"} disabled={!canSave} onClick={() => void save(false)}>
            {file.etag === null ? "Create" : "Save"}
          </button>
          {hasPlan && (
            <button type="button" class="button primary" disabled={!canSave} onClick={() => void save(true)}>
              Save and apply
            </button>
          )}
        </div>
      </div>
    </section>
  );
}

const NAME = "sup-name";

/** Says why the file was not saved. If it has changed on disk, offers to load it. */
const SaveProblem = ({ problem, onLoad }: { readonly problem: ApiError; readonly onLoad: () => void }) => (
  <p class="problem" role="alert">
    {plain(errorWords(problem))}{" "}
    {problem.code === "conflict" && (
      <button type="button" class="button small" onClick={onLoad}>
        Discard my text and load the file
      </button>
    )}
  </p>
);

function NameField({ name, onChange }: { readonly name: string; readonly onChange: (name: string) => void }) {
  return (
    <label class="field">
      Your name, for the history
      <input type="text" maxLength={64} autocomplete="name" value={name} onInput={(event) => onChange(event.currentTarget.value)} />
    </label>
  );
}

interface Checked {
  /** The text that the answer is about. */
  readonly text: string | null;
  readonly answer: UnitWrite | null;
  readonly problem: ApiError | null;
}

/** Asks the daemon about the text after it has not changed for SETTLE_MS. */
function useCheck(id: string, text: string): Checked {
  const [checked, setChecked] = useState<Checked>({ text: null, answer: null, problem: null });
  useEffect(() => {
    let gone = false;
    const check = async (): Promise<void> => {
      const answer = await adminRequest("writeUnit", { id, text, dry_run: true });
      if (!gone) setChecked({ text, answer: answer.ok ? answer.value : null, problem: answer.ok ? null : answer.error });
    };
    const timer = setTimeout(() => void check(), SETTLE_MS);
    return () => {
      gone = true;
      clearTimeout(timer);
    };
  }, [id, text]);
  return checked;
}

const badLines = (answer: UnitWrite | null, path: string): ReadonlySet<number> =>
  new Set(answer?.problems.flatMap(({ file, line, severity }) => (file === path && line !== null && severity === "error" ? [line] : [])));

/** Makes the browser ask before it closes a tab with a changed text. */
function useLeaveWarning(isChanged: boolean): void {
  useEffect(() => {
    if (!isChanged) return;
    const warn = (event: BeforeUnloadEvent): void => event.preventDefault();
    window.addEventListener("beforeunload", warn);
    return () => window.removeEventListener("beforeunload", warn);
  }, [isChanged]);
}
