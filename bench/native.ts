import { dlopen, FFIType, ptr } from "bun:ffi";
import { join } from "node:path";
import { run } from "./process.ts";

/** Compiles the C programs of bench/native that the comparison needs. Returns null if there is no C compiler. */
export async function compileNative(directory: string): Promise<{ service: string; loop: string } | null> {
  if (!compiler()) return null;
  return { service: await compile(directory, "service"), loop: await compile(directory, "loop") };
}

const compiler = (): string | null => Bun.which("cc") ?? Bun.which("gcc") ?? Bun.which("clang");

/** Compiles a C program of bench/native into a directory. Returns the path of the executable. */
export async function compile(directory: string, name: string): Promise<string> {
  const cc = compiler();
  if (!cc) throw new Error("a C compiler is needed (Debian: gcc libc6-dev)");
  const out = join(directory, name);
  const source = join(import.meta.dir, "native", `${name}.c`);
  // The program is linked statically, so that the dynamic linker is not measured too. But not every system has a static libc.
  const failed = (await run([cc, "-O2", "-static", "-o", out, source])).code !== 0;
  if (failed) await run([cc, "-O2", "-o", out, source], { mustSucceed: true });
  return out;
}

const CLOCK_MONOTONIC = 1;
const { symbols: libc } = dlopen("libc.so.6", { clock_gettime: { args: [FFIType.i32, FFIType.ptr], returns: FFIType.i32 } });
const timespec = new BigInt64Array(2);

/** Returns CLOCK_MONOTONIC in nanoseconds, as the service reads it. (Bun's own clocks count from the start of the process.) */
export function nowNs(): number {
  libc.clock_gettime(CLOCK_MONOTONIC, ptr(timespec));
  return Number(timespec[0]! * 1_000_000_000n + timespec[1]!);
}
