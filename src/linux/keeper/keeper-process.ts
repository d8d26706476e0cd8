/** Starts the keeper (keeper.c) and sends commands to it. */
import { ptr } from "bun:ffi";
import { type BareProgram, compileBare, makeChannel, sendWithDescriptors, startBare } from "../ffi/bare-process.ts";
import { cstring, libc, O } from "../ffi/libc.ts";
import { readStat } from "../proc/proc.ts";
// The type is `text`, because the C compiler cannot open a `file` import inside a compiled executable.
import source from "./keeper.c" with { type: "text" };
import { FIRST_SLOT, KEEPER_NAME, type KeeperId } from "./keeper-file.ts";

export interface KeeperProcess extends KeeperId {
  /** A SOCK_SEQPACKET socket for commands. */
  readonly channel: number;
}

const KEEP = 1;
const DROP = 0;
const IN_ATTRIB = 4;
const IN_DELETE_SELF = 0x400;

/** Maximum number of commands in one message. */
export const MAX_COMMANDS = 64;

let program: BareProgram | undefined;

/** Compiles keeper.c. If C and TypeScript differ, throws an error that names the field or constant. */
export function compileKeeper(scratch: string, code = source): BareProgram {
  const compiled = compileBare("keeper.c", code, scratch);
  compiled.exports.expect({ KEEP, DROP, FIRST_SLOT, MAX_COMMANDS, command: 8, "command.action": 0, "command.slot": 4 });
  return compiled;
}

/** Starts a keeper, which exits when `file` is unlinked. C is compiled in the directory `scratch`. Throws if no keeper can be started. */
export function startKeeper(file: string, scratch: string): KeeperProcess {
  program ??= compileKeeper(scratch);
  const [channel, theirs] = makeChannel();
  const watch = watchUnlink(file);
  try {
    const pid = startBare(program, KEEPER_NAME, theirs, watch);
    return { pid, startTicks: readStat(pid)?.startTicks ?? 0, channel };
  } catch (error) {
    libc.close(channel);
    throw error;
  } finally {
    for (const fd of [theirs, watch]) if (fd >= 0) libc.close(fd);
  }
}

/**
 * Returns an inotify descriptor that becomes readable when the file is unlinked, because that changes its link count (IN_ATTRIB;
 * inotify(7)). Watching the directory would not work, because the FIFOs that the keeper holds keep the directory alive.
 */
function watchUnlink(path: string): number {
  const fd = libc.inotify_init1(O.CLOEXEC);
  const name = cstring(path);
  if (fd >= 0) libc.inotify_add_watch(fd, ptr(name), IN_ATTRIB | IN_DELETE_SELF);
  return fd;
}

export interface KeeperCommand {
  readonly slot: number;
  /** The descriptor of which the keeper gets a copy, or null if the keeper must close the slot. */
  readonly fd: number | null;
}

/** Sends at most MAX_COMMANDS commands. Returns 0 or an errno. */
export function sendCommands(channel: number, commands: readonly KeeperCommand[]): number {
  const words = Int32Array.from(commands.flatMap(({ slot, fd }) => [fd === null ? DROP : KEEP, slot]));
  const fds = commands.flatMap(({ fd }) => (fd === null ? [] : [fd]));
  return sendWithDescriptors(channel, words, fds);
}
