// `connect` by name: a socket that waits for a query, and takes its addresses in turn until one of them answers.

import { Event, Status, TcpState } from "../abi_constants";
import { state } from "../config";
import { Kind, raise, Socket } from "../net/socket";
import { Bit, clear, has, set, Tcb } from "../tcp/tcb";
import * as user from "../tcp/user";
import { ADDRESS_BYTES, addressesOf, Phase, Query, queryOf } from "./dns_query";

/** The connection is to be opened to `port` of what the query of handle `query` finds. */
export function begin(socket: Socket, query: i32, port: u32): i32 {
  if (socket.kind != Kind.CONNECTION) return Status.NOT_SUPPORTED;
  const t = changetype<Tcb>(socket);
  const q = queryOf(query);
  if (!q || !port) return Status.INVALID_ARGUMENT;
  if (t.rtoMs | q.client) return Status.ALREADY_CONNECTED;
  // The record serves this connection from now on.
  t.rtoMs = 1;
  set(t, Bit.NAMED);
  q.client = t.handle;
  q.clientPort = <u16>port;
  state.scanDue = 1;
  return Status.OK;
}

/** Goes on when the query is over and the connection is not under way: it waits, or an address was of no use. */
export function advance(q: Query): void {
  if (q.phase != Phase.DONE) return;
  const t = user.connectionOf(q.client);
  if (!t) return;
  if (!has(t, Bit.NAMED)) return;
  if (t.state == TcpState.CLOSED) connectNext(q, t);
  if (q.taken < q.addresses) return;
  // Nothing else can be tried: what happens now is the connection's own affair.
  q.client = 0;
  clear(t, Bit.NAMED);
}

/** Connects to the next address to which there is a way. When there is none, the connection fails. */
function connectNext(q: Query, t: Tcb): void {
  let status: i32 = t.error ? t.error : q.error;
  while (q.taken < q.addresses) {
    const address = load<u32>(addressesOf(q) + <u32>q.taken * ADDRESS_BYTES);
    q.taken++;
    renew(t);
    status = user.connect(t, address, q.clientPort);
    if (!status) return;
  }
  t.error = <i16>status;
  raise(t, Event.FAILED | Event.READABLE | Event.WRITABLE);
}

/** What is left of a SYN that nobody answered goes; what the application has written or set stays. */
function renew(t: Tcb): void {
  // The peer's.
  store<u16>(changetype<usize>(t), 0, offsetof<Tcb>("ports"));
  // RTO and error; doublings and retries: neighbours in the record.
  store<u32>(changetype<usize>(t), 0, offsetof<Tcb>("rtoMs"));
  store<u32>(changetype<usize>(t), 0, offsetof<Tcb>("backoff"));
  t.retransmits = 0;
  clear(t, Bit.RTT_TIMING);
}
