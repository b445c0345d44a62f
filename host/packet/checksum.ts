// The Internet checksum, RFC 1071, written for clarity: it is what the core's fast one is checked against.

/** The 16-bit one's-complement sum of `parts` laid end to end; an odd octet at the very end is the high half. */
export function onesComplementSum(...parts: Uint8Array[]): number {
  let sum = 0;
  let high = true;
  for (const part of parts) {
    for (const octet of part) {
      sum += high ? octet * 256 : octet;
      if (sum > 0xffff) sum -= 0xffff;
      high = !high;
    }
  }
  return sum;
}

/** The checksum of `parts` laid end to end: 0 over data that contains its own correct checksum. */
export function internetChecksum(...parts: Uint8Array[]): number {
  return 0xffff - onesComplementSum(...parts);
}
