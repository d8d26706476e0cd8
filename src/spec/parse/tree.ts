/**
 * A JSON document that remembers the position of each key and value, so that messages can name the line and column. It also
 * remembers the file of each value after drop-ins are merged. Positions are offsets in UTF-16 code units; lines and columns
 * count from 1.
 */

export class Source {
  readonly path: string;
  /** The text of the file without its byte order mark. */
  readonly text: string;
  #lineStarts: number[] | undefined;

  constructor(path: string, text: string) {
    this.path = path;
    this.text = text.startsWith("\uFEFF") ? text.slice(1) : text;
  }

  position(offset: number): { readonly line: number; readonly column: number } {
    const starts = (this.#lineStarts ??= lineStarts(this.text));
    let low = 0;
    let high = starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (starts[middle]! <= offset) low = middle;
      else high = middle - 1;
    }
    return { line: low + 1, column: offset - starts[low]! + 1 };
  }
}

interface Place {
  readonly source: Source;
  /** Offset of the first character of the key or value. */
  readonly start: number;
}

export interface ObjectNode extends Place {
  readonly kind: "object";
  readonly members: ReadonlyMap<string, Member>;
}

export interface ArrayNode extends Place {
  readonly kind: "array";
  readonly items: readonly Node[];
}

export interface ScalarNode extends Place {
  readonly kind: "scalar";
  readonly value: string | number | boolean | null;
}

export type Node = ObjectNode | ArrayNode | ScalarNode;

export interface Member {
  /** The position of the key. */
  readonly key: Place;
  readonly value: Node;
}

export type Path = ReadonlyArray<string | number>;

/** Returns the plain value, as JSON.parse would return it. */
export function toValue(node: Node): unknown {
  if (node.kind === "scalar") return node.value;
  if (node.kind === "array") return node.items.map(toValue);
  const value: Record<string, unknown> = {};
  for (const [key, member] of node.members) value[key] = toValue(member.value);
  return value;
}

/** Returns the node at a path, or undefined if there is none. */
export function nodeAt(root: Node, path: Path): Node | undefined {
  let node: Node | undefined = root;
  for (const step of path) {
    if (node?.kind === "object") node = node.members.get(String(step))?.value;
    else if (node?.kind === "array") node = node.items[Number(step)];
    else return undefined;
  }
  return node;
}

/** Returns the position of the key at a path. In a list, this is the position of the item. */
export function keyAt(root: Node, path: Path): Place | undefined {
  const parent = nodeAt(root, path.slice(0, -1));
  const last = path.at(-1);
  return parent?.kind === "object" ? parent.members.get(String(last))?.key : nodeAt(root, path);
}

/** Returns the deepest node that exists on the way to a path. A missing key is reported there. */
export function nearest(root: Node, path: Path): Node {
  for (let length = path.length; length > 0; length--) {
    const node = nodeAt(root, path.slice(0, length));
    if (node) return node;
  }
  return root;
}

/** Calls `visit` for every scalar in document order. `path` is reused for the next call, so `visit` must copy it to keep it. */
export function eachScalar(root: Node, visit: (node: ScalarNode, path: Path) => void): void {
  const path: Array<string | number> = [];
  const walk = (node: Node): void => {
    if (node.kind === "scalar") visit(node, path);
    else if (node.kind === "array") for (let i = 0; i < node.items.length; i++) step(i, node.items[i]!);
    else for (const [key, { value }] of node.members) step(key, value);
  };
  const step = (name: string | number, node: Node): void => {
    path.push(name);
    walk(node);
    path.pop();
  };
  walk(root);
}

/** Returns the offset in the file of character `index` of a string's value. Escape sequences are longer in the file than in the value. */
export function offsetInString(node: ScalarNode, index: number): number {
  const { text } = node.source;
  let offset = node.start + 1;
  for (let i = 0; i < index; i++) {
    if (text[offset] !== "\\") offset += 1;
    else offset += text[offset + 1] === "u" ? 6 : 2;
  }
  return offset;
}

/** Formats a path, for example as `a.b[0].c`. */
export function dotted(path: Path): string {
  let text = "";
  for (const step of path) text += typeof step === "number" ? `[${step}]` : text === "" ? step : `.${step}`;
  return text;
}

function lineStarts(text: string): number[] {
  const starts = [0];
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
  return starts;
}
