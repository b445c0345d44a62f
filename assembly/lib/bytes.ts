// Octet order. Wire headers hold big-endian fields; Wasm loads little-endian ones.

// @inline
/** Host order of a 16-bit field that was loaded as it stands on the wire, and back. */
export function swap16(value: u32): u32 {
  return ((value >> 8) & 0xff) | ((value & 0xff) << 8);
}

// @inline
/** Host order of a 32-bit field that was loaded as it stands on the wire, and back. */
export function swap32(value: u32): u32 {
  return rotl(value & 0xff00ff00, 8) | rotr(value & 0x00ff00ff, 8);
}

/** A 32-bit field in host order that stands on the wire at any address. */
export function load32(at: usize): u32 {
  return (
    ((<u32>load<u8>(at)) << 24) |
    ((<u32>load<u8>(at, 1)) << 16) |
    ((<u32>load<u8>(at, 2)) << 8) |
    load<u8>(at, 3)
  );
}
