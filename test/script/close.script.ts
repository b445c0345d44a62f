import { script } from "./script.js";
import type { Stage } from "./stage.js";

script("RFC 9293 3.6: the peer closes first; we keep sending, then close through LAST-ACK", (t) => {
  const socket = t.connected();
  t.peer.send({ flags: "FA", seq: 1, ack: 1 });
  t.expect({ flags: "A", seq: 1, ack: 2 });
  socket.expectState("CLOSE_WAIT");
  socket.expectEvents("PEER_CLOSED");
  socket.expectEnd();
  socket.write(100);
  t.expect({ flags: "PA", seq: 1, ack: 2, len: 100 });
  t.peer.send({ flags: "A", seq: 2, ack: 101 });
  socket.shutdown();
  t.expect({ flags: "FA", seq: 101, ack: 2 });
  socket.expectState("LAST_ACK");
  t.peer.send({ flags: "A", seq: 2, ack: 102 });
  t.expectNothing();
  socket.expectState("CLOSED");
  socket.expectEvents("CLOSED");
  socket.close();
  t.expectRecords({});
});

script("RFC 9293 3.6: we close first and keep receiving, through FIN-WAIT-1 and FIN-WAIT-2", (t) => {
  const socket = t.connected();
  socket.write(100);
  t.expect({ flags: "PA", seq: 1, ack: 1, len: 100 });
  t.peer.send({ flags: "A", seq: 1, ack: 101 });
  socket.shutdown();
  t.expect({ flags: "FA", seq: 101, ack: 1 });
  socket.expectState("FIN_WAIT_1");
  t.peer.send({ flags: "A", seq: 1, ack: 102 });
  socket.expectState("FIN_WAIT_2");
  t.peer.send({ flags: "PA", seq: 1, ack: 102, len: 50 });
  socket.read(50);
  t.expectAt(t.timeMs + 40, { flags: "A", seq: 102, ack: 51 });
  t.peer.send({ flags: "FA", seq: 51, ack: 102 });
  t.expect({ flags: "A", seq: 102, ack: 52 });
  socket.expectEnd();
  socket.expectEvents("READABLE", "PEER_CLOSED", "CLOSED");
  socket.close();
  t.expectRecords({ timeWaitEntries: 1 });
});

script(
  "RFC 9293 3.6.1: TIME-WAIT acknowledges the FIN again, starts over, and ends",
  { config: { timeWaitMs: 10000 } },
  (t) => {
    const socket = t.connected();
    socket.close();
    t.expect({ flags: "FA", seq: 1, ack: 1 });
    t.peer.send({ flags: "A", seq: 1, ack: 2 });
    t.peer.send({ flags: "FA", seq: 1, ack: 2 });
    t.expect({ flags: "A", seq: 2, ack: 2 });
    t.expectRecords({ timeWaitEntries: 1 });
    t.after(5000);
    t.peer.send({ flags: "FA", seq: 1, ack: 2 });
    t.expect({ flags: "A", seq: 2, ack: 2 });
    const start = t.timeMs;
    t.at(start + 9999);
    t.expectRecords({ timeWaitEntries: 1 });
    t.at(start + 10000);
    t.expectRecords({});
    t.peer.send({ flags: "FA", seq: 1, ack: 2 });
    t.expect({ flags: "R", seq: 2 });
    t.counter("TCP_NO_CONNECTION").increased();
  },
);

script("RFC 9293 3.6: both sides close at once, through CLOSING", (t) => {
  const socket = t.connected();
  socket.shutdown();
  t.expect({ flags: "FA", seq: 1, ack: 1 });
  t.peer.send({ flags: "FA", seq: 1, ack: 1 });
  t.expect({ flags: "A", seq: 2, ack: 2 });
  socket.expectState("CLOSING");
  t.peer.send({ flags: "A", seq: 2, ack: 2 });
  t.expectNothing();
  socket.expectEvents("PEER_CLOSED", "CLOSED");
  socket.close();
  t.expectRecords({ timeWaitEntries: 1 });
});

script("RFC 9293 3.10.7.4: a FIN that acknowledges ours goes from FIN-WAIT-1 to TIME-WAIT", (t) => {
  const socket = t.connected();
  socket.close();
  t.expect({ flags: "FA", seq: 1, ack: 1 });
  t.peer.send({ flags: "FA", seq: 1, ack: 2 });
  t.expect({ flags: "A", seq: 2, ack: 2 });
  t.expectRecords({ timeWaitEntries: 1 });
});

script("RFC 9293 3.10.4: what was written is delivered before the FIN, also after close", (t) => {
  const socket = t.connected({ mss: 1000, window: 1000 });
  socket.write(2000);
  t.expect({ flags: "A", seq: 1, ack: 1, len: 1000 });
  socket.close();
  t.peer.send({ flags: "A", seq: 1, ack: 1001, window: 1001 });
  t.expect({ flags: "FPA", seq: 1001, ack: 1, len: 1000 });
  t.peer.send({ flags: "FA", seq: 1, ack: 2002 });
  t.expect({ flags: "A", seq: 2002, ack: 2 });
  t.expectRecords({ timeWaitEntries: 1 });
});

script("RFC 9293 3.10.7.4: a FIN with data behind a hole waits for what is missing", (t) => {
  const socket = t.connected();
  t.peer.send({ flags: "FPA", seq: 101, ack: 1, len: 100 });
  t.expect({ flags: "A", seq: 1, ack: 1 });
  socket.expectState("ESTABLISHED");
  t.peer.send({ flags: "A", seq: 1, ack: 1, len: 100 });
  t.expect({ flags: "A", seq: 1, ack: 202 });
  socket.expectState("CLOSE_WAIT");
  socket.read(200);
  socket.expectEnd();
});

script("RFC 9293 3.6.1: close with data unread resets the connection", (t) => {
  const socket = t.connected();
  t.peer.send({ flags: "PA", seq: 1, ack: 1, len: 100 });
  socket.close();
  t.expect({ flags: "RA", seq: 1, ack: 101 });
  t.expectRecords({});
});

script("RFC 9293 3.6.1: data that arrives after close resets the connection", (t) => {
  const socket = t.connected();
  socket.close();
  t.expect({ flags: "FA", seq: 1, ack: 1 });
  t.peer.send({ flags: "A", seq: 1, ack: 2 });
  t.peer.send({ flags: "PA", seq: 1, ack: 2, len: 10 });
  t.expect({ flags: "RA", seq: 2, ack: 1 });
  t.counter("TCP_DATA_AFTER_CLOSE").increased();
  t.expectRecords({});
});

script("RFC 9293 3.10.5: abort resets the connection and forgets it", (t) => {
  const socket = t.connected();
  socket.abort();
  t.expect({ flags: "RA", seq: 1, ack: 1 });
  t.expectRecords({});
});

script(
  "RFC 1122 4.2.2.13: a closed socket in FIN-WAIT-2 ends by its timer",
  { config: { finWait2Ms: 5000 } },
  (t) => {
    const socket = t.connected();
    socket.close();
    t.expect({ flags: "FA", seq: 1, ack: 1 });
    t.peer.send({ flags: "A", seq: 1, ack: 2 });
    const start = t.timeMs;
    t.at(start + 4999);
    t.expectRecords({ connections: 1 });
    t.at(start + 5000);
    t.expectNothing();
    t.expectRecords({});
    t.counter("TCP_FIN_WAIT_2_EXPIRED").increased();
  },
);

/** We close first, and the connection is in TIME-WAIT. */
function toTimeWait(t: Stage): void {
  const socket = t.accepted();
  socket.close();
  t.expect({ flags: "FA", seq: 1, ack: 1 });
  t.peer.send({ flags: "FA", seq: 1, ack: 2 });
  t.next("tcp");
  t.expectRecords({ timeWaitEntries: 1 });
}

script("RFC 1337 3: a reset does not end TIME-WAIT", (t) => {
  toTimeWait(t);
  for (const seq of [1, 2, 3]) t.peer.send({ flags: "R", seq });
  t.expectNothing();
  t.counter("TCP_TIME_WAIT_RST").increased(3);
  t.expectRecords({ timeWaitEntries: 1 });
});

script(
  "RFC 9293 3.10.7.4: TIME-WAIT answers an old segment with an ACK, and a bare ACK with nothing",
  (t) => {
    toTimeWait(t);
    t.peer.send({ flags: "A", seq: 2, ack: 2 });
    t.expectNothing();
    t.peer.send({ flags: "PA", seq: 1, ack: 2, len: 1 });
    t.expect({ flags: "A", seq: 2, ack: 2 });
    t.expectRecords({ timeWaitEntries: 1 });
  },
);

script("RFC 1122 4.2.2.13: a SYN beyond the old connection's numbers opens a new one from TIME-WAIT", (t) => {
  toTimeWait(t);
  const isn = t.peer.deviceIsn ?? 0;
  t.peer.send({ flags: "S", seq: 100000 });
  const { tcp } = t.next("tcp");
  // Ours, too, has to lie beyond what the old one used.
  if (((tcp.seq - isn) | 0) <= 2)
    t.fail(`the new initial sequence number is ${(tcp.seq - isn) | 0} from the old`);
  if (tcp.ack !== (t.peer.isn + 100001) >>> 0) t.fail("the SYN-ACK acknowledges another number");
  t.expectRecords({ synEntries: 1 });
});

script("RFC 1122 4.2.2.13: a SYN among the old connection's numbers is answered by TIME-WAIT's ACK", (t) => {
  toTimeWait(t);
  t.peer.send({ flags: "S", seq: 0 });
  t.expect({ flags: "A", seq: 2, ack: 2 });
  t.expectRecords({ timeWaitEntries: 1 });
});

script("a TIME-WAIT beyond the table's places ends the oldest", { config: { timeWaitEntries: 2 } }, (t) => {
  for (let count = 0; count < 7; count++) {
    const socket = t.again();
    socket.close();
    t.expect({ flags: "FA", seq: 1, ack: 1 });
    t.peer.send({ flags: "FA", seq: 1, ack: 2 });
    t.next("tcp");
  }
  t.counter("TCP_TIME_WAIT_EVICTED").increased(5);
  t.expectRecords({ timeWaitEntries: 2 });
  t.after(60000);
  t.expectRecords({});
});

script("RFC 9293 3.8.6: the ACK that begins TIME-WAIT does not shrink the window", (t) => {
  const socket = t.connected();
  socket.shutdown();
  t.expect({ flags: "FA", seq: 1, ack: 1 });
  t.peer.send({ flags: "A", seq: 1, ack: 2 });
  t.peer.send({ flags: "FA", seq: 1, ack: 2 });
  t.expect({ flags: "A", seq: 2, ack: 2, window: [8191, 8192] });
});

script("RFC 9293 3.8.6: a FIN takes a place in the window: it waits for one, and is probed with", (t) => {
  const socket = t.connected({ mss: 1000, window: 1000, rttMs: 100 });
  socket.write(1000);
  t.expect({ flags: "PA", seq: 1, ack: 1, len: 1000 });
  socket.shutdown();
  t.expectNothing();
  t.peer.send({ flags: "A", seq: 1, ack: 1001, window: 0 });
  t.expectBetween(t.timeMs + 1, t.timeMs + 5000, { flags: "FA", seq: 1001, ack: 1 });
  t.peer.send({ flags: "A", seq: 1, ack: 1001, window: 0 });
  t.expectNothing();
  // The window opens: the FIN goes at once, without waiting for the backed-off timer.
  t.peer.send({ flags: "A", seq: 1, ack: 1001, window: 500 });
  t.expect({ flags: "FA", seq: 1001, ack: 1 });
  t.peer.send({ flags: "A", seq: 1, ack: 1002, window: 500 });
  socket.expectState("FIN_WAIT_2");
});

script(
  "RFC 9293 3.6: FIN-WAIT-2 lasts as long as the application holds the socket, and a minute after it gave it back",
  (t) => {
    const socket = t.connected();
    socket.shutdown();
    t.expect({ flags: "FA", seq: 1, ack: 1 });
    t.peer.send({ flags: "A", seq: 1, ack: 2 });
    t.after(1000000);
    socket.expectState("FIN_WAIT_2");
    socket.close();
    t.after(59999);
    t.expectRecords({ connections: 1 });
    t.after(1);
    t.expectRecords({});
    t.counter("TCP_FIN_WAIT_2_EXPIRED").increased();
  },
);
