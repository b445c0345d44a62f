// The Internet checksum (RFC 1071), for what the core leaves to its host.

/** Completes a frame of the core: from `start` on it is summed, and the sum goes `offset` octets behind that. */
export function completeChecksum(frame: Uint8Array, start: number, offset: number): void {
  let sum = 0;
  for (let at = start; at < frame.length; at += 2) sum += ((frame[at] ?? 0) << 8) | (frame[at + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  new DataView(frame.buffer, frame.byteOffset).setUint16(start + offset, ~sum & 0xffff);
}
