import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { install, VERSION as PM2_VERSION } from "../peers/pm2.ts";
import { findSupervisord, supervisordSections } from "../peers/single.ts";
import { SUP } from "../peers/sup.ts";
import { alive, quiet, run, until } from "../process.ts";
import { type Contender, DRAIN_SECONDS, PROCESSES, type Restartable, type ServerFiles } from "./contender.ts";

export async function findContenders(): Promise<readonly Contender[]> {
  const { systemdContenders } = await import("./systemd.ts");
  return [await sup(1), await sup(PROCESSES), await pm2(), ...(await supervisordContenders()), ...(await systemdContenders())];
}

const STEP_MS = 120_000;

async function sup(instances: number): Promise<Contender> {
  return {
    name: `sup rolling-restart, ${instances === 1 ? "1 unit" : `${instances} units`}`,
    version: existsSync(SUP) ? (await run([SUP, "version"])).stdout.trim() : null,
    missing: "not built (npm run build)",
    start: async ({ directory, node, program, port }) => {
      mkdirSync(join(directory, "units"));
      writeFileSync(join(directory, "sup.json"), JSON.stringify({ api: { port: 0 } }));
      const unit = {
        enabled: true,
        command: node,
        args: [program],
        environment: { LISTENER: "3" },
        instances,
        sockets: [{ name: "http", listen: `127.0.0.1:${port}` }],
        ready_log: "listening",
        graceful_shutdown: { timeout: DRAIN_SECONDS },
        rolling: { min_healthy_time: 0.5 },
      };
      writeFileSync(join(directory, "units/web.unit.json"), JSON.stringify(unit));
      const env = { SUP_HOME: directory };
      const child = Bun.spawn([SUP, "daemon"], quiet(env));
      const command = (...words: readonly string[]): Promise<unknown> =>
        run([SUP, ...words], { env, mustSucceed: true, timeoutMs: STEP_MS });
      await until(() => existsSync(join(directory, "run/sup.sock")), "the daemon", 10_000);
      return {
        restart: async () => void (await command("rolling-restart", "web")),
        network: [],
        end: async () => {
          await run([SUP, "daemon", "stop"], { env });
          child.kill("SIGTERM");
          await child.exited;
        },
      };
    },
  };
}

async function pm2(): Promise<Contender> {
  const program = await install();
  return {
    name: `PM2 reload, cluster mode, ${PROCESSES} processes`,
    version: program === null ? null : PM2_VERSION,
    missing: "cannot be installed (npm)",
    start: async ({ directory, program: script, port }) => {
      const env = { PM2_HOME: join(directory, "pm2"), PM2_DISABLE_VERSION_CHECK: "true" };
      const command = (...words: readonly string[]): Promise<unknown> =>
        run([program!, ...words], { env, mustSucceed: true, timeoutMs: STEP_MS });
      const app = {
        name: "web",
        script,
        exec_mode: "cluster",
        instances: PROCESSES,
        wait_ready: true,
        kill_timeout: DRAIN_SECONDS * 1000,
        env: { PORT: String(port) },
      };
      writeFileSync(join(directory, "ecosystem.json"), JSON.stringify({ apps: [app] }));
      await command("start", join(directory, "ecosystem.json"));
      return {
        restart: async () => void (await command("reload", "web")),
        network: [],
        end: async () => {
          const daemon = Number(readFileSync(join(env.PM2_HOME, "pm2.pid"), "latin1"));
          await command("kill");
          await until(() => !alive(daemon), "PM2 to end", 20_000);
        },
      };
    },
  };
}

/** One process that opens the port itself, and several that share a socket of supervisord and are restarted one after the other. */
async function supervisordContenders(): Promise<Contender[]> {
  const found = await findSupervisord();
  const made = "missing" in found ? { version: null, missing: found.missing } : { version: found.version };
  const start = (files: ServerFiles, section: string, programs: readonly string[]): Promise<Restartable> =>
    startSupervisord("missing" in found ? "supervisord" : found.program, files, section, programs);
  const numbers = Array.from({ length: PROCESSES }, (_, n) => `web:web_0${n}`);
  return [
    {
      name: "supervisord restart",
      ...made,
      start: (files) => start(files, `[program:web]\nenvironment=PORT="${files.port}"`, ["web"]),
    },
    {
      name: `supervisord restart, fcgi-program, ${PROCESSES} processes in turn`,
      ...made,
      start: (files) => {
        const socket = `socket=tcp://127.0.0.1:${files.port}\nnumprocs=${PROCESSES}\nprocess_name=%(program_name)s_%(process_num)02d`;
        return start(files, `[fcgi-program:web]\n${socket}\nenvironment=LISTENER="0"`, numbers);
      },
    },
  ];
}

async function startSupervisord(
  supervisord: string,
  files: ServerFiles,
  section: string,
  programs: readonly string[],
): Promise<Restartable> {
  const { directory, node, program } = files;
  const config = join(directory, "supervisord.conf");
  writeFileSync(
    config,
    `${supervisordSections(directory)}${section}
command=${node} ${program}
startsecs=1
stopwaitsecs=${DRAIN_SECONDS}
`,
  );
  const child = Bun.spawn([supervisord, "-n", "-c", config], quiet());
  await until(() => existsSync(join(directory, "s.sock")), "supervisord", 20_000);
  return {
    restart: async () => {
      for (const one of programs) await run(["supervisorctl", "-c", config, "restart", one], { mustSucceed: true, timeoutMs: STEP_MS });
    },
    network: [],
    end: async () => {
      child.kill("SIGTERM");
      await child.exited;
    },
  };
}
