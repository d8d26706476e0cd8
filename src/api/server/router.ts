import { closest } from "../../base/names.ts";
import type { Route, RouteName } from "../contract/routes.ts";

export type Match =
  | { readonly kind: "route"; readonly name: RouteName; readonly route: Route; readonly id: string | null }
  | { readonly kind: "method"; readonly allow: string }
  | { readonly kind: "none"; readonly hint: string | null }
  | { readonly kind: "bad"; readonly message: string };

interface Node {
  readonly children: Map<string, Node>;
  /** The child node for a segment with a parameter, such as `:id`. */
  param: Node | null;
  readonly methods: Map<string, { readonly name: RouteName; readonly route: Route }>;
}

/**
 * Returns a function that finds the route for a method and a path. It uses a tree of path segments, so that a lookup costs only a split
 * and a few map reads. HEAD is routed like GET.
 */
export function createRouter(routes: Readonly<Record<RouteName, Route>>): (method: string, path: string) => Match {
  const root = makeNode();
  for (const [name, route] of Object.entries(routes))
    nodeFor(root, route.path).methods.set(route.method, { name: name as RouteName, route });
  const paths = [...new Set(Object.values(routes).map((route) => route.path))];
  return (method, path) => {
    const found = walk(root, path);
    if (!found) return { kind: "none", hint: suggest(path, paths) };
    if ("message" in found) return { kind: "bad", message: found.message };
    const row = found.node.methods.get(method === "HEAD" ? "GET" : method);
    return row ? { kind: "route", ...row, id: found.id } : { kind: "method", allow: allowOf(found.node) };
  };
}

const makeNode = (): Node => ({ children: new Map(), param: null, methods: new Map() });

function nodeFor(root: Node, path: string): Node {
  let node = root;
  for (const segment of path.split("/").slice(1)) {
    if (segment === ":id") {
      node.param ??= makeNode();
      node = node.param;
    } else {
      const next = node.children.get(segment) ?? makeNode();
      node.children.set(segment, next);
      node = next;
    }
  }
  return node;
}

function walk(root: Node, path: string): { readonly node: Node; readonly id: string | null } | { readonly message: string } | null {
  let node = root;
  let id: string | null = null;
  for (const segment of path.split("/").slice(1)) {
    const child = node.children.get(segment);
    if (child) node = child;
    else if (node.param && segment !== "") {
      node = node.param;
      const decoded = decode(segment);
      if (decoded === null) return { message: `cannot read the unit id ${segment}: malformed percent-encoding` };
      id = decoded;
    } else return null;
  }
  return node.methods.size > 0 ? { node, id } : null;
}

function decode(segment: string): string | null {
  try {
    return decodeURIComponent(segment);
  } catch {
    return null; // decodeURIComponent throws only URIError
  }
}

function allowOf(node: Node): string {
  const methods = [...node.methods.keys()];
  return [...methods, ...(node.methods.has("GET") ? ["HEAD"] : [])].join(", ");
}

/** Returns the most similar known path, with the ids of the requested path inserted, or null if none is similar. */
function suggest(path: string, paths: readonly string[]): string | null {
  if (path.length > 200) return null;
  const requested = path.split("/");
  const filled = paths.map((known) =>
    known
      .split("/")
      .map((segment, i) => (segment === ":id" ? (requested[i] ?? segment) : segment))
      .join("/"),
  );
  const near = closest(path, filled);
  return near === undefined ? null : `did you mean ${near}?`;
}
