// The one stateless reply that may wait for `output`: an ARP reply, an ICMP message, or a TCP segment (SYN-ACK, reset,
// ACK) for which no connection record stands. It answers what still stands in the input slot, and goes back to the
// neighbour that sent it: it never waits for ARP. The next frame in puts an end to it.

import { Counter } from "../abi_constants";
import { header, State, state } from "../config";
import { count, drop } from "../lib/counters";
import { allow } from "../lib/limit";
import { EthernetHeader, ethernet } from "../wire/ethernet";
import { Neighbour } from "./link";

/** What waits. */
export namespace Reply {
  export const NONE: u8 = 0;
  export const ARP: u8 = 1;
  export const ECHO: u8 = 2;
  export const TCP: u8 = 3;
  export const UNREACHABLE: u8 = 4;
}

/** What anybody can ask for: this many milliseconds for each, and what so many milliseconds are good for at once. */
const INTERVAL_MS: u32 = 10;
const BURST_MS: u32 = 500;

/** A reply to the frame in the input slot is due. */
export function owe(kind: u8): void {
  state.replyKind = kind;
}

/** The same for what anybody can ask for in any number; beyond the limit it is counted instead. */
export function oweLimited(kind: u8): void {
  if (mayReply()) owe(kind);
}

/** Whether one more of those may be sent at once, without waiting here; when not, that is counted. */
export function mayReply(): bool {
  if (allow(changetype<usize>(state) + offsetof<State>("replyDebt"), INTERVAL_MS, BURST_MS)) return true;
  return drop(Counter.REPLY_LIMITED);
}

/** The sender of the frame in the input slot: its address stands there as a Neighbour does. */
export function replyTo(): Neighbour {
  return changetype<Neighbour>(
    changetype<usize>(ethernet(header.inputSlot)) + offsetof<EthernetHeader>("source0"),
  );
}

/** A frame arrived before the last one's reply was taken: the reply is lost. */
export function beforeInput(): void {
  if (!state.replyKind) return;
  state.replyKind = Reply.NONE;
  count(Counter.REPLY_DROPPED);
}
