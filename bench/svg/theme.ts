/**
 * Small SVG charts for the documents. The colours are readable on a light and on a dark page. A viewer that supports
 * `prefers-color-scheme` gets a dark background on a dark page, and others get a light one.
 */
export const WIDTH = 720;

const STYLE = `
  .page { fill: #ffffff }
  .text { fill: #24292f; font: 13px system-ui, sans-serif }
  .title { fill: #24292f; font: 600 15px system-ui, sans-serif }
  .quiet { fill: #57606a; font: 12px system-ui, sans-serif }
  .grid { stroke: #d0d7de; stroke-width: 1 }
  .own { fill: #1f6feb; stroke: #1f6feb }
  .peer { fill: #8c959f; stroke: #8c959f }
  .base { fill: #2da44e; stroke: #2da44e }
  .line { fill: none; stroke-width: 2 }
  @media (prefers-color-scheme: dark) {
    .page { fill: #0d1117 }
    .text, .title { fill: #e6edf3 }
    .quiet { fill: #9198a1 }
    .grid { stroke: #3d444d }
    .own { fill: #4493f8; stroke: #4493f8 }
    .peer { fill: #7d8590; stroke: #7d8590 }
    .base { fill: #3fb950; stroke: #3fb950 }
    .line { fill: none }
  }`;

/** Returns a whole SVG document. The title is also its accessible name. */
export function svg(title: string, height: number, body: readonly string[]): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${escape(title)}">`,
    `<style>${STYLE}\n</style>`,
    `<rect class="page" width="${WIDTH}" height="${height}" rx="6"/>`,
    text(16, 26, "title", title),
    ...body,
    "</svg>\n",
  ].join("\n");
}

export function text(
  x: number,
  y: number,
  style: "text" | "title" | "quiet",
  words: string,
  anchor: "start" | "middle" | "end" = "start",
): string {
  return `<text class="${style}" x="${round(x)}" y="${round(y)}" text-anchor="${anchor}">${escape(words)}</text>`;
}

export function line(fromX: number, fromY: number, toX: number, toY: number): string {
  return `<line class="grid" x1="${round(fromX)}" y1="${round(fromY)}" x2="${round(toX)}" y2="${round(toY)}"/>`;
}

export const round = (value: number): string => String(Math.round(value * 10) / 10);

/** Returns about five round numbers from 0 on. The last one is `most` or larger. */
export function ticksTo(most: number): number[] {
  if (most <= 0) return [0, 1];
  const power = 10 ** Math.floor(Math.log10(most));
  const step = [0.2, 0.5, 1].map((part) => part * power).find((one) => most / one <= 5) ?? power * 2;
  return Array.from({ length: Math.ceil(most / step - 1e-9) + 1 }, (_, n) => n * step);
}

/** Returns a number with three significant digits and without an exponent. */
export function short(value: number): string {
  if (value === 0) return "0";
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))));
  return value.toLocaleString("en-US", { maximumFractionDigits: Math.min(4, digits) });
}

const escape = (words: string): string =>
  words.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
