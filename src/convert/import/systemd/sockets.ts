import { parseListen } from "../../../spec/schema/listen.ts";
import type { UnitDraft } from "../draft.ts";
import { whereOf, type Assignment, type Settings } from "./parse.ts";
import { literalOf, type UnitNames } from "./specifiers.ts";
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
  const given = settings.last("FileDescriptorName");
  const base = (given && literalOf(given.value, names)) ?? `${names.name}${names.suffix}`.replaceAll(/[:\s]/g, "-");
  for (const found of settings.all("ListenStream")) {
    const listen = toListen(found.value, names);
    if (typeof listen !== "string") {
      unit.drop("ListenStream", whereOf(found), `sup cannot listen on ${found.value}: ${listen.fault}`, listen.whatToDo);
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

interface Fault {
  readonly fault: string;
  readonly whatToDo: string;
}

/** Converts an address of systemd. A bare port listens on all addresses. */
function toListen(text: string, names: UnitNames): string | Fault {
  const value = literalOf(text, names);
  if (value === null) {
    const specifier = text.match(/%./g)?.find((each) => literalOf(each, names) === null) ?? "it";
    return { fault: `the value of ${specifier} is not known now, and sup expands nothing here`, whatToDo: "write the absolute path" };
  }
  const address = /^\d{1,5}$/.test(value) ? `*:${value}` : value.replace(/^\[::\]:(?=\d+$)/, "*:");
  if (address.startsWith("@")) return { fault: "sup has no abstract sockets", whatToDo: "use an absolute path" };
  const parsed = parseListen(address);
  return parsed.ok ? address : { fault: parsed.error, whatToDo: 'use "host:port" or an absolute path' };
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
