import type { UnitWrite } from "../../api/contract/shapes.ts";
import type { ApiError } from "../../api/contract/errors.ts";
import { plural } from "../format.ts";
import { plain, withoutCommands } from "../text.ts";
import { errorWords } from "../unit/log-source.ts";
import { PlanList } from "../unit/reload-files.tsx";

interface Props {
  readonly path: string;
  /** Null while the text is checked. */
  readonly checked: UnitWrite | null;
  readonly problem: ApiError | null;
  readonly isNew: boolean;
  readonly onLine: (line: number, column: number | null) => void;
}

/** Shows the errors and warnings of the text, and what a reload would do with it. */
export function Findings({ path, checked, problem, isNew, onLine }: Props) {
  const errors = checked?.problems.filter(({ severity }) => severity === "error").length ?? 0;
  const warnings = (checked?.problems.length ?? 0) - errors;
  return (
    <div class="findings">
      <h2>Check</h2>
      <p role="status" class={errors > 0 ? "problem" : ""}>
        {problem !== null
          ? plain(errorWords(problem))
          : checked === null
            ? "Checking…"
            : `${errors === 0 ? "No errors" : plural(errors, "error")}${warnings > 0 ? `, ${plural(warnings, "warning")}` : ""}.`}
      </p>
      <ul class="plain-list">
        {checked?.problems.map((one, index) => (
          <li key={index} class={one.severity === "error" ? "problem" : "warning"}>
            {one.file === path && one.line !== null ? (
              <button type="button" class="more" onClick={() => onLine(one.line!, one.column)}>
                Line {one.line}
              </button>
            ) : (
              <span class="wrap">{plain(one.file)}</span>
            )}
            : {plain(one.message)}
            {one.hint !== null && <span class="quiet-text"> ({plain(withoutCommands(one.hint))})</span>}
          </li>
        ))}
      </ul>
      <h2>{isNew ? "When it is created" : "When it is applied"}</h2>
      {checked !== null && !checked.valid && <p class="quiet-text">A file with errors is not saved.</p>}
      {checked?.valid && <PlanList plan={checked.plan} />}
    </div>
  );
}
