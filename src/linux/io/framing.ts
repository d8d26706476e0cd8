import { ptr } from "bun:ffi";
import { type Framed, frameLines, type Framing, PART_BYTES, PREFIX_BYTES } from "../../core/logs/framing.ts";
import { compileC, type CompiledC } from "../ffi/compile-c.ts";
import source from "./framing.c" with { type: "text" };

export type FrameLines = typeof frameLines;

type Pointer = ReturnType<typeof ptr>;
// prettier-ignore
type Native = (input: Pointer, from: number, to: number, output: Pointer, size: number, full: Pointer | null, part: Pointer | null, prefix: number, endParts: number, result: Pointer) => void;

const FUNCTION = { sup_frame: { args: ["ptr", "i32", "i32", "ptr", "i32", "ptr", "ptr", "i32", "i32", "ptr"], returns: "void" } } as const;

/** The fields of `struct framed` in framing.c. */
const FRAMED = ["taken", "made", "records", "parts", "more"] as const;

/**
 * Compiles the C version of core's `frameLines`. It is several times as fast as the TypeScript version, and the speed of framing
 * limits how much a service can log. Returns the TypeScript function if this machine cannot compile C. Throws if the constants of
 * C and TypeScript differ.
 */
export function nativeFrameLines(scratch?: string, code = source): FrameLines {
  let compiled: CompiledC<typeof FUNCTION>;
  try {
    compiled = compileC("framing.c", code, FUNCTION, scratch);
  } catch {
    return frameLines;
  }
  const { functions, exports } = compiled;
  exports.expect({ PART_BYTES, PREFIX_BYTES });
  const native = functions.sup_frame as unknown as Native;
  const layout = exports.struct("framed", FRAMED);
  const result = new Int32Array(layout.sizeBytes / 4);
  const [taken = 0, made = 0, records = 0, parts = 0, more = 0] = FRAMED.map((field) => layout.offsetOf(field) / 4);
  return (input: Buffer, from: number, to: number, output: Buffer, { full, part, endParts }: Framing): Framed => {
    if (from < 0 || to > input.length) throw new RangeError("frameLines: outside the buffer");
    if (from >= to) return { taken: 0, made: 0, records: 0, parts: 0, more: false };
    const [fullAt, partAt] = full.length > 0 ? [ptr(full), ptr(part)] : [null, null];
    // The JIT may store an integer as a double, and Bun then passes on only the low half of its bits. `| 0` prevents that.
    native(ptr(input), from | 0, to | 0, ptr(output), output.length | 0, fullAt, partAt, full.length | 0, Number(endParts), ptr(result));
    return { taken: result[taken]!, made: result[made]!, records: result[records]!, parts: result[parts]!, more: result[more] === 1 };
  };
}
