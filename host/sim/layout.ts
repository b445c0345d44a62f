// Where fields stand in the core's own records. The ABI does not tell: scripts/sim_layout.mjs asks the compiler.

/** A field: its offset in bytes and its type, "u32". */
export interface RawField {
  readonly offset: number;
  readonly type: string;
}

export interface RawRecord {
  readonly bytes: number;
  readonly fields: Readonly<Record<string, RawField>>;
}

/** Records by class name, and constants by name ("Kind.FREE"). */
export interface Layout {
  readonly records: Readonly<Record<string, RawRecord>>;
  readonly constants: Readonly<Record<string, number>>;
}

/** Reads fields of records of one kind, by offsets that were looked up once. */
export class RecordReader<Name extends string> {
  readonly #fields = new Map<Name, RawField>();
  readonly bytes: number;

  /** Throws when the core has no such record or field: then the checker has to be taught the new layout. */
  constructor(
    readonly view: DataView,
    layout: Layout,
    record: string,
    names: readonly Name[],
  ) {
    const found = layout.records[record];
    if (!found) throw new Error(`the core has no record ${record}: teach host/sim/checker.ts`);
    this.bytes = found.bytes;
    for (const name of names) {
      const field = found.fields[name];
      if (!field) throw new Error(`${record} has no field ${name}: teach host/sim/checker.ts`);
      this.#fields.set(name, field);
    }
  }

  /** The field `name` of the record at `at`. */
  read(at: number, name: Name): number {
    const { offset, type } = this.#fields.get(name) as RawField;
    switch (type) {
      case "u8":
        return this.view.getUint8(at + offset);
      case "u16":
        return this.view.getUint16(at + offset, true);
      case "i16":
        return this.view.getInt16(at + offset, true);
      case "i32":
        return this.view.getInt32(at + offset, true);
      default:
        return this.view.getUint32(at + offset, true);
    }
  }

  /** Writes a 32-bit field; for tests of the checker. */
  write(at: number, name: Name, value: number): void {
    const { offset } = this.#fields.get(name) as RawField;
    this.view.setUint32(at + offset, value, true);
  }

  offsetOf(name: Name): number {
    return (this.#fields.get(name) as RawField).offset;
  }
}

/** The value of a constant of the core. Throws when there is none. */
export function constant(layout: Layout, name: string): number {
  const value = layout.constants[name];
  if (value === undefined) throw new Error(`the core has no constant ${name}: teach host/sim/checker.ts`);
  return value;
}
