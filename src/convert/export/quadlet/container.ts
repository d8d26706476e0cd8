import { err, ok, type Result } from "../../../base/result.ts";
import { signalName } from "../../../base/signals.ts";
import { parseListen } from "../../../spec/schema/listen.ts";
import { isSecret } from "../../import/secrets.ts";
import type { ExportDraft } from "../draft.ts";
import type { Line } from "../systemd/context.ts";
import { execWord, plainValue } from "../systemd/quote.ts";
import { plainText, type Literal } from "../text.ts";
import type { ExportOptions } from "../types.ts";
import { rawValue, type ContainerExport } from "./context.ts";
import { exportHealth } from "./health.ts";

export interface Container {
  readonly lines: readonly Line[];
  readonly hasSecrets: boolean;
  /** The names of the secrets that Podman must have. */
  readonly missing: readonly string[];
}

/** Writes `[Container]`, or returns the reason why the unit cannot be exported. Podman passes the values to `ExecStart=`. */
export function exportContainer(given: ContainerExport, options: ExportOptions): Result<Container, string> {
  const { draft, texts, image } = given;
  const command = commandOf(given);
  if (!command.ok) return command;
  const environment = environmentOf(given, options);
  const lines = [
    ["Image", plainValue([image]) ?? image] as const,
    ...command.value,
    ...placeOf(given),
    ...environment.lines,
    ...portsOf(given),
    ...exportHealth(given),
    ...stopping(draft),
    ...limits(draft),
    ...reload(given),
    ...labels(draft),
  ];
  if (texts.assumed.size > 0)
    draft.approximated("environment_files", `values of ${[...texts.assumed].join(", ")} are not known now, so the defaults are written`);
  return ok({ ...environment, lines });
}

function commandOf({ draft, texts }: ContainerExport): Result<Line[], string> {
  const { exec } = draft.spec;
  const words: Literal[] = exec.shell ? [["/bin/sh"], ["-c"]] : [];
  for (const text of exec.shell ? [exec.command] : [exec.command, ...exec.args]) {
    const word = texts.literal(text, { variables: !exec.shell });
    if (!word.ok) return err(`command: ${word.error}`);
    words.push(word.value);
  }
  const [program, ...args] = words;
  const path = program!.map((piece) => (typeof piece === "string" ? rawValue(JSON.stringify(piece).slice(1, -1)) : "%i")).join("");
  draft.carried("command", "Entrypoint, which needs Podman 5");
  draft.carried("args", "Exec");
  draft.carried("shell", "Exec, with /bin/sh -c");
  return ok([["Entrypoint", `["${path}"]`], ...(args.length > 0 ? [["Exec", args.map(execWord).join(" ")] as const] : [])]);
}

interface Environment {
  readonly lines: readonly Line[];
  readonly hasSecrets: boolean;
  readonly missing: readonly string[];
}

function environmentOf({ draft, texts }: ContainerExport, { withSecrets }: ExportOptions): Environment {
  const { spec } = draft;
  const lines: Line[] = [];
  const missing: string[] = [];
  let hasSecrets = false;
  if (spec.port !== null) lines.push(["Environment", `PORT=${spec.port}`]);
  if (spec.instances !== null) lines.push(["Environment", "SUP_INSTANCE=%i"]);
  for (const name of Object.keys(spec.environment)) {
    const value = texts.environment.get(name)!;
    const text = value.ok ? (plainText(value.value) ?? "") : "";
    const isHidden = value.ok && isSecret(name, text);
    if (!value.ok) draft.dropped(`environment ${name}`, value.error, "write the value in Environment=", true);
    else if (isHidden && !withSecrets) {
      const secret = `${spec.id.replaceAll("@", "-")}-${name}`;
      missing.push(secret);
      lines.push(["Secret", `${secret},type=env,target=${name}`]);
    } else {
      hasSecrets ||= isHidden;
      lines.push(["Environment", execWord([`${name}=`, ...value.value])]);
    }
  }
  if (missing.length > 0)
    draft.approximated("environment", `Podman reads ${missing.join(", ")} from its secrets`, "create them, or use --with-secrets");
  else draft.carried("environment", "Environment");
  for (const { path, optional } of spec.environmentFiles) {
    const literal = path.startsWith("~") && spec.identity.user !== null ? null : texts.literal(path.replace(/^~/, "%h"));
    const value = literal?.ok ? plainText(literal.value) : null;
    if (value === null) draft.dropped("environment_files", `the path ${path} is not known now`, "write the path in EnvironmentFile=");
    else {
      lines.push(["EnvironmentFile", rawValue(value)]);
      draft.approximated(
        "environment_files",
        `EnvironmentFile: Podman does not remove quotes${optional ? `, and ${path} must exist` : ""}`,
        "write the values without quotes",
      );
    }
  }
  return { lines, hasSecrets, missing };
}

function placeOf({ draft, texts }: ContainerExport): Line[] {
  const { exec, identity } = draft.spec;
  const { user, group } = identity;
  const lines: Line[] = [];
  if (exec.workingDirectory !== null) {
    const value = exec.workingDirectory.startsWith("~") ? null : texts.literal(exec.workingDirectory);
    const path = value?.ok ? plainText(value.value) : null;
    if (path === null) draft.dropped("working_directory", "the path is not known now", "write the path in WorkingDir=");
    else {
      lines.push(["WorkingDir", rawValue(path)]);
      draft.carried("working_directory", "WorkingDir: the directory in the image");
    }
  }
  if (user !== null) {
    lines.push(["User", rawValue(user)]);
    draft.approximated("user", "User: a name is one of the image", "use a number if the image does not have the user");
    if (group !== null) lines.push(["Group", rawValue(group)]);
    draft.carried("group", "Group");
  } else draft.dropped("group", "Podman sets a group together with a user only", 'set "user" as well');
  return lines;
}

function portsOf({ draft }: ContainerExport): Line[] {
  const { port, sockets, instances } = draft.spec;
  // A .socket file holds the port of a socket, and Podman passes the socket to the container.
  const isHeld = sockets.some(({ listen }) => {
    const address = parseListen(listen);
    return address.ok && address.value.family !== "unix" && address.value.port === port;
  });
  if (port === null) return [];
  if (instances !== null && !isHeld) {
    draft.approximated(
      "port",
      "the variable PORT: the containers of a template cannot publish different ports",
      "put them and a proxy into one network (Network=)",
    );
    return [];
  }
  draft.carried("port", "PublishPort: the program must listen on 0.0.0.0 in the container");
  return isHeld ? [] : [["PublishPort", `${port}:${port}`]];
}

function stopping(draft: ExportDraft): Line[] {
  const { stop } = draft.spec;
  const seconds = Math.ceil(stop.timeoutMs / 1000);
  for (const key of ["enabled", "signal"]) draft.carried(`graceful_shutdown.${key}`, "StopSignal");
  draft.carried("graceful_shutdown.timeout", "StopTimeout, TimeoutStopSec");
  draft.approximated("graceful_shutdown.kill_mode", "the signal goes to the first process of the container, and SIGKILL to all");
  return [
    ["StopSignal", signalName(stop.graceful ? stop.signal : 9)],
    ["StopTimeout", String(seconds)],
  ];
}

/** What Podman sets for a container. Limits of memory, CPU and tasks are settings of the service. */
function limits(draft: ExportDraft): Line[] {
  const { limits: given, umask, oomScoreAdj } = draft.spec.identity;
  const lines: Line[] = Object.entries(given).map(([name, { soft, hard }]) => ["Ulimit", `${name}=${soft ?? -1}:${hard ?? -1}`]);
  draft.carried("limits", "Ulimit");
  if (umask !== null) lines.push(["PodmanArgs", `--umask=${umask.toString(8).padStart(4, "0")}`]);
  draft.carried("umask", "PodmanArgs: --umask");
  if (oomScoreAdj !== null) lines.push(["PodmanArgs", `--oom-score-adj=${oomScoreAdj}`]);
  draft.carried("oom_score_adj", "PodmanArgs: --oom-score-adj");
  return lines;
}

function reload({ draft, texts }: ContainerExport): Line[] {
  const { reload: how } = draft.spec;
  if (how === null) return [];
  draft.approximated("reload", "ReloadSignal, ReloadCmd: Podman must be version 5.5 or later");
  if (how.kind === "signal") return [["ReloadSignal", signalName(how.signal)]];
  const words = [how.command, ...how.args].map((text) => texts.literal(text));
  if (words.some((word) => !word.ok)) {
    draft.dropped("reload", "a value in the command is not known now", "write ReloadCmd= by hand");
    return [];
  }
  return [["ReloadCmd", words.map((word) => execWord(word.ok ? word.value : [])).join(" ")]];
}

function labels(draft: ExportDraft): Line[] {
  draft.carried("labels", "Label");
  return Object.entries(draft.spec.labels).map(([name, value]) => ["Label", execWord([`${name}=${value}`])]);
}
