import type { Spec } from "../../../spec/spec.ts";
import type { ExportDraft } from "../draft.ts";
import type { ExportedFile } from "../types.ts";
import { toCalendar } from "./calendar.ts";
import { section, type Line } from "./context.ts";
import { plainValue, seconds } from "./quote.ts";

/** Writes the `.socket` files. A file can have several sockets, but all sockets of a file share one name. */
export function exportSockets(draft: ExportDraft, isEnabled: boolean): ExportedFile[] {
  const { id, sockets, instances } = draft.spec;
  draft.carried("sockets", sockets.length > 1 ? "one .socket file for each" : "the .socket file");
  return sockets.map(({ name, listen, reusePort }, index) => {
    const file = socketName(id, index, sockets.length);
    const lines: Line[] = [
      [
        "ListenStream",
        listen
          .replace(/^\*:/, "")
          .replace(/^localhost:/, "127.0.0.1:")
          .replaceAll("%", "%%"),
      ],
    ];
    if (/^[\x21-\x39\x3b-\x7e]{1,255}$/.test(name)) lines.push(["FileDescriptorName", name.replaceAll("%", "%%")]);
    else
      draft.dropped(
        "sockets",
        `systemd does not accept the name ${JSON.stringify(name)}`,
        "the descriptor has the name of the .socket file",
      );
    if (reusePort) lines.push(["ReusePort", "yes"]);
    if (instances !== null || sockets.length > 1) lines.push(["Service", `${id}${instances === null ? "" : "@1"}.service`]);
    const text = [
      section("Unit", [["Description", `Socket of ${id}`]]),
      section("Socket", lines),
      isEnabled ? section("Install", [["WantedBy", "sockets.target"]]) : "",
    ];
    return { name: file, text: joined(text), hasSecrets: false };
  });
}

/** Returns the lines of `[Unit]` and `[Service]` that tie a service to its `.target` and `.socket` files. */
export function companionLines({ id, instances, sockets }: Spec): { readonly unit: readonly Line[]; readonly service: readonly Line[] } {
  const unit: Line[] = instances === null ? [] : [["PartOf", `${id}.target`]];
  const names = sockets.map((_, index) => socketName(id, index, sockets.length)).join(" ");
  if (names === "") return { unit, service: [] };
  unit.push(["Requires", names], ["After", names]);
  const isNonBlocking = sockets.some(({ nonBlocking }) => nonBlocking);
  return { unit, service: [["Sockets", names], ...(isNonBlocking ? [["NonBlocking", "yes"] as const] : [])] };
}

const socketName = (id: string, index: number, count: number): string => `${id}${count > 1 ? `-${index + 1}` : ""}.socket`;

/** Writes the `.timer` file, or returns null if the unit has no schedule. */
export function exportTimer(draft: ExportDraft, isActive: boolean): ExportedFile | null {
  const { id, schedule } = draft.spec;
  if (schedule === null) return null;
  const lines: Line[] = [];
  if (schedule.cron !== null) {
    const found = toCalendar(schedule.cron, schedule.timezone);
    if (found === null) {
      draft.dropped("schedule.cron", "the expression cannot be translated", "write OnCalendar= by hand");
      return null;
    }
    for (const each of found) lines.push(["OnCalendar", each]);
    draft.carried("schedule.cron", "OnCalendar");
    draft.carried("schedule.timezone", "OnCalendar");
    if (schedule.catchUp) lines.push(["Persistent", "true"]);
    draft.carried("schedule.catch_up", "Persistent");
  } else {
    const every = seconds(schedule.everyMs!);
    lines.push(["OnActiveSec", every], ["OnUnitActiveSec", every]);
    draft.carried("schedule.every", "OnActiveSec, OnUnitActiveSec");
    if (schedule.catchUp) draft.dropped("schedule.catch_up", "systemd catches up on OnCalendar= only", 'use "cron"');
  }
  if (schedule.overlap === "skip") draft.carried("schedule.overlap", "systemd does not start a unit that still runs");
  else draft.dropped("schedule.overlap", "systemd does not start a unit that still runs");
  // The default would delay a run by up to a minute.
  lines.push(["AccuracySec", "1s"]);
  const text = [
    section("Unit", [["Description", `Schedule of ${id}`]]),
    section("Timer", lines),
    isActive ? section("Install", [["WantedBy", "timers.target"]]) : "",
  ];
  return { name: `${id}.timer`, text: joined(text), hasSecrets: false };
}

/** Writes the target that stands for all instances of a service, and the PORT of each. */
export function exportTarget(draft: ExportDraft, install: readonly Line[]): ExportedFile[] {
  const { id, instances, port, sockets } = draft.spec;
  if (instances === null) return [];
  draft.carriedInstances(`${id}.target starts the instances of ${id}@.service`);
  const numbers = Array.from({ length: instances }, (_, index) => index + 1);
  const units = numbers.map((number) => `${id}@${number}.service`);
  const target = [
    section("Unit", [
      ["Description", `Instances of ${id}`],
      ["Wants", units.join(" ")],
    ]),
    section("Install", install),
  ];
  const files = [{ name: `${id}.target`, text: joined(target), hasSecrets: false }];
  if (port === null || sockets.length > 0) return files;
  const dropIns = numbers.map((number) => ({
    name: `${id}@${number}.service.d/port.conf`,
    text: section("Service", [["Environment", `PORT=${port + number - 1}`]]),
    hasSecrets: false,
  }));
  return [...files, ...dropIns];
}

export const joined = (sections: readonly string[]): string => sections.filter((text) => text !== "").join("\n");

/** Returns the description as systemd accepts it: one line. */
export function description(draft: ExportDraft): Line[] {
  const { name, id } = draft.spec;
  const own = draft.spec.description;
  const text = own !== "" ? own : name === id ? "" : name;
  const line = text
    .replaceAll(/[\p{Cc}\u2028\u2029]+/gu, " ")
    .trim()
    .replace(/\\+$/, "")
    .trim();
  if (line === own) draft.carried("description", "Description");
  else draft.approximated("description", "Description: line breaks become blanks");
  if (own === "") draft.carried("name", "Description");
  else draft.dropped("name", "systemd has no display name; Description has the description");
  return line === "" ? [] : [["Description", plainValue([line])!]];
}
