// What a recording is: a pcapng file with everything that crossed the boundary between a host and its cores.
//
//   Section Header Block       standard
//   RECORDING                  version of this format
//   CORE                       a new core: name, memory, which module
//   CALL  bytesNeeded
//   CORE
//   Interface Description      standard: when a core is initialised, one for each
//   CALL  init
//   Enhanced Packet            standard: a frame that the next CALL gives to the core
//   CALL  input
//   Enhanced Packet            a frame that the next CALL got from it
//   CALL  output
//   CALL  ...
//   STATE                      checksum of a core's whole state, now and then
//   END
//
// So Wireshark shows the traffic and passes over the rest. Blocks of ours are little-endian as all of the file:
//
//   RECORDING  u16 format version   u16 ABI version of the host
//   CORE       u16 core   u16 octets of its name   u32 bytes of memory   u32 bytes of the module   u16 its ABI version
//              u16 0   32 octets SHA-256 of the module   name
//   CALL       u32 number, from 1   u16 core   u8 export, index of EXPORTS   u8 flags   u64 stamp, upper half first
//              i32 arguments, as many as the export has
//              what the host had put into memory, GIVEN times:   u32 address   u32 length   octets
//              i32 result   u32 value
//              with TAKEN, what getopt wrote:   u32 length   octets
//   WROTE      what the host wrote into memory at other times
//              u16 core   u8 1 for a fill   u8 fill   u32 address   u32 length   octets, but for a fill
//   STATE      u16 core   u16 0   u32 number of the last call   u32 bytes of the state   u32 its CRC-32
//   END        u32 number of the last call   u16 reason   u16 0
//
// `value` is the run's address after sendReserve, receivePeek and send, the events after nextEvent, and the CRC-32 of
// the octets that receiveConsume and receive take. What the host puts into memory after send is a WROTE. Each block of ours ends with the CRC-32 of all that is before it in the file, the
// seed of which is the CRC-32 before: so a changed octet is found, and found between two such blocks.

import type { CoreExports } from "../abi.js";
import { BlockType } from "../pcapng/format.js";

export const FORMAT_VERSION = 1;

const FIRST = BlockType.LOCAL + 0x465200;

/** Types of our blocks, for local use: "FR" and a number. */
export const RecordType = {
  RECORDING: FIRST + 1,
  CORE: FIRST + 2,
  CALL: FIRST + 3,
  WROTE: FIRST + 4,
  STATE: FIRST + 5,
  END: FIRST + 6,
} as const;

/** Whether a block is one of ours, with a CRC-32 at its end. */
export function isRecordType(type: number): boolean {
  return type > FIRST && type <= RecordType.END;
}

/** Flags of a CALL. */
export const CallFlag = {
  /** The call did not return: it trapped. */
  TRAPPED: 1,
  /** Two bits: how many ranges of memory the host had written for it. */
  GIVEN_SHIFT: 1,
  GIVEN_MASK: 3,
  /** What getopt wrote follows the result. */
  TAKEN: 8,
  /** The packet before is the call's frame. */
  FRAME: 16,
} as const;

/** Why a recording ended. */
export const EndReason = { CLOSED: 0, LIMIT: 1 } as const;

/** Exports by their number in a CALL. New ones go at the end. */
export const EXPORTS: readonly (keyof CoreExports)[] = [
  "abiVersion",
  "base",
  "bytesNeeded",
  "init",
  "adopt",
  "input",
  "output",
  "poll",
  "deadline",
  "linkChanged",
  "setAddress",
  "open",
  "bind",
  "listen",
  "accept",
  "connect",
  "sendReserve",
  "sendCommit",
  "receivePeek",
  "receiveConsume",
  "sendTo",
  "receiveFrom",
  "shutdown",
  "close",
  "abort",
  "setopt",
  "getopt",
  "nextEvent",
  "receive",
  "send",
];

/** Which argument of an export is the time, in milliseconds. */
export const NOW_ARGUMENT: Readonly<Partial<Record<keyof CoreExports, number>>> = {
  init: 2,
  adopt: 1,
  input: 2,
  output: 0,
  poll: 0,
  deadline: 0,
  linkChanged: 2,
  setAddress: 1,
};

/** Longest name of a core, in octets. */
export const NAME_MAX = 255;

/** Octets of memory in one block, at most. */
export const PIECE_BYTES = 65_536;
