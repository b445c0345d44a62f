// Sequence numbers are compared here and nowhere else (RFC 9293 section 3.4): modulo 2^32, by signed difference.

// @inline
/** a < b */
export function lessThan(a: u32, b: u32): bool {
  return <i32>(a - b) < 0;
}

// @inline
/** a <= b */
export function atMost(a: u32, b: u32): bool {
  return <i32>(a - b) <= 0;
}

// @inline
/** The earlier of two. */
export function earlier(a: u32, b: u32): u32 {
  return <i32>(a - b) < 0 ? a : b;
}

// @inline
/** The later of two. */
export function later(a: u32, b: u32): u32 {
  return <i32>(a - b) < 0 ? b : a;
}

// @inline
/** start <= a < start + length */
export function inWindow(a: u32, start: u32, length: u32): bool {
  return a - start < length;
}
