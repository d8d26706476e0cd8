/**
 * Struct layouts and constants of our C files, read from the C files themselves. Each of them exports a table (`sup_exports`)
 * that the compiler fills with `offsetof` and `sizeof`, so TypeScript never writes an offset down a second time.
 */
import { CString, type Pointer, ptr, read } from "bun:ffi";

/** A field's offset and size in bytes; for a constant or the size of a struct, its value and 0. */
interface Entry {
  readonly value: number;
  readonly sizeBytes: number;
}

/** struct exported of the C files: a name (`attempt.path`, `attempt`, `FIRST_SLOT`) and two numbers. */
const ENTRY = { nameAt: 0, valueAt: 8, sizeAt: 16, bytes: 24 } as const;

export class CExports {
  readonly #file: string;
  readonly #entries = new Map<string, Entry>();

  /** `table`: the address of entries, up to one without a name. */
  constructor(file: string, table: number) {
    this.#file = file;
    for (let at = table as Pointer; read.ptr(at, ENTRY.nameAt) !== 0; at = (at + ENTRY.bytes) as Pointer) {
      const name = new CString(read.ptr(at, ENTRY.nameAt) as Pointer).toString();
      this.#entries.set(name, { value: Number(read.u64(at, ENTRY.valueAt)), sizeBytes: Number(read.u64(at, ENTRY.sizeAt)) });
    }
  }

  /** The layout of a struct. Throws with the name of any field that only one of the two languages knows. */
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

  /** Throws unless C has the same values, with the name of the first that differs. Keys are constants, structs or STRUCT.FIELD. */
  expect(values: Readonly<Record<string, number>>): void {
    for (const [name, expected] of Object.entries(values)) {
      const { value } = this.#entry(name);
      if (value !== expected) throw new Error(`${this.#file}: ${name} is ${value}, but TypeScript has ${expected}`);
    }
  }

  /** All constants whose name starts with `prefix`, without the prefix. */
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

  /** A struct with all fields set. Only pointers and numbers of 8 bytes, and integers of 4 bytes. */
  fill(values: Readonly<Record<F, number>>): StructValue<F> {
    const struct = new StructValue(this.#fields, this.sizeBytes);
    for (const [field, value] of Object.entries(values) as Array<[F, number]>) struct.set(field, value);
    return struct;
  }
}

export class StructValue<F extends string> {
  readonly #fields: ReadonlyMap<F, Entry>;
  readonly #bytes: Buffer;

  constructor(fields: ReadonlyMap<F, Entry>, sizeBytes: number) {
    this.#fields = fields;
    this.#bytes = Buffer.alloc(sizeBytes);
  }

  get address(): Pointer {
    return ptr(this.#bytes);
  }

  set(field: F, value: number): void {
    const { value: offset, sizeBytes } = this.#fields.get(field)!;
    if (sizeBytes === 8) this.#bytes.writeBigUInt64LE(BigInt(value), offset);
    else this.#bytes.writeInt32LE(value | 0, offset);
  }

  /** A signed integer of 4 bytes. */
  getInt(field: F): number {
    return this.#bytes.readInt32LE(this.#fields.get(field)!.value);
  }
}
