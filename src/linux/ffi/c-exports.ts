/**
 * Reads struct layouts and constants from our compiled C files. Each C file exports a table (`sup_exports`) that the compiler
 * fills with `offsetof` and `sizeof`, so TypeScript does not repeat any offset.
 */
import { CString, type Pointer, read } from "bun:ffi";

/**
 * The offset and size of a field in bytes. A constant or a whole struct has its value or its size in `value`, and 0 in
 * `sizeBytes`.
 */
interface Entry {
  readonly value: number;
  readonly sizeBytes: number;
}

/** The layout of `struct exported` in the C files: a name (`attempt.path`, `attempt`, `FIRST_SLOT`) and two numbers. */
const ENTRY = { nameAt: 0, valueAt: 8, sizeAt: 16, bytes: 24 } as const;

export class CExports {
  readonly #file: string;
  readonly #entries = new Map<string, Entry>();

  /** `table` is the address of the first entry. An entry without a name ends the table. */
  constructor(file: string, table: number) {
    this.#file = file;
    for (let at = table as Pointer; read.ptr(at, ENTRY.nameAt) !== 0; at = (at + ENTRY.bytes) as Pointer) {
      const name = new CString(read.ptr(at, ENTRY.nameAt) as Pointer).toString();
      this.#entries.set(name, { value: Number(read.u64(at, ENTRY.valueAt)), sizeBytes: Number(read.u64(at, ENTRY.sizeAt)) });
    }
  }

  /** Returns the layout of a struct. Throws if a field exists only in C or only in TypeScript; the message names the field. */
  struct<F extends string>(name: string, fields: readonly F[]): StructLayout<F> {
    const known = new Set<string>(fields);
    for (const entry of this.#entries.keys()) {
      const [struct, field] = entry.split(".");
      if (struct === name && field !== undefined && !known.has(field))
        throw new Error(`${this.#file}: TypeScript does not know the field ${entry}`);
    }
    const layout = new Map(fields.map((field) => [field, this.#entry(`${name}.${field}`)]));
    return new StructLayout(this.#entry(name).value, layout);
  }

  /**
   * Throws if a value differs from the value in C; the message names the first such entry. A key is a constant, a struct or
   * STRUCT.FIELD.
   */
  expect(values: Readonly<Record<string, number>>): void {
    for (const [name, expected] of Object.entries(values)) {
      const { value } = this.#entry(name);
      if (value !== expected) throw new Error(`${this.#file}: ${name} is ${value}, but TypeScript has ${expected}`);
    }
  }

  /** Returns all constants whose name starts with `prefix`, keyed by the name without the prefix. */
  constants(prefix: string): ReadonlyMap<string, number> {
    const found = [...this.#entries].filter(([name]) => name.startsWith(prefix));
    return new Map(found.map(([name, { value }]) => [name.slice(prefix.length), value]));
  }

  #entry(name: string): Entry {
    const entry = this.#entries.get(name);
    if (entry === undefined) throw new Error(`${this.#file}: there is no ${name} in sup_exports`);
    return entry;
  }
}

export class StructLayout<F extends string> {
  readonly sizeBytes: number;
  readonly #fields: ReadonlyMap<F, Entry>;

  constructor(sizeBytes: number, fields: ReadonlyMap<F, Entry>) {
    this.sizeBytes = sizeBytes;
    this.#fields = fields;
  }

  offsetOf(field: F): number {
    return this.#fields.get(field)!.value;
  }

  /** Allocates a struct and sets all its fields. A field can be a pointer or number of 8 bytes, or an integer of 4 bytes. */
  fill(values: Readonly<Record<F, number>>): Buffer {
    const struct = Buffer.alloc(this.sizeBytes);
    this.write(struct, values);
    return struct;
  }

  /** Sets all fields of a struct at the beginning of `bytes`. */
  write(bytes: Buffer, values: Readonly<Record<F, number>>): void {
    for (const [field, value] of Object.entries(values) as Array<[F, number]>) {
      const { value: offset, sizeBytes } = this.#fields.get(field)!;
      bytes.writeInt32LE(value | 0, offset);
      if (sizeBytes === 8) bytes.writeUInt32LE(Math.floor(value / 2 ** 32), offset + 4);
    }
  }

  /** Returns a field that is a signed integer of 4 bytes of the struct that begins at `at`. */
  getInt(bytes: Buffer, field: F, at = 0): number {
    return bytes.readInt32LE(at + this.#fields.get(field)!.value);
  }
}
