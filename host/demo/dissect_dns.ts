// The info column of DNS messages, RFC 1035, as Wireshark writes it.

import { formatIp } from "../packet/index.js";
import { get16 } from "../packet/octets.js";

const HEADER_BYTES = 12;
const RESPONSE = 0x8000;
const OPT = 41;

/** Pointers that a name may go through, at most: RFC 1035 section 4.1.4 makes names shorter, not endless. */
const JUMPS_MAX = 64;

const TYPES: Readonly<Record<number, string>> = {
  1: "A",
  2: "NS",
  5: "CNAME",
  6: "SOA",
  12: "PTR",
  15: "MX",
  16: "TXT",
  28: "AAAA",
  [OPT]: "OPT",
};

const ERRORS: Readonly<Record<number, string>> = {
  1: "Format error",
  2: "Server failure",
  3: "No such name",
  4: "Not implemented",
  5: "Refused",
};

/** "Standard query 0x1234 A example.com" of a message. */
export function describeDns(message: Uint8Array): string {
  if (message.length < HEADER_BYTES) return "";
  const flags = get16(message, 2);
  const error = flags & RESPONSE ? ERRORS[flags & 15] : undefined;
  const parts = [
    flags & RESPONSE ? "Standard query response" : "Standard query",
    `0x${get16(message, 0).toString(16).padStart(4, "0")}`,
    ...(error === undefined ? [] : [error]),
  ];
  let at = HEADER_BYTES;
  for (let question = 0; question < get16(message, 4); question++) {
    const { name, end } = readName(message, at);
    parts.push(`${typeName(get16(message, end))} ${name}`);
    at = end + 4;
  }
  const records = [6, 8, 10].reduce((sum, count) => sum + get16(message, count), 0);
  for (let record = 0; record < records; record++) {
    const { end } = readName(message, at);
    const [type, length] = [get16(message, end), get16(message, end + 8)];
    const data = end + 10;
    parts.push(`${typeName(type)}${describeData(message, type, data, length)}`);
    at = data + length;
  }
  return parts.join(" ");
}

function describeData(message: Uint8Array, type: number, at: number, length: number): string {
  switch (TYPES[type]) {
    case "A":
      return ` ${formatIp(message.subarray(at, at + length))}`;
    case "NS":
    case "CNAME":
    case "SOA":
    case "PTR":
      return ` ${readName(message, at).name}`;
    default:
      return "";
  }
}

function typeName(type: number): string {
  return TYPES[type] ?? `Unknown (${type})`;
}

/** The name at `at`, and where what follows it begins. */
function readName(message: Uint8Array, at: number): { name: string; end: number } {
  const labels: string[] = [];
  let end: number | undefined;
  for (let jumps = 0; jumps <= JUMPS_MAX; ) {
    const length = message[at] ?? 0;
    if (length >= 0xc0) {
      end ??= at + 2;
      at = get16(message, at) & 0x3fff;
      jumps++;
      continue;
    }
    if (length === 0) break;
    labels.push(Buffer.from(message.subarray(at + 1, at + 1 + length)).toString("latin1"));
    at += 1 + length;
  }
  return { name: labels.join(".") || "<Root>", end: end ?? at + 1 };
}
