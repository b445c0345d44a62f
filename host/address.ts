// IPv4 and MAC addresses as text.

/** The four octets of "10.0.0.1". */
export function parseIpv4(text: string): Uint8Array {
  const parts = text.split(".");
  const octets = parts.map(Number);
  if (
    octets.length !== 4 ||
    parts.some((part) => !/^\d{1,3}$/.test(part)) ||
    octets.some((octet) => octet > 255)
  )
    throw new TypeError(`"${text}" is not an IPv4 address: write four numbers from 0 to 255, as in 10.0.0.1`);
  return Uint8Array.from(octets);
}

/** "10.0.0.1" of the first four octets. */
export function formatIpv4(octets: Uint8Array): string {
  return octets.subarray(0, 4).join(".");
}

/** The six octets of "02:00:00:00:00:01". */
export function parseMac(text: string): Uint8Array {
  if (!/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i.test(text))
    throw new TypeError(
      `"${text}" is not a MAC address: write six pairs of hex digits, as in 02:00:00:00:00:01`,
    );
  return Uint8Array.from(text.split(":"), (pair) => Number.parseInt(pair, 16));
}

/** The netmask of a prefix of `length` bits, 0 to 32: "255.255.255.0". */
export function netmaskOf(length: number): string {
  const bits = (index: number) => Math.min(Math.max(length - 8 * index, 0), 8);
  return [0, 1, 2, 3].map((index) => 256 - 2 ** (8 - bits(index))).join(".");
}
