import { globMatcher } from "../../base/names.ts";

/** Absolute POSIX paths as strings. */
export const posix = {
  dirname(path: string): string {
    const at = path.lastIndexOf("/");
    return at <= 0 ? "/" : path.slice(0, at);
  },
  basename: (path: string): string => path.slice(path.lastIndexOf("/") + 1),
  /** Resolves `path`, which may contain `.` and `..`, against an absolute directory. */
  join(directory: string, path: string): string {
    const parts: string[] = [];
    for (const part of (path.startsWith("/") ? path : `${directory}/${path}`).split("/")) {
      if (part === "..") parts.pop();
      else if (part !== "" && part !== ".") parts.push(part);
    }
    return `/${parts.join("/")}`;
  },
  matcher: globMatcher,
};
