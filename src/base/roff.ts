/** Formats text for man(7). The text may contain Markdown: `code` and **strong** become bold, and [words](address) becomes words. */

/** Escapes plain text, so that roff does not interpret any part of it as an escape sequence or a request. */
export const roff = (text: string): string =>
  text
    .replaceAll("\\", "\\e")
    .replaceAll("-", "\\-")
    .replaceAll("…", "...")
    .replaceAll("→", "to")
    .replaceAll("×", "x")
    .replace(/^([.'])/gm, "\\&$1");

/** Converts text with Markdown markup to roff. */
export const marked = (text: string): string =>
  text
    .split(/(`[^`]+`|\*\*[^*]+\*\*|\[[^\]]+\]\([^)]+\))/)
    .map((part) => {
      const strong = /^`(.+)`$/.exec(part) ?? /^\*\*(.+)\*\*$/.exec(part);
      if (strong) return bold(strong[1]!);
      return roff(/^\[(.+)\]\(.+\)$/.exec(part)?.[1] ?? part);
    })
    .join("")
    .replace(/^([.'])/gm, "\\&$1");

export const bold = (text: string): string => `\\fB${roff(text)}\\fR`;
export const italic = (text: string): string => `\\fI${roff(text)}\\fR`;

const quoted = (text: string): string => `"${text.replaceAll('"', "\\(dq")}"`;

export const title = (name: string, section: number, source: string, manual: string): string =>
  `.TH ${quoted(roff(name).toUpperCase())} ${section} "" ${quoted(roff(source))} ${quoted(roff(manual))}`;
export const heading = (text: string): string => `.SH ${quoted(roff(text).toUpperCase())}`;
export const subheading = (text: string): string => `.SS ${quoted(roff(text))}`;
export const paragraph = (text: string): string => `.PP\n${text}`;

/** Formats an item of a list: a term that is already in roff, and its explanation. */
export const item = (term: string, meaning: string): string => `.TP\n${term}\n${meaning}`;

/** Formats lines that must appear exactly as they are. */
export const verbatim = (text: string): string => [".in +4n", ".nf", roff(text), ".fi", ".in"].join("\n");
