/** Prints data as YAML that every parser of YAML 1.1 and 1.2 interprets identically. */
export const printYaml = (value: unknown): string => `${print(value, "").trimStart()}\n`;

function print(value: unknown, indent: string): string {
  if (Array.isArray(value)) {
    if (value.length === 0) return " []";
    return value.map((item) => `\n${indent}-${isContainer(item) ? inList(item, indent) : scalar(item)}`).join("");
  }
  if (!isContainer(value)) return scalar(value);
  const members = Object.entries(value).filter(([, each]) => each !== undefined);
  if (members.length === 0) return " {}";
  return members.map(([key, each]) => `\n${indent}${text(key)}:${print(each, Array.isArray(each) ? indent : `${indent}  `)}`).join("");
}

/** Formats an object in a list. Its first member follows the dash on the same line. */
function inList(item: object, indent: string): string {
  const printed = print(item, `${indent}  `);
  return printed.startsWith("\n") ? ` ${printed.trimStart()}` : printed;
}

const isContainer = (value: unknown): value is object => typeof value === "object" && value !== null;

const scalar = (value: unknown): string => ` ${typeof value === "string" ? text(value) : JSON.stringify(value)}`;

/** Words that some parsers read as booleans or null. */
const WORDS = /^(y|n|yes|no|on|off|true|false|null|nan|inf)$/i;

function text(value: string): string {
  if (/^[A-Za-z/][\w./-]*( [\w./-]+)*$/.test(value) && !WORDS.test(value)) return value;
  // A double-quoted YAML string has the syntax of JSON, but these characters must be escaped.
  return JSON.stringify(value).replaceAll(
    /[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
