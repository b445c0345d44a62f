// Reads and writes the ABI's records in linear memory, by the generated layouts.

import type { FieldLayout, RecordLayout } from "./abi.js";

/** Reads the record at `address`. Octet arrays are copied out. u64 fields above 2^53 lose precision. */
export function readRecord<T extends object>(
  memory: Uint8Array,
  address: number,
  layout: RecordLayout<T>,
): T {
  const view = new DataView(memory.buffer, memory.byteOffset + address, layout.size);
  const record: Record<string, number | Uint8Array> = {};
  for (const [name, field] of Object.entries<FieldLayout>(layout.fields))
    record[name] = readField(view, field);
  return record as T;
}

/** Writes `values` over the record at `address`; fields that are not named become zero. */
export function writeRecord<T extends object>(
  memory: Uint8Array,
  address: number,
  layout: RecordLayout<T>,
  values: Partial<T>,
): void {
  const view = new DataView(memory.buffer, memory.byteOffset + address, layout.size);
  memory.fill(0, address, address + layout.size);
  for (const [name, value] of Object.entries(values)) {
    const field = (layout.fields as Record<string, FieldLayout | undefined>)[name];
    if (!field) throw new TypeError(`the record has no field "${name}"`);
    writeField(view, field, value as number | Uint8Array);
  }
}

function readField(view: DataView, { offset, type, count }: FieldLayout): number | Uint8Array {
  switch (type) {
    case "u8":
      return view.getUint8(offset);
    case "i8":
      return view.getInt8(offset);
    case "u16":
      return view.getUint16(offset, true);
    case "i16":
      return view.getInt16(offset, true);
    case "u32":
      return view.getUint32(offset, true);
    case "i32":
      return view.getInt32(offset, true);
    case "u64":
      return Number(view.getBigUint64(offset, true));
    case "octets":
      return new Uint8Array(view.buffer, view.byteOffset + offset, count).slice();
  }
}

function writeField(view: DataView, { offset, type, count }: FieldLayout, value: number | Uint8Array): void {
  if (value instanceof Uint8Array) {
    if (type !== "octets" || value.length > count) throw new RangeError(`${value.length} octets do not fit`);
    new Uint8Array(view.buffer, view.byteOffset + offset, count).set(value);
    return;
  }
  if (type === "u8" || type === "i8") view.setUint8(offset, value);
  else if (type === "u16" || type === "i16") view.setUint16(offset, value, true);
  else if (type === "u32" || type === "i32") view.setUint32(offset, value, true);
  else if (type === "u64") view.setBigUint64(offset, BigInt(value), true);
  else throw new TypeError("an octet array is written from a Uint8Array");
}
