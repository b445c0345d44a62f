// Network-order integers in octets, and small things that every layer needs.

/** The unsigned 16-bit integer at `at`. */
export function get16(octets: Uint8Array, at: number): number {
  return (octets[at] as number) * 256 + (octets[at + 1] as number);
}

/** The unsigned 32-bit integer at `at`. */
export function get32(octets: Uint8Array, at: number): number {
  return get16(octets, at) * 65536 + get16(octets, at + 2);
}

/** Writes the low 16 bits of `value` at `at`. */
export function put16(octets: Uint8Array, at: number, value: number): void {
  octets[at] = value >>> 8;
  octets[at + 1] = value;
}

/** Writes the low 32 bits of `value` at `at`. */
export function put32(octets: Uint8Array, at: number, value: number): void {
  put16(octets, at, value >>> 16);
  put16(octets, at + 2, value);
}

/** All parts in one new array. */
export function concat(...parts: Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** "0x1a2b". */
export function hex16(value: number): string {
  return `0x${value.toString(16).padStart(4, "0")}`;
}
