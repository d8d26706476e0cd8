/** Returns a Markdown table. The first column is aligned left and the others right. */
export function table(head: readonly string[], rows: ReadonlyArray<readonly string[]>): string {
  const all = [head, ...rows];
  const widths = head.map((_, i) => Math.max(3, ...all.map((row) => Bun.stringWidth(row[i] ?? ""))));
  const pad = (text: string, i: number): string => {
    const space = " ".repeat(Math.max(0, widths[i]! - Bun.stringWidth(text)));
    return i === 0 ? text + space : space + text;
  };
  const line = (row: readonly string[]): string => `| ${head.map((_, i) => pad(row[i] ?? "", i)).join(" | ")} |`;
  const rule = `| ${widths.map((width, i) => (i === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`)).join(" | ")} |`;
  return [line(head), rule, ...rows.map(line)].join("\n");
}
