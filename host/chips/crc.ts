// The check sequence of Ethernet frames, 802.3 section 3.2.9, and its register as a chip has it.

const POLYNOMIAL = 0x04c11db7;

/** The register after `octets`, the lowest bit of each first, and before the complement at the end. */
export function crcRegister(octets: Uint8Array): number {
  let register = 0xffffffff;
  for (const octet of octets) {
    for (let bit = 0; bit < 8; bit++) {
      const carry = (register >>> 31) ^ ((octet >> bit) & 1);
      register = (register << 1) ^ (carry ? POLYNOMIAL : 0);
    }
  }
  return register >>> 0;
}

/** The check sequence as a number whose lowest octet is sent first. */
export function crc32(octets: Uint8Array): number {
  let register = 0xffffffff;
  for (const octet of octets) register = (register >>> 8) ^ (TABLE[(register ^ octet) & 0xff] as number);
  return ~register >>> 0;
}

const REFLECTED = 0xedb88320;
const TABLE = Uint32Array.from({ length: 256 }, (_, octet) => {
  let value = octet;
  for (let bit = 0; bit < 8; bit++) value = (value >>> 1) ^ (value & 1 ? REFLECTED : 0);
  return value;
});
