import { parseListen } from "../../../spec/schema/listen.ts";
import type { UnitDraft } from "../draft.ts";
import { joinText } from "../text.ts";
import { whereOf, type Assignment, type Settings } from "./parse.ts";
import { specifierParts, type UnitNames } from "./specifiers.ts";
import { toBoolean } from "./values.ts";

/** Imports the section `[Socket]` into the service that gets the sockets. */
export function importSocket(unit: UnitDraft, settings: Settings, names: UnitNames): void {
  const accept = settings.last("Accept");
  if (accept && toBoolean(accept.value) === true) {
    unit.drop(
      "Accept",
      whereOf(accept),
      "sup passes a listening socket, and starts no process for each connection",
      "use a program that accepts connections itself",
    );
    return;
  }
  const sockets = unit.list("sockets") as Array<Record<string, unknown>>;
  const reuse = settings.last("ReusePort");
  const base = settings.last("FileDescriptorName")?.value ?? `${names.name}${names.suffix}`.replaceAll(/[:\s]/g, "-");
  for (const found of settings.all("ListenStream")) {
    const listen = toListen(found.value, names);
    const fault =
      listen === null ? "it is not an address" : /[$%]/.test(listen) ? "sup does not expand variables in it" : parseFault(listen);
    if (fault !== null) {
      unit.drop("ListenStream", whereOf(found), `sup cannot listen on ${found.value}: ${fault}`, 'use "host:port" or an absolute path');
      continue;
    }
    const used = new Set(sockets.map(({ name }) => name));
    let name = base;
    for (let n = 2; used.has(name); n++) name = `${base}-${n}`;
    sockets.push({ name, listen, ...(reuse && toBoolean(reuse.value) ? { reuse_port: true } : {}) });
    unit.carried("ListenStream", "sockets", whereOf(found));
  }
  if (sockets.length === 0) delete unit.json.sockets;
  for (const key of settings.keys()) if (!["Accept", "ListenStream"].includes(key)) other(unit, settings.last(key)!);
}

function parseFault(listen: string): string | null {
  const parsed = parseListen(listen);
  return parsed.ok ? null : parsed.error;
}

/** Converts an address of systemd. A bare port listens on all addresses. */
function toListen(text: string, names: UnitNames): string | null {
  const value = joinText(specifierParts(text, names, new Set()));
  if (/^\d{1,5}$/.test(value)) return `*:${value}`;
  if (value.startsWith("/")) return value;
  if (/^\[::\]:\d+$/.test(value)) return `*:${value.slice(value.lastIndexOf(":") + 1)}`;
  return /^(\d+\.\d+\.\d+\.\d+|\[[0-9A-Fa-f:.]+\]):\d+$/.test(value) ? value : null;
}

function other(unit: UnitDraft, found: Assignment): void {
  const { key } = found;
  if (key === "ReusePort" || key === "FileDescriptorName") unit.carried(key, "sockets", whereOf(found));
  else if (key === "Service") unit.carried(key, "the sockets belong to this unit", whereOf(found));
  else if (/^Listen/.test(key))
    unit.drop(key, whereOf(found), "sup holds TCP sockets and Unix stream sockets only", "let the program open it itself");
  else if (/^Socket(User|Group|Mode)$/.test(key))
    unit.drop(
      key,
      whereOf(found),
      "sup does not set the owner and mode of a Unix socket",
      "put the socket into a directory with the right owner",
    );
  else unit.drop(key, whereOf(found), "sup does not set this option of the socket");
}
