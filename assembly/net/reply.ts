// The one stateless reply that may wait for `output`: an ARP reply, an echo reply, or a TCP reset or ACK for which no
// connection stands. It goes back to the neighbour that its cause came from, so it never waits for ARP.

import { Counter } from "../abi_constants";
import { header, state } from "../config";
import { count } from "../lib/counters";
import { ethernet } from "../wire/ethernet";

/** What waits. */
export namespace Reply {
  export const NONE: u8 = 0;
  export const ARP: u8 = 1;
  /** The request still stands in the input slot. */
  export const ECHO: u8 = 2;
  export const TCP: u8 = 3;
}

/** Takes the place for a reply to the frame in the input slot. False, and counted, when it is taken. */
export function claim(kind: u8): bool {
  if (state.replyKind != Reply.NONE) {
    count(Counter.REPLY_DROPPED);
    return false;
  }
  const frame = ethernet(header.inputSlot);
  state.replyKind = kind;
  state.replyMac0 = frame.source0;
  state.replyMac1 = frame.source1;
  return true;
}

/** A frame is about to be written over the input slot: an echo that was not taken is lost. */
export function beforeInput(): void {
  if (state.replyKind != Reply.ECHO) return;
  state.replyKind = Reply.NONE;
  count(Counter.REPLY_DROPPED);
}
