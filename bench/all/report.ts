import { type Bar, barChart } from "../svg/bars.ts";
import { table } from "../table.ts";
import { type Figure, peersAhead, ratioOf, type Results, valueOf } from "./figures.ts";

export interface Report {
  readonly machine: string;
  /** The day of the measurement, for example "2026-11-28". */
  readonly day: string;
  readonly figures: readonly Figure[];
  readonly results: readonly Results[];
}

const OWN = "sup";
const BASE = "loop (C)";
/** The figures for which the loop is a lower bound. For the others it does nothing that can be compared. */
const BOUNDED = ["restart", "start", "stop"];

/** Returns the result as Markdown. `charts` is the directory of the charts in links, or null to leave the charts out. */
export function markdown(report: Report, charts: string | null): string {
  const { machine, day, figures, results } = report;
  const measured = results.filter(({ peer }) => peer.version !== null);
  const head = ["", ...figures.map(({ file, unit }) => `${file}, ${unit}`)];
  const rows = measured.map((one) => [one.peer.name, ...figures.map((figure) => cell(figure, one))]);
  const versions = measured.filter(({ peer }) => peer.name !== BASE).map(({ peer }) => versionOf(peer));
  return [
    `Measured on ${day} on ${machine}. Versions: ${versions.join(", ")}.`,
    table(head, rows),
    figures.map(({ file, title, unit }) => `- **${file}**: ${title}, in ${unit}`).join("\n"),
    ...lines(besideTheLoop(report)),
    ...lines(ahead(report)),
    ...lines(notes(report)),
    ...(charts === null ? [] : figures.map(({ file, title }) => `![${title}](${charts}/${file}.svg)`)),
  ].join("\n\n");
}

export function chartsOf({ figures, results }: Report): ReadonlyArray<readonly [file: string, svg: string]> {
  return figures.map((figure) => {
    const bars = results
      .filter(({ peer }) => peer.name !== BASE || BOUNDED.includes(figure.file))
      .map((one): Bar => {
        const style = one.peer.name === OWN ? "own" : one.peer.name === BASE ? "base" : "peer";
        return { name: one.peer.name, value: valueOf(figure, one), why: one.peer.missing ?? "not measured", style };
      });
    return [`${figure.file}.svg`, barChart({ title: figure.title, unit: figure.unit, bars: bars.filter(isWorthARow) })];
  });
}

const isWorthARow = ({ value, why }: Bar): boolean => value !== null || why === "not measured";

const lines = (items: readonly string[]): string[] => (items.length === 0 ? [] : [items.join("\n")]);

function cell(figure: Figure, results: Results): string {
  const value = valueOf(figure, results);
  return value === null ? "–" : value.toFixed(figure.digits);
}

const versionOf = ({ name, version }: Results["peer"]): string => (version!.startsWith(name) ? version! : `${name} ${version}`);

function besideTheLoop({ figures, results }: Report): string[] {
  const [own, base] = [OWN, BASE].map((name) => results.find(({ peer }) => peer.name === name));
  if (own === undefined || base === undefined) return [];
  const ratios = figures
    .filter(({ file }) => BOUNDED.includes(file))
    .flatMap((figure) => {
      const ratio = ratioOf(figure, own, base);
      return ratio === null ? [] : [`${figure.file} ${times(ratio.median)} (${times(ratio.least)} to ${times(ratio.most)})`];
    });
  if (ratios.length === 0) return [];
  return [`sup as a multiple of the bare C loop in the same turn, the median and the range: ${ratios.join(", ")}.`];
}

const times = (ratio: number): string => `${ratio.toFixed(1)} ×`;

/** Names every peer that is better than sup. */
function ahead({ figures, results }: Report): string[] {
  const own = results.find(({ peer }) => peer.name === OWN);
  if (own === undefined) return [];
  const others = results.filter((one) => one !== own && one.peer.name !== BASE);
  const items = figures.flatMap((figure) => {
    const better = peersAhead(figure, own, others);
    if (better.length === 0) return [];
    const words = better.map((one) => `${one.peer.name} (${cell(figure, one)} ${figure.unit})`);
    return [`- ${figure.title}: ${words.join(", ")}; sup ${cell(figure, own)} ${figure.unit}.`];
  });
  return items.length === 0 ? ["No peer is ahead of sup in any figure."] : ["Peers that are ahead of sup:\n", ...items];
}

function notes({ results }: Report): string[] {
  const absent = results.filter(({ peer }) => peer.version === null).map(({ peer }) => `- ${peer.name} was not measured: ${peer.missing}.`);
  return [...absent, ...results.flatMap(({ peer, notes: own }) => [...new Set(own)].map((note) => `- ${peer.name}: ${note}.`))];
}
