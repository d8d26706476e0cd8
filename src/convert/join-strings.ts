/** Joins strings that follow each other in a list of strings and other parts. */
export function joinStrings<Part>(parts: ReadonlyArray<Part | string>): Array<Part | string> {
  const joined: Array<Part | string> = [];
  for (const part of parts) {
    const last = joined.at(-1);
    if (typeof part === "string" && typeof last === "string") joined[joined.length - 1] = last + part;
    else joined.push(part);
  }
  return joined;
}
