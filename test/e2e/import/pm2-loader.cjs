// Reads a JSON list of paths from standard input and prints what PM2's own loader makes of each file: a list of apps, or
// {"error": …}. The first argument is the directory of PM2's package.
const { readFileSync } = require("node:fs");
const { dirname, join } = require("node:path");
const Common = require(join(process.argv[2], "lib/Common.js"));

const print = process.stdout.write.bind(process.stdout);
// PM2 prints warnings to standard output.
process.stdout.write = () => true;

function describe(app, directory) {
  const prepared = Common.prepareAppConf({ cwd: directory }, structuredClone(app));
  if (prepared instanceof Error) return { name: app.name, error: prepared.message };
  const { exec_interpreter: interpreter, node_args: options = [], pm_exec_path: path, args = [] } = prepared;
  // PM2 adds its own environment, of which only this variable is for the program.
  const { PYTHONUNBUFFERED } = prepared.env ?? {};
  const isProgram = interpreter === "none";
  return {
    name: prepared.name,
    argv: [...(isProgram ? [] : [interpreter, ...[options].flat()]), path, ...[args].flat()].map(String),
    directory: prepared.pm_cwd,
    env: { ...app.env, ...(PYTHONUNBUFFERED === undefined ? {} : { PYTHONUNBUFFERED }) },
    mode: prepared.exec_mode,
    instances: app.instances ?? null,
    memory: app.max_memory_restart ?? null,
    retries: app.max_restarts ?? null,
    delay: app.restart_delay ?? null,
    uptime: app.min_uptime ?? null,
    killTimeout: app.kill_timeout ?? null,
    autorestart: app.autorestart ?? null,
    cron: app.cron_restart ?? null,
  };
}

function load(path) {
  try {
    // PM2 resolves paths relative to the directory in which it is called.
    process.chdir(dirname(path));
    const parsed = Common.parseConfig(readFileSync(path), path);
    const config = parsed.default ?? parsed;
    const apps = Common.verifyConfs(config.apps ?? config);
    if (apps instanceof Error) return { error: apps.message };
    return apps.map((app) => describe(app, dirname(path)));
  } catch (error) {
    return { error: String(error.message).split("\n")[0] };
  }
}

print(JSON.stringify(JSON.parse(readFileSync(0, "utf8")).map(load)));
