import { escapeText } from "../../../spec/load/specifiers.ts";

/** Words that look like a program but that only a shell understands. */
const BUILTIN =
  /^(\.|alias|bg|cd|command|declare|eval|exec|exit|export|fg|if|for|let|local|popd|pushd|read|set|shift|shopt|source|time|trap|type|ulimit|umask|unset|until|wait|while|\w+=.*)$/;

/** Returns the command that runs a shell line. A line of plain words needs no shell. */
export function bashOf(line: string, shell: readonly string[]): { readonly command: string; readonly args: readonly string[] } {
  const words = line.split(/[ \t]+/);
  const [first = "", ...rest] = words;
  if (/^[\w@%+:,./ \t=-]+$/.test(line) && !BUILTIN.test(first))
    return { command: escapeText(first), args: rest.map((word) => escapeText(word)) };
  const [program = "bash", argument = "-c"] = shell;
  return { command: escapeText(program), args: [escapeText(argument), escapeText(line)] };
}
