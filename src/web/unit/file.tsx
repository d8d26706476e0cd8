import { useState } from "preact/hooks";
import { isLive } from "../state/live.ts";
import { mayAct } from "../state/session.ts";
import { EditFile } from "../edit/load.tsx";
import { request } from "../state/api.ts";
import { clip, plain } from "../text.ts";
import { flattenSettings } from "./settings.ts";
import { useRequest } from "../state/use-request.ts";

const MOST_TEXT = 200_000;

/** Shows the effective settings with their sources, and the files as they are on disk. Secrets stay hidden. */
export function UnitFiles({ id }: { readonly id: string }) {
  const { value, problem } = useRequest(id, () => request("serviceFile", { id }));
  const [withDefaults, setWithDefaults] = useState(false);
  const [editing, setEditing] = useState(false);
  if (editing)
    return (
      <div class="unit-file">
        <EditFile id={id} onClose={() => setEditing(false)} />
      </div>
    );
  if (value === null) return <p class="empty">{problem?.message ?? "…"}</p>;
  const settings = flattenSettings(value.effective, value.sources);
  const shown = withDefaults ? settings : settings.filter(({ source }) => source !== "default");
  return (
    <div class="unit-file">
      <section class="card" aria-label="Effective settings">
        <div class="card-head">
          <h2>Effective settings</h2>
          <label class="check">
            <input type="checkbox" checked={withDefaults} onChange={(event) => setWithDefaults(event.currentTarget.checked)} /> Show
            defaults
          </label>
        </div>
        {shown.length === 0 && <p class="quiet-text">Only defaults.</p>}
        <dl class="settings">
          {shown.map(({ key, text, source }) => (
            <div key={key}>
              <dt>{plain(key)}</dt>
              <dd>
                <code class="wrap">{plain(clip(text, 5000).text)}</code>
                <span class="quiet-text source" title={plain(source)}>
                  {plain(source.slice(source.lastIndexOf("/") + 1))}
                </span>
              </dd>
            </div>
          ))}
        </dl>
      </section>
      {value.files.map(({ path, text }, index) => (
        <section key={path} class="card" aria-label={plain(path)}>
          <div class="card-head">
            <h2 class="wrap">{plain(path)}</h2>
            {index === 0 && mayAct.value && (
              <button type="button" class="button small" disabled={!isLive.value} onClick={() => setEditing(true)}>
                Edit
              </button>
            )}
          </div>
          <pre class="output file-text" tabIndex={0}>
            {clip(text, MOST_TEXT)
              .text.split("\n")
              .map((line) => `${plain(line)}\n`)}
          </pre>
        </section>
      ))}
    </div>
  );
}
