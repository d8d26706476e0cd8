import { plural } from "./format.ts";

/**
 * Returns a summary of the daemon's notes, such as `1 unit file could not be loaded, 2 warnings`. A file with errors counts once,
 * even if several notes report its errors.
 */
export function summaryOf(notes: readonly string[]): string {
  const files = new Set<string>();
  let others = 0;
  for (const note of notes) {
    const file = /^(.+\.unit\.json\S*?)(?::\d+){0,2}: error: /.exec(note)?.[1];
    if (file === undefined) others++;
    else files.add(file);
  }
  const parts = [];
  if (files.size > 0) parts.push(`${plural(files.size, "unit file")} could not be loaded`);
  if (others > 0) parts.push(plural(others, "warning"));
  return parts.join(", ");
}
