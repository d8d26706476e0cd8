import { findGo, findRust } from "./compiled.ts";
import { findCompose } from "./compose.ts";
import { findNode } from "./node.ts";
import type { Project, Proposal } from "./project.ts";
import { findPython } from "./python.ts";
import { findPhp, findRuby } from "./web-frameworks.ts";

export interface Found {
  readonly proposals: readonly Proposal[];
  /** Sentences about files for which another command of sup is better suited. */
  readonly advice: readonly string[];
}

/** Looks at the files of a directory, and proposes a unit for each service that they name. */
export function findServices(project: Project): Found {
  const compose = findCompose(project);
  const found = [findNode, findPython, findGo, findRust, findRuby, findPhp].flatMap((find) => find(project));
  const imports = project
    .list(".")
    .filter((name) => IMPORTABLE.test(name))
    .map((name) => `${name} names services: \`sup import --dry-run ${name}\` shows them as units`);
  return { proposals: uniqueNames([...found, ...compose.proposals]), advice: [...imports, ...compose.advice] };
}

const IMPORTABLE = /^(Procfile|process-compose\.ya?ml|ecosystem\.config\.(js|cjs|mjs|json)|supervisord\.conf)$/;

/** Adds a number to the name of a proposal if another one has the same name, so that neither unit file replaces the other. */
function uniqueNames(proposals: readonly Proposal[]): Proposal[] {
  const counts = new Map<string, number>();
  return proposals.map((proposal) => {
    const count = (counts.get(proposal.name) ?? 0) + 1;
    counts.set(proposal.name, count);
    return count === 1 ? proposal : { ...proposal, name: `${proposal.name}-${count}` };
  });
}
