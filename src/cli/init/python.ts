import { onPort, unitName, type Project, type Proposal } from "./project.ts";

const PORT = 8000;

/** Proposes units whose programs come from the virtual environment. If there is none, the proposal says how to create it. */
export function findPython(project: Project): Proposal[] {
  const listed = LISTS.find((file) => project.text(file) !== null);
  if (listed === undefined && !project.exists("manage.py")) return [];
  const text = listed === undefined ? "" : project.text(listed)!;
  const needs = (name: string): boolean => new RegExp(`(^|["'\\s])${name}([\\s=<>~!;,\\["']|$)`, "im").test(text);
  const venv = [".venv", "venv", "env"].find((directory) => project.isProgram(`${directory}/bin/python`));
  const install = listed === "requirements.txt" ? "-r requirements.txt" : ".";
  const first = venv === undefined && listed !== undefined ? [`python3 -m venv .venv && .venv/bin/pip install ${install}`] : [];
  const programs = venv ?? (listed === undefined ? null : ".venv");
  // A path with a slash is relative to the working directory.
  const program = (name: string): string => (programs === null ? name.replace(/^python$/, "python3") : `./${programs}/bin/${name}`);
  const web = webOf(project, needs, program);
  const worker = needs("celery") ? [celery(project, program)] : [];
  return [...(web === null ? [] : [web]), ...worker].map((one) => ({ ...one, found: `${listed ?? "manage.py"}: ${one.found}`, first }));
}

const LISTS = ["requirements.txt", "pyproject.toml"] as const;

type Unfinished = Omit<Proposal, "first">;
type ProgramOf = (name: string) => string;

function webOf(project: Project, needs: (name: string) => boolean, program: ProgramOf): Unfinished | null {
  const name = unitName(project.name);
  const listens = (command: string, args: readonly string[], found: string, notes: readonly string[] = []): Unfinished => ({
    name,
    unit: { command: program(command), args, ...onPort(PORT) },
    found,
    notes,
  });
  const address = "127.0.0.1:${PORT}";
  if (project.exists("manage.py")) {
    const site = project.list(".").find((entry) => project.exists(`${entry}/wsgi.py`));
    if (needs("gunicorn") && site !== undefined) return listens("gunicorn", ["--bind", address, `${site}.wsgi`], "Django with gunicorn");
    return listens("python", ["manage.py", "runserver", "--noreload", address], "Django", [
      "runserver is for development; add gunicorn for production",
    ]);
  }
  const module = ["main.py", "app.py", "server.py", "wsgi.py", "asgi.py", "src/main.py"].find((path) => project.exists(path));
  if (module === undefined) return null;
  const source = project.text(module) ?? "";
  const [, variable, kind] = /^(\w+)\s*(?::\s*\w+\s*)?=\s*(FastAPI|Starlette|Flask)\(/m.exec(source) ?? [];
  const dotted = module.replace(/\.py$/, "").replaceAll("/", ".");
  if (kind === "Flask") {
    if (needs("gunicorn")) return listens("gunicorn", ["--bind", address, `${dotted}:${variable}`], `Flask with gunicorn, ${module}`);
    return listens("flask", ["--app", `${dotted}:${variable}`, "run", "--port", "${PORT}"], `Flask, ${module}`, [
      "flask run is for development; add gunicorn for production",
    ]);
  }
  if (kind !== undefined)
    return listens("uvicorn", ["--host", "127.0.0.1", "--port", "${PORT}", `${dotted}:${variable}`], `${kind}, ${module}`);
  return {
    name,
    unit: { command: program("python"), args: ["-u", module] },
    found: `the program ${module}`,
    notes: ["add port and health_check if it listens: `sup help unit`"],
  };
}

function celery(project: Project, program: ProgramOf): Unfinished {
  const name = unitName(`${project.name}-celery`);
  const app = project.list(".").find((entry) => project.exists(`${entry}/celery.py`)) ?? "app";
  return {
    name,
    unit: { command: program("celery"), args: ["-A", app, "worker"] },
    found: "celery",
    notes: [`check that -A ${app} names your Celery application`],
  };
}
