import { useState } from "preact/hooks";
import type { BrokenUnit } from "../../api/contract/shapes.ts";
import { firstProblem } from "../cause.ts";
import { EditFile } from "../edit/load.tsx";
import { unitHref } from "../route.ts";
import { isLive } from "../state/live.ts";
import { mayAct } from "../state/session.ts";
import { clip, plain } from "../text.ts";

/** Shows the cells of a unit whose file has errors. The first error, with file and line, replaces the figures. */
export function BrokenCells({ unit }: { readonly unit: BrokenUnit }) {
  return (
    <>
      <span class="c-select" role="gridcell" />
      <span class="c-name" role="gridcell">
        <span class="dot tone-bad" aria-hidden="true" />
        <a class="unit-link" href={unitHref(unit.id)} tabIndex={-1}>
          {unit.id}
        </a>
      </span>
      <span class="c-state" role="gridcell">
        <BrokenMark />
      </span>
      <span class="c-problem" role="gridcell" title={plain(unit.problems.join("\n"))}>
        {firstProblem(unit)}
      </span>
    </>
  );
}

/** Shows the page of a unit whose file has errors, with all these errors. */
export function BrokenPage({ unit }: { readonly unit: BrokenUnit }) {
  const [editing, setEditing] = useState(false);
  return (
    <div class="unit-page">
      <div class="unit-top">
        <div class="unit-title">
          <h1>
            <span class="dot tone-bad" aria-hidden="true" />
            <span class="wrap">{unit.id}</span>
          </h1>
          <BrokenMark />
          <p class="unit-description">It cannot be loaded, because its file has errors. sup reads the file again when it changes.</p>
        </div>
        <div class="actions">
          {mayAct.value && !editing && (
            <button type="button" class="button primary" disabled={!isLive.value} onClick={() => setEditing(true)}>
              Edit the file
            </button>
          )}
        </div>
      </div>
      {editing ? (
        <div class="unit-file">
          <EditFile id={unit.id} onClose={() => setEditing(false)} />
        </div>
      ) : (
        <ul class="problems">
          {unit.problems.map((problem) => (
            <li key={problem}>{plain(clip(problem, 2000).text)}</li>
          ))}
        </ul>
      )}
    </div>
  );
}

const BrokenMark = () => <span class="pill tone-bad state-broken">broken</span>;
