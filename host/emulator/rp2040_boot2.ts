// The second stage of an RP2040's boot, as its boot ROM looks at it: datasheet, section 2.8.1.3.1.

export const BOOT2_BYTES = 256;

const CHECKED_BYTES = BOOT2_BYTES - 4;
const POLYNOMIAL = 0x04c11db7;

/** CRC-32 from 0xffffffff, most significant bit first, as the boot ROM computes it. */
export function boot2Checksum(octets: Uint8Array): number {
  let crc = 0xffffffff;
  for (const octet of octets) {
    crc ^= octet << 24;
    for (let bit = 0; bit < 8; bit++) crc = crc & 0x80000000 ? (crc << 1) ^ POLYNOMIAL : crc << 1;
  }
  return crc >>> 0;
}

/** Why the boot ROM would not execute this second stage, in words; empty when it would. */
export function boot2Problem(boot2: Uint8Array): string {
  if (boot2.length < BOOT2_BYTES) return `the image has ${boot2.length} bytes: no second stage of the boot`;
  const computed = boot2Checksum(boot2.subarray(0, CHECKED_BYTES));
  const view = new DataView(boot2.buffer, boot2.byteOffset, BOOT2_BYTES);
  const stored = view.getUint32(CHECKED_BYTES, true);
  if (computed === stored) return "";
  return `the second stage of the boot has checksum 0x${stored.toString(16)}, and should have 0x${computed.toString(16)}`;
}
