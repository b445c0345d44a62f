// The Internet checksum, RFC 1071. Sums stand in memory order (little-endian words): one's-complement addition does
// not care, and so a sum is stored without a swap.

/**
 * Adds `length` octets at `ptr` to the one's-complement sum `sum`, below 2^48, and folds it to 16 bits. `ptr` is
 * 4-aligned: headers in a frame slot are. The main loop takes 64 octets at a time, because in an interpreter the
 * additions are cheap and the loop is not.
 */
export function checksum(ptr: usize, length: u32, sum: u64): u32 {
  let blocks = length >> 6;
  if (blocks) {
    do {
      sum += eight(ptr);
      sum +=
        <u64>load<u32>(ptr, 32) +
        load<u32>(ptr, 36) +
        load<u32>(ptr, 40) +
        load<u32>(ptr, 44) +
        load<u32>(ptr, 48) +
        load<u32>(ptr, 52) +
        load<u32>(ptr, 56) +
        load<u32>(ptr, 60);
      ptr += 64;
    } while (--blocks);
  }
  if (length & 32) {
    sum += eight(ptr);
    ptr += 32;
  }
  for (let words = (length & 31) >> 2; words; words--) {
    sum += load<u32>(ptr);
    ptr += 4;
  }
  if (length & 2) {
    sum += load<u16>(ptr);
    ptr += 2;
  }
  if (length & 1) sum += load<u8>(ptr);
  return fold(sum);
}

// @inline
/** Sum of eight words. */
function eight(ptr: usize): u64 {
  return (
    <u64>load<u32>(ptr) +
    load<u32>(ptr, 4) +
    load<u32>(ptr, 8) +
    load<u32>(ptr, 12) +
    load<u32>(ptr, 16) +
    load<u32>(ptr, 20) +
    load<u32>(ptr, 24) +
    load<u32>(ptr, 28)
  );
}

// @inline
/** Folds a sum of 32-bit words, below 2^48, to 16 bits. */
export function fold(sum: u64): u32 {
  let low = <u32>sum;
  low = (low & 0xffff) + (low >> 16) + <u32>(sum >> 32);
  low = (low & 0xffff) + (low >> 16);
  return (low & 0xffff) + (low >> 16);
}
