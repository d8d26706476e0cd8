import { ptr } from "bun:ffi";
import { type Framed, frameLines, type Framing } from "../../core/logs/framing.ts";
import { compileC } from "../ffi/compile-c.ts";
import source from "./framing.c" with { type: "text" };

export type FrameLines = typeof frameLines;

type Pointer = ReturnType<typeof ptr>;
// prettier-ignore
type Native = (input: Pointer, from: number, to: number, output: Pointer, size: number, full: Pointer | null, part: Pointer | null, prefix: number, endParts: number, result: Pointer) => void;

/**
 * `frameLines` of core in C: several times as fast, which is what limits how much a service can log. Where C cannot be compiled it
 * is the original.
 */
export function nativeFrameLines(scratch?: string): FrameLines {
  let native: Native;
  try {
    const args = ["ptr", "i32", "i32", "ptr", "i32", "ptr", "ptr", "i32", "i32", "ptr"] as const;
    native = compileC("frame.c", source, { sup_frame: { args, returns: "void" } }, scratch).sup_frame as unknown as Native;
  } catch {
    return frameLines;
  }
  const result = new Int32Array(5);
  return (input: Buffer, from: number, to: number, output: Buffer, { full, part, endParts }: Framing): Framed => {
    if (from < 0 || to > input.length) throw new RangeError("frameLines: outside the buffer");
    if (from >= to) return { taken: 0, made: 0, records: 0, parts: 0, more: false };
    const [fullAt, partAt] = full.length > 0 ? [ptr(full), ptr(part)] : [null, null];
    // `| 0`: Bun passes on the low half of a whole number that the compiler keeps as a double.
    native(ptr(input), from | 0, to | 0, ptr(output), output.length | 0, fullAt, partAt, full.length | 0, Number(endParts), ptr(result));
    const [taken, made, records, parts, more] = result as unknown as [number, number, number, number, number];
    return { taken, made, records, parts, more: more === 1 };
  };
}
