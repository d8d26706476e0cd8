/** A file system that does not answer, as NFS without its server: FUSE with nobody behind it. Only for root. */
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
  /** Waits until a process hangs there and takes its question, which it gets no answer to: from then on SIGKILL does not end it. */
  swallow(): Promise<void>;
}

const MNT_DETACH = 2;
const FUSE_LOOKUP = 1;
const cstring = (string: string): Buffer => Buffer.from(`${string}\0`);

/** Every look-up below `path` hangs until the end of the scope. */
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
      closeSync(fd); // ends the connection: whoever hangs gets an error
      libc.umount2(ptr(target), MNT_DETACH);
    },
  };
}

/** struct fuse_in_header: length, opcode, a unique number of 8 bytes… Null: nobody asks. */
function readQuestion(fd: number): Buffer | null {
  const question = Buffer.alloc(1 << 17);
  try {
    readSync(fd, question);
    return question;
  } catch {
    return null;
  }
}

/** struct fuse_out_header and struct fuse_init_out of version 7.31: without them the kernel asks nothing else. */
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
