/** Recognises files of template engines. Such a file is useful only after its placeholders were filled. */
import type { ImportDraft } from "./draft.ts";

export interface Template {
  readonly kind: string;
  readonly line: number;
}

const KINDS: ReadonlyArray<readonly [kind: string, pattern: RegExp]> = [
  ["ERB", /<%[=#-]?\s?[^%\n]{0,500}%>|<%=/],
  [
    "Jinja",
    /\{\{[^{}\n]{1,300}\}\}|\{%-?\s?(?:if|for|set|else|elif|endif|endfor|block|endblock|extends|include|macro|raw|with|import|from)\b/,
  ],
  ["Mako or Blade", /^\s*%\s?(?:if|for|endif|endfor|while|else)\b|^\s*@(?:if|foreach|endif|endisset|isset)\b/],
  // The whole value, or the start of a path: an argument may contain such a word.
  ["autoconf or CMake", /^\s*\w{1,100}\s?=\s?[-+!:]{0,3}@[A-Za-z_]\w{0,100}@(?:[/.-]|\s*$)/],
  ["Mustache", /\{\{[#/^{]/],
];

/**
 * Returns the engine and the first line of a template, or null. Comment lines are ignored, because they may show placeholders
 * as examples.
 */
export function findTemplate(text: string, comment = /^\s*[#;]/): Template | null {
  if (!/\{\{|\{%|<%|^[ \t]*[%@]|=[^@\n]{0,5}@\w/m.test(text)) return null;
  for (const [index, line] of text.split("\n").entries()) {
    if (comment.test(line) && !/<%|\{%/.test(line)) continue;
    const shown = line.slice(0, MAX_LINE);
    for (const [kind, pattern] of KINDS) if (pattern.test(shown)) return { kind, line: index + 1 };
  }
  return null;
}

/** Refuses a file that is a template. Returns true if it is one. `kind` is the kind of file that it is not, such as `a unit`. */
export function refuseTemplate(draft: Pick<ImportDraft, "refuse">, path: string, text: string, kind: string): boolean {
  const template = findTemplate(text);
  if (template === null) return false;
  draft.refuse(
    `${path}:${template.line}`,
    `the file is a template (${template.kind}), not ${kind}`,
    "import the file that is made from it",
  );
  return true;
}

const MAX_LINE = 5000;
