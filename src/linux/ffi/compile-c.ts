/**
 * Compiles C functions that do what JavaScript cannot, such as fork. The TinyCC inside Bun compiles them when the daemon starts,
 * in about 5 ms each.
 */
import { cc, ptr, type FFIFunction } from "bun:ffi";
import { closeSync, mkdtempSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CExports } from "./c-exports.ts";
import { cstring, SYSCALL, syscall } from "./libc.ts";

const MFD_CLOEXEC = 1;

/**
 * Compiles a source that includes no headers and defines `sup_exports` (see c-exports.ts). Throws if this machine cannot compile.
 * Compilation needs a writable directory for a moment: `scratch`, or else one of the usual temporary directories.
 *
 * TinyCC requires a library called `libc.so`, which only development packages install. TinyCC resolves all symbols from the
 * running process anyway, so an empty file of that name is enough.
 */
export function compileC<F extends Record<string, FFIFunction>>(name: string, source: string, symbols: F, scratch?: string): CompiledC<F> {
  const directory = temporaryDirectory([...(scratch === undefined ? [] : [scratch]), tmpdir(), "/dev/shm", "/run", "/var/tmp"]);
  const label = cstring(name);
  const memory = syscall(SYSCALL.memfd_create, ptr(label), MFD_CLOEXEC);
  if (memory < 0) throw new Error(`cannot compile ${name}: memfd_create failed`);
  try {
    writeFileSync(join(directory, "libc.so"), "");
    writeSync(memory, source);
    const all = { ...symbols, sup_exports: { args: [], returns: "ptr" } } as const;
    const { sup_exports, ...functions } = cc({ source: `/proc/self/fd/${memory}`, flags: [`-L${directory}`], symbols: all }).symbols;
    return { functions: functions as unknown as Functions<F>, exports: new CExports(name, (sup_exports as () => number)()) };
  } finally {
    closeSync(memory);
    rmSync(directory, { recursive: true, force: true });
  }
}

export interface CompiledC<F> {
  readonly functions: Functions<F>;
  readonly exports: CExports;
}

/** Each function takes the address of a struct and returns a number. */
export type Functions<F> = { readonly [K in keyof F]: (struct: ReturnType<typeof ptr>) => number };

function temporaryDirectory(places: readonly string[]): string {
  for (const place of places) {
    try {
      return mkdtempSync(join(place, "sup-cc-"));
    } catch {
      // The directory is read-only or missing, so try the next one.
    }
  }
  throw new Error(`cannot compile C: none of these directories is writable: ${places.join(", ")}`);
}
