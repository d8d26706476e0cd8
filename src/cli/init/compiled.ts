import { unitName, type Project, type Proposal } from "./project.ts";

export function findGo(project: Project): Proposal[] {
  const module = /^module\s+(\S+)/m.exec(project.text("go.mod") ?? "")?.[1];
  if (module === undefined) return [];
  const isMain = (path: string): boolean => /^package main$/m.test(project.text(path) ?? "");
  const commands = project
    .list("cmd")
    .filter((name) => project.list(`cmd/${name}`).some((file) => file.endsWith(".go") && isMain(`cmd/${name}/${file}`)));
  if (commands.length > 0)
    return commands.map((name) => ofGo(project, unitName(name), `./cmd/${name}`, `go.mod: cmd/${name} is a program`));
  if (!project.list(".").some((file) => file.endsWith(".go") && isMain(file))) return [];
  return [
    ofGo(
      project,
      unitName(
        module
          .replace(/\/v\d+$/, "")
          .split("/")
          .at(-1)!,
      ),
      ".",
      "go.mod: the module is a program",
    ),
  ];
}

function ofGo(project: Project, name: string, source: string, found: string): Proposal {
  const built = [name, `bin/${name}`, `build/${name}`].find((path) => project.isProgram(path));
  const program = built ?? `bin/${name}`;
  return {
    name,
    unit: { command: `./${program}` },
    found,
    first: built === undefined ? [`go build -o ${program} ${source}`] : [],
    notes: [],
  };
}

export function findRust(project: Project): Proposal[] {
  const manifest = project.text("Cargo.toml");
  if (manifest === null) return [];
  const named = [...manifest.matchAll(/^\[\[bin\]\]\s*\n(?:(?!\[)[^\n]*\n)*?name\s*=\s*"([^"]+)"/gm)].map((match) => match[1]!);
  const main = project.exists("src/main.rs") ? /^\[package\][^[]*?^name\s*=\s*"([^"]+)"/ms.exec(manifest)?.[1] : undefined;
  const others = project.list("src/bin").flatMap((file) => (file.endsWith(".rs") ? [file.slice(0, -3)] : []));
  const programs = new Set([...named, ...(main === undefined || named.length > 0 ? [] : [main]), ...others]);
  return [...programs].map((program) => {
    const path = `target/release/${program}`;
    const first = project.isProgram(path) ? [] : ["cargo build --release"];
    return { name: unitName(program), unit: { command: `./${path}` }, found: `Cargo.toml: the program ${program}`, first, notes: [] };
  });
}
