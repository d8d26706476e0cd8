import { isMap } from "../../convert/import/data.ts";
import { parseYaml } from "../../convert/import/yaml.ts";
import { readCommand } from "../new/command-line.ts";
import { onPort, unitName, type Project, type Proposal } from "./project.ts";

/** Images of servers for which there is a sample unit. */
const SAMPLES = /(?:^|\/)(postgres|redis|nginx)(?=[:@]|$)/;

/**
 * Reads compose files. sup runs programs, not images. Therefore a service becomes a proposal only if it is built here and has
 * a command. For every other service, a sentence says what to do.
 */
export function findCompose(project: Project): { readonly proposals: readonly Proposal[]; readonly advice: readonly string[] } {
  const proposals: Proposal[] = [];
  const advice: string[] = [];
  for (const file of project.list(".").filter((name) => /^(docker-)?compose\.ya?ml$/.test(name))) {
    for (const [name, service] of servicesIn(project.text(file) ?? "")) {
      const proposal = service.build === undefined ? null : propose(file, name, service);
      if (proposal === null) advice.push(adviceFor(file, name, service));
      else proposals.push(proposal);
    }
  }
  return { proposals, advice };
}

type Service = Readonly<Record<string, unknown>>;

function servicesIn(text: string): Array<readonly [name: string, service: Service]> {
  const data = parseYaml(text);
  const services = data.ok && isMap(data.value) && isMap(data.value.services) ? data.value.services : {};
  return Object.entries(services).flatMap(([name, service]) => (isMap(service) ? [[name, service] as const] : []));
}

function propose(file: string, name: string, service: Service): Proposal | null {
  const { command, environment, env_file, ports } = service;
  const words = typeof command === "string" ? [command] : isWords(command) ? command : null;
  const read = words === null ? null : readCommand(words, ".");
  if (read === null || !read.ok) return null;
  const { working_directory: _, ...keys } = read.value.keys;
  const port = Array.isArray(ports) ? portOf(ports[0]) : null;
  return {
    name: unitName(name),
    unit: { ...keys, ...(port !== null && onPort(port)) },
    found: `${file}: ${name} is built here and runs \`${words!.join(" ")}\``,
    first: ["install what its Dockerfile installs"],
    notes: environment === undefined && env_file === undefined ? [] : [`copy what it needs of environment from ${file}`],
  };
}

/** Returns the port on which the program listens: the last number of `8080:80` and `127.0.0.1:8080:80/tcp`, or the target. */
function portOf(given: unknown): number | null {
  const text = isMap(given) ? String(given.target as unknown) : typeof given === "string" || typeof given === "number" ? String(given) : "";
  const port = Number(/(\d{1,5})(?:\/tcp)?$/.exec(text)?.[1]);
  return port >= 1 && port <= 65_535 ? port : null;
}

function adviceFor(file: string, name: string, service: Service): string {
  const image = typeof service.image === "string" ? service.image : null;
  const sample = image === null ? undefined : SAMPLES.exec(image)?.[1];
  if (sample !== undefined)
    return `${file}: ${name} is the image ${image}. sup runs programs, not images: units/examples/${sample}.unit.json runs the installed ${sample}`;
  const what = image === null ? "a container" : `the image ${image}`;
  return `${file}: ${name} is ${what}. sup runs programs, not images: install the program, then \`sup new ${unitName(name)} -- COMMAND\``;
}

const isWords = (value: unknown): value is string[] => Array.isArray(value) && value.every((word) => typeof word === "string");
