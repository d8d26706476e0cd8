import { readdirSync } from "node:fs";
import { join } from "node:path";
import { fileNameOf } from "../../base/names.ts";
import { fileProblem, type Problem } from "../../spec/parse/problems.ts";

/** Returns a warning for each file in unit and drop-in directories that looks like a unit file, but is ignored because of its name. */
export function ignoredFiles(directories: readonly string[]): Problem[] {
  return directories.flatMap((directory) =>
    namesIn(directory).flatMap((name) => {
      const path = join(directory, name);
      if (name.endsWith(`${SUFFIX}.d`)) return namesIn(path).flatMap((inner) => (isMisnamedDropIn(inner) ? [dropIn(path, inner)] : []));
      return isMisnamedUnit(name) ? [unit(path, name)] : [];
    }),
  );
}

const SUFFIX = fileNameOf("");
const FORMATS = /\.(json|jsonc|json5|unit|service|ya?ml|toml|conf|ini)$/i;
/** Matches files that editors leave behind, and files that were renamed to disable them on purpose. */
const SET_ASIDE = /^\.|~$|\.(bak|orig|old|save|masked|disabled|off|swp|tmp|dpkg-\w+|rpm\w+)$/i;

const isMisnamedUnit = (name: string): boolean =>
  !SET_ASIDE.test(name) && !name.endsWith(SUFFIX) && (FORMATS.test(name) || /\.unit\b/i.test(name));

const isMisnamedDropIn = (name: string): boolean => !SET_ASIDE.test(name) && !name.endsWith(".json");

function unit(path: string, name: string): Problem {
  const stem = name.replace(/\.unit\b.*$/i, "").replace(FORMATS, "");
  return fileProblem(path, {
    severity: "warning",
    message: `the file is ignored because of its name: the name of a unit file is NAME${SUFFIX}`,
    hint: /\.(json|unit)/i.test(name) ? `rename it to ${fileNameOf(stem)}` : null,
  });
}

const dropIn = (directory: string, name: string): Problem =>
  fileProblem(join(directory, name), {
    severity: "warning",
    message: "the file is ignored because of its name: the name of a drop-in ends in .json",
  });

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory).sort();
  } catch {
    return []; // the directory is missing or cannot be read, which the snapshot reports
  }
}
