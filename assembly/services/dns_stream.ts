// DNS over TCP (RFC 7766), when an answer was too long for UDP: one question, one answer, on an ordinary connection record,
// whose events the host does not hear of. The answer is read where it stands in the receive ring, from the ring's beginning,
// once all of it is there; or half of the ring, which is what the peer may always fill.

import { Status, TcpState } from "../abi_constants";
import { config } from "../config";
import { after } from "../lib/clock";
import { Kind } from "../net/socket";
import * as tcb from "../tcp/tcb";
import * as user from "../tcp/user";
import { load16 } from "../wire/dns";
import { questionBytes, writeQuestion } from "./dns_message";
import { Phase, Query } from "./dns_query";

/** Port of DNS servers. */
const PORT: u32 = 53;
/** Octets of the length before a message (RFC 1035 section 4.2.2). */
export const LENGTH_BYTES: u32 = 2;
/** Time for connection and answer together. */
const STREAM_MS: u32 = 5000;

/** What `look` says of a stream; else it is the octets of the message that are there. */
export const PENDING: u32 = u32.MAX_VALUE;
export const ENDED: u32 = 0;

/** Asks the server that was asked last by TCP. False: there is no record, no way, or no room for the question. */
export function begin(q: Query): bool {
  if (questionBytes(q) + LENGTH_BYTES > config.sendRingBytes) return false;
  const t = tcb.allocate();
  if (!t) return false;
  t.kind = Kind.SERVICE;
  q.stream = changetype<u32>(t);
  if (user.connect(t, q.remoteAddress, PORT) != Status.OK) {
    end(q);
    return false;
  }
  // The ring is empty, and the question lies at its beginning.
  const ring = tcb.sendRing(t);
  const bytes = writeQuestion(q, ring + LENGTH_BYTES);
  store<u8>(ring, <u8>(bytes >> 8));
  store<u8>(ring, <u8>bytes, 1);
  user.sendCommit(t, bytes + LENGTH_BYTES);
  q.phase = Phase.STREAM;
  q.deadline = after(STREAM_MS);
  return true;
}

/** Octets of the answer that stand in the ring, when that is enough; ENDED: no more will come; else PENDING. */
export function look(q: Query): u32 {
  const t = changetype<tcb.Tcb>(q.stream);
  const there = t.receiveBytes;
  if (there > LENGTH_BYTES) {
    const enough = min(LENGTH_BYTES + promised(q), config.receiveRingBytes >> 1);
    if (there >= enough) return enough - LENGTH_BYTES;
  }
  return <u32>(t.state == TcpState.CLOSED) | <u32>(t.state == TcpState.CLOSE_WAIT) ? ENDED : PENDING;
}

/** Where the answer is. */
export function messageAt(q: Query): usize {
  return tcb.receiveRing(changetype<tcb.Tcb>(q.stream)) + LENGTH_BYTES;
}

/** Octets of the answer, as the server says. */
export function promised(q: Query): u32 {
  return load16(messageAt(q) - LENGTH_BYTES);
}

/** Closes the connection. What it received stays in the ring until other records use it. */
export function end(q: Query): void {
  const t = changetype<tcb.Tcb>(q.stream);
  user.receiveConsume(t, t.receiveBytes);
  user.end(t, false);
}
