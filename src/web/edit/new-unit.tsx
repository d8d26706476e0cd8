import { useState } from "preact/hooks";
import { isUnitId } from "../../base/names.ts";
import { unitHref } from "../route.ts";
import { view } from "../state/live.ts";
import { mayAct } from "../state/session.ts";
import { Editor } from "./editor.tsx";

const SAMPLE = `{
  // A service that prints the time every 5 seconds. Replace the command with your own.
  "description": "A first service",
  "command": "/bin/sh",
  "args": ["-c", "echo started; while :; do date; sleep 5; done"],
  "enabled": true, // start it now, and whenever sup starts
  "health_check": { "type": "process", "interval": 10 }
}
`;

/** Creates the file of a new unit. */
export function NewUnit() {
  const [name, setName] = useState(view.value.services.has("hello") ? "" : "hello");
  const [chosen, setChosen] = useState<string | null>(null);
  const isTaken = view.value.services.has(name) || view.value.broken.some(({ id }) => id === name);
  const note = name === "" ? null : !isUnitId(name) ? "A name has letters, digits, _ . and -." : isTaken ? "This unit exists." : null;
  if (!mayAct.value) return <p class="empty">The page is read-only.</p>;
  if (chosen !== null)
    return (
      <div class="unit-file">
        <h1>New unit {chosen}</h1>
        <Editor
          id={chosen}
          template={SAMPLE}
          onClose={(saved) => {
            if (saved) location.hash = unitHref(chosen);
            else setChosen(null);
          }}
        />
      </div>
    );
  return (
    <div class="unit-file">
      <h1>New unit</h1>
      <form
        class="card token-form"
        onSubmit={(event) => {
          event.preventDefault();
          if (note === null && name !== "") setChosen(name);
        }}
      >
        <label class="field">
          Name
          <input
            type="text"
            autofocus
            required
            maxLength={64}
            spellcheck={false}
            value={name}
            aria-invalid={note !== null}
            onInput={(event) => setName(event.currentTarget.value)}
          />
        </label>
        <p class="quiet-text">
          The page creates the file {name === "" ? "NAME" : name}.unit.json in {view.value.daemon?.unit_path[0]}.
        </p>
        {note !== null && (
          <p class="problem" role="alert">
            {note}
          </p>
        )}
        <div class="dialog-buttons">
          <a class="button" href="#/">
            Cancel
          </a>
          <button type="submit" class="button primary" disabled={note !== null || name === ""}>
            Continue
          </button>
        </div>
      </form>
    </div>
  );
}
