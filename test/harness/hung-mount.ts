/** A file system that never answers, like NFS without its server. It is a FUSE mount without a FUSE server, and needs root. */
import { dlopen, ptr } from "bun:ffi";
import { closeSync, constants, existsSync, mkdirSync, openSync, readSync, writeSync } from "node:fs";
import { until } from "./until.ts";

const { symbols: libc } = dlopen("libc.so.6", {
  mount: { args: ["ptr", "ptr", "ptr", "u64", "ptr"], returns: "int" },
  umount2: { args: ["ptr", "int"], returns: "int" },
});

export const canHang = process.getuid?.() === 0 && existsSync("/dev/fuse");

export interface HungMount extends Disposable {
  readonly path: string;
  /**
   * Waits until a process looks up a path in the mount, and takes that request without answering it. From then on SIGKILL does
   * not end the process.
   */
  swallow(): Promise<void>;
}

const MNT_DETACH = 2;
const FUSE_LOOKUP = 1;
const cstring = (string: string): Buffer => Buffer.from(`${string}\0`);

/** Mounts the file system at `path`. Every look-up of a path below it hangs until the end of the scope. */
export function hangingMount(path: string): HungMount {
  mkdirSync(path, { recursive: true });
  const fd = openSync("/dev/fuse", constants.O_RDWR | constants.O_NONBLOCK);
  const [target, type] = [cstring(path), cstring("fuse")];
  const options = cstring(`fd=${fd},rootmode=40755,user_id=0,group_id=0,allow_other`);
  if (libc.mount(ptr(type), ptr(target), ptr(type), 0, ptr(options)) !== 0) throw new Error(`cannot mount a file system at ${path}`);
  answerInit(fd);
  return {
    path,
    async swallow() {
      const isLookup = (): boolean => (readQuestion(fd)?.readUInt32LE(4) ?? 0) === FUSE_LOOKUP;
      await until(isLookup, { what: `a process to hang in ${path}` });
    },
    [Symbol.dispose]() {
      closeSync(fd); // closes the FUSE connection, so that the pending requests fail
      libc.umount2(ptr(target), MNT_DETACH);
    },
  };
}

/**
 * Reads a request, which starts with struct fuse_in_header (length, opcode, a unique id of 8 bytes, …). Returns null if no
 * request is pending.
 */
function readQuestion(fd: number): Buffer | null {
  const question = Buffer.alloc(1 << 17);
  try {
    readSync(fd, question);
    return question;
  } catch {
    return null;
  }
}

/**
 * Answers FUSE_INIT with struct fuse_out_header and struct fuse_init_out of version 7.31. The kernel sends other requests only
 * after this answer.
 */
function answerInit(fd: number): void {
  const question = readQuestion(fd)!;
  const answer = Buffer.alloc(80);
  answer.writeUInt32LE(answer.length, 0);
  question.copy(answer, 8, 8, 16);
  answer.writeUInt32LE(7, 16);
  answer.writeUInt32LE(31, 20);
  answer.writeUInt32LE(4096, 36); // max_write
  writeSync(fd, answer);
}
