import type { Figures } from "../../api/contract/shapes.ts";
import { mebibytes, milliseconds, NONE, percent } from "../format.ts";
import { plain } from "../text.ts";
import { changeOf, HOUR_MS, rateOf, ROWS, type FigureKey } from "./ranges.ts";

/** Shows the figures of both ranges and their differences. */
export function Comparison({ before, after }: { readonly before: Figures; readonly after: Figures }) {
  const perMs = rateOf(before, after);
  return (
    <section class="card compare-figures" aria-label="Figures">
      <table>
        <thead>
          <tr>
            <th scope="col">
              <span class="visually-hidden">Figure</span>
            </th>
            <th scope="col" class="num">
              Before
            </th>
            <th scope="col" class="num">
              After
            </th>
            <th scope="col" class="num">
              Change
            </th>
          </tr>
        </thead>
        <tbody>
          {ROWS.map(({ key, title, isCount }) => {
            const change = changeOf(key, isCount, before, after, perMs);
            return (
              <tr key={key}>
                <th scope="row">{title}</th>
                <td class="num">{format(key, before[key])}</td>
                <td class="num">{format(key, after[key])}</td>
                <td class={`num change tone-${change?.tone ?? "quiet"}`}>
                  {change === null ? NONE : signed(key, change.by, isCount ? rateWords(perMs) : "")}
                </td>
              </tr>
            );
          })}
          <tr>
            <th scope="row">How it ended</th>
            <td class="num endings">
              <Endings figures={before} />
            </td>
            <td class="num endings">
              <Endings figures={after} />
            </td>
            <td />
          </tr>
        </tbody>
      </table>
    </section>
  );
}

function Endings({ figures: { endings } }: { readonly figures: Figures }) {
  if (endings.length === 0) return <>{NONE}</>;
  return (
    <>
      {endings.map(({ text, count }) => (
        <div key={text}>
          {plain(text)} {count > 1 && `(${count}×)`}
        </div>
      ))}
    </>
  );
}

function format(key: FigureKey, value: number | null): string {
  if (value === null) return NONE;
  if (key === "memory_mb") return mebibytes(value);
  if (key === "memory_mb_per_hour") return `${mebibytes(value)}/h`;
  if (key === "cpu_percent") return percent(value);
  return key === "response_time_ms" ? milliseconds(value) : String(value);
}

/** Formats a difference with its sign. `rate` is a unit such as ` per hour` for a difference of rates, and "" otherwise. */
function signed(key: FigureKey, by: number, rate: string): string {
  if (by === 0) return "same";
  const size = Math.abs(by);
  const text = rate === "" ? format(key, size) : `${Number.isInteger(size) ? size : size.toFixed(size < 10 ? 1 : 0)}${rate}`;
  return `${by > 0 ? "+" : "−"}${text}`;
}

const rateWords = (perMs: number | null): string => (perMs === null ? "" : perMs === HOUR_MS ? " per hour" : " per minute");
