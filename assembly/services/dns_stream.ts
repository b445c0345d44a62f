// DNS over TCP (RFC 7766), when an answer was too long for UDP: one question, one answer, on an ordinary connection record,
// whose events the host does not hear of. The answer is read where it stands in the receive ring, from the ring's beginning,
// once all of it is there; or half of the ring, which is what the peer may always fill.

import { TcpState } from "../abi_constants";
import { config } from "../config";
import { after } from "../lib/clock";
import { Kind } from "../net/socket";
import * as tcb from "../tcp/tcb";
import * as user from "../tcp/user";
import { load16 } from "../wire/dns";
import { writeQuestion } from "./dns_message";
import { Phase, Query } from "./dns_query";

/** What `arrived` says while there is not enough yet. */
export const PENDING: u32 = u32.MAX_VALUE;

/** Port of DNS servers. */
const PORT: u32 = 53;
/** Octets of the length before a message (RFC 1035 section 4.2.2). */
const LENGTH_BYTES: u32 = 2;
/** Time for connection and answer together. */
const STREAM_MS: u32 = 5000;

/**
 * Asks the server that was asked last by TCP, with the record `t`. When there is no way, or no room for the question, the
 * try takes its time.
 */
export function begin(q: Query, t: tcb.Tcb): void {
  t.kind = Kind.SERVICE;
  q.stream = changetype<u32>(t);
  q.phase = Phase.STREAM;
  q.deadline = after(STREAM_MS);
  user.connect(t, q.remoteAddress, PORT);
  // The ring is empty, and the question lies at its beginning. One that is too long reaches into the receive ring, which is
  // empty, too, and is refused.
  const ring = tcb.sendRing(t);
  const bytes = writeQuestion(q, ring + LENGTH_BYTES);
  store<u8>(ring, <u8>(bytes >> 8));
  store<u8>(ring, <u8>bytes, 1);
  user.sendCommit(t, bytes + LENGTH_BYTES);
}

/** Where the answer is. */
export function messageAt(q: Query): usize {
  return tcb.receiveRing(changetype<tcb.Tcb>(q.stream)) + LENGTH_BYTES;
}

/** Octets of the answer, as the server says. */
export function promised(message: usize): u32 {
  return load16(message - LENGTH_BYTES);
}

/** Octets of the answer that are there, when that is enough; 0: nothing comes of it; else PENDING. */
export function arrived(q: Query, message: usize): u32 {
  const t = changetype<tcb.Tcb>(q.stream);
  const there = t.receiveBytes;
  if (there > LENGTH_BYTES) {
    const enough = min(promised(message), (config.receiveRingBytes >> 1) - LENGTH_BYTES);
    if (there - LENGTH_BYTES >= enough) return enough;
  }
  return <u32>(t.state == TcpState.CLOSED) | <u32>(t.state == TcpState.CLOSE_WAIT) ? 0 : PENDING;
}

/** Closes the connection. What it received stays in the ring until other records use it. */
export function end(q: Query): void {
  const t = changetype<tcb.Tcb>(q.stream);
  user.receiveConsume(t, t.receiveBytes);
  user.end(t, false);
}
