// Timestamps, PAWS and round-trip times by echo: RFC 7323 sections 3 to 5.
//
// That every segment carries timestamps once they are agreed, and that TSval is one clock, is checked of every segment
// by peer.ts. The peer's clock shows 5000 at the script's time 0 unless a script says so.

import { script } from "./script.js";
import type { Socket } from "./socket.js";
import type { Stage } from "./stage.js";

const BASE = 5000;

function connected(t: Stage, base = BASE): Socket {
  return t.connected({ mss: 1012, timestamps: base });
}

/** Sends a segment with an own TSval. */
function sendAt(t: Stage, value: number, spec: Parameters<Stage["peer"]["send"]>[0]): void {
  t.peer.send({ ...spec, timestamps: { value: value >>> 0, echo: t.peer.deviceTsval } });
}

/** Days in which nothing happens: the clock is looked at once a day. */
function idleDays(t: Stage, days: number): void {
  for (let day = 0; day < days; day++) t.after(24 * 3600 * 1000);
}

script("RFC 7323 3.2: a SYN's TSval is the first that is echoed", (t) => {
  const socket = connected(t);
  const synAt = BASE + t.timeMs;
  t.after(50);
  socket.write(10);
  t.expect({ flags: "PA", seq: 1, ack: 1, len: 10, timestamps: { echo: synAt } });
  t.peer.send({ flags: "A", seq: 1, ack: 11 });
});

script("RFC 7323 3.2: a reset carries no timestamps, though agreed", (t) => {
  const socket = connected(t);
  socket.abort();
  t.expect({ flags: "RA", seq: 1, ack: 1, timestamps: "none" });
});

script("RFC 7323 3.2: a segment without the timestamps that were agreed on is dropped in silence", (t) => {
  const socket = connected(t);
  t.peer.send({ flags: "PA", seq: 1, ack: 1, len: 10, timestamps: "none" });
  t.expectNothing();
  t.counter("TCP_NO_TIMESTAMP").increased();
  socket.expectEvents();
  socket.expectNothingToRead();
});

script("RFC 7323 3.2: a reset without timestamps is taken", (t) => {
  const socket = connected(t);
  t.peer.send({ flags: "R", seq: 1, timestamps: "none" });
  t.counter("TCP_RESETS_IN").increased();
  socket.expectEvents("FAILED");
});

script("RFC 7323 4.3: a delayed ACK echoes the segment that it was delayed for first", (t) => {
  connected(t);
  t.after(100);
  t.peer.send({ flags: "A", seq: 1, ack: 1, len: 10 });
  const first = BASE + t.timeMs;
  t.after(10);
  t.peer.send({ flags: "A", seq: 11, ack: 1, len: 10 });
  t.expectBetween(t.timeMs, t.timeMs + 30, { flags: "A", seq: 1, ack: 21, timestamps: { echo: first } });
});

script("RFC 7323 4.3: a segment behind a hole is not echoed; the one that fills the hole is", (t) => {
  connected(t);
  t.after(100);
  t.peer.send({ flags: "A", seq: 1, ack: 1, len: 10 });
  const inOrder = BASE + t.timeMs;
  t.expectBetween(t.timeMs, t.timeMs + 40, { flags: "A", seq: 1, ack: 11, timestamps: { echo: inOrder } });
  t.after(100);
  t.peer.send({ flags: "A", seq: 21, ack: 1, len: 10 });
  t.expect({ flags: "A", seq: 1, ack: 11, timestamps: { echo: inOrder } });
  t.after(100);
  t.peer.send({ flags: "A", seq: 11, ack: 1, len: 10 });
  t.expect({ flags: "A", seq: 1, ack: 31, timestamps: { echo: BASE + t.timeMs } });
});

script(
  "RFC 7323 4.3: a retransmission that fills the hole with an older clock does not turn the echo back",
  (t) => {
    connected(t);
    t.after(100);
    t.peer.send({ flags: "A", seq: 1, ack: 1, len: 10 });
    const newest = BASE + t.timeMs;
    t.expectBetween(t.timeMs, t.timeMs + 40, { flags: "A", seq: 1, ack: 11, timestamps: { echo: newest } });
    sendAt(t, newest, { flags: "A", seq: 11, ack: 1, len: 10 });
    t.expectBetween(t.timeMs, t.timeMs + 40, { flags: "A", seq: 1, ack: 21, timestamps: { echo: newest } });
  },
);

script("RFC 7323 5.3 R1: a segment with an older timestamp is dropped and answered with an ACK", (t) => {
  const socket = connected(t);
  t.after(100);
  t.peer.send({ flags: "PA", seq: 1, ack: 1, len: 10 });
  const recent = BASE + t.timeMs;
  t.expectBetween(t.timeMs, t.timeMs + 40, { flags: "A", seq: 1, ack: 11 });
  socket.expectEvents("READABLE");
  socket.read(10);
  sendAt(t, recent - 1, { flags: "PA", seq: 11, ack: 1, len: 10 });
  t.expect({ flags: "A", seq: 1, ack: 11, timestamps: { echo: recent } });
  t.counter("TCP_PAWS").increased();
  socket.expectNothingToRead();
  // The same timestamp is not older.
  sendAt(t, recent, { flags: "PA", seq: 11, ack: 1, len: 10 });
  socket.read(10);
  t.expectBetween(t.timeMs, t.timeMs + 40, { flags: "A", seq: 1, ack: 21, timestamps: { echo: recent } });
});

script("RFC 7323 5.3 R1: an old acknowledgment that PAWS drops acknowledges nothing", (t) => {
  const socket = connected(t);
  t.after(100);
  t.peer.send({ flags: "A", seq: 1, ack: 1, len: 1 });
  const recent = BASE + t.timeMs;
  t.expectBetween(t.timeMs, t.timeMs + 40, { flags: "A", seq: 1, ack: 2 });
  socket.write(10);
  t.expect({ flags: "PA", seq: 1, ack: 2, len: 10 });
  sendAt(t, recent - 1, { flags: "A", seq: 2, ack: 11 });
  t.countersMayMove("TCP_PAWS", "TCP_CHALLENGE_LIMITED");
  if (t.frames > 0) t.expect({ flags: "A", seq: 11, ack: 2 });
  socket.expectInfo({ sendQueued: 10 });
  t.peer.send({ flags: "A", seq: 2, ack: 11 });
  socket.expectInfo({ sendQueued: 0 });
});

script("RFC 7323 5.3 R1: a reset is not subject to PAWS", (t) => {
  const socket = connected(t);
  sendAt(t, BASE - 4000, { flags: "R", seq: 1 });
  t.counter("TCP_RESETS_IN").increased();
  socket.expectEvents("FAILED");
});

script("RFC 7323 5.3: timestamps are compared in their own circle: the peer's clock may wrap", (t) => {
  const socket = connected(t, 0xffffffff - 150);
  t.after(100);
  t.peer.send({ flags: "PA", seq: 1, ack: 1, len: 10 });
  t.expectBetween(t.timeMs, t.timeMs + 40, {
    flags: "A",
    seq: 1,
    ack: 11,
    timestamps: { echo: t.peer.tsval },
  });
  t.at(400);
  t.peer.send({ flags: "PA", seq: 11, ack: 1, len: 10 });
  const wrapped = t.peer.tsval;
  if (wrapped > 1000) t.fail(`the peer's clock is at ${wrapped}: it did not wrap`);
  t.expectBetween(t.timeMs, t.timeMs + 40, { flags: "A", seq: 1, ack: 21, timestamps: { echo: wrapped } });
  sendAt(t, 0xfffffff0, { flags: "PA", seq: 21, ack: 1, len: 10 });
  t.expect({ flags: "A", seq: 1, ack: 21, timestamps: { echo: wrapped } });
  t.counter("TCP_PAWS").increased();
  socket.read(20);
});

script("RFC 7323 5.5: after 24 days without traffic an older timestamp is no sign of an old segment", (t) => {
  const socket = connected(t);
  idleDays(t, 25);
  sendAt(t, BASE, { flags: "PA", seq: 1, ack: 1, len: 10 });
  socket.read(10);
  t.expectBetween(t.timeMs, t.timeMs + 40, { flags: "A", seq: 1, ack: 11, timestamps: { echo: BASE } });
});

script("RFC 7323 5.5: after 23 days without traffic an older timestamp still is", (t) => {
  const socket = connected(t);
  idleDays(t, 23);
  sendAt(t, BASE - 1, { flags: "PA", seq: 1, ack: 1, len: 10 });
  t.expect({ flags: "A", seq: 1, ack: 1 });
  t.counter("TCP_PAWS").increased();
  socket.expectNothingToRead();
});

script("RFC 7323 5.3: PAWS comes before the window: an old duplicate is counted as old", (t) => {
  connected(t);
  t.after(1000);
  t.peer.send({ flags: "A", seq: 1, ack: 1, len: 100 });
  t.expectBetween(t.timeMs, t.timeMs + 40, { flags: "A", seq: 1, ack: 101 });
  sendAt(t, BASE, { flags: "A", seq: 50, ack: 1, len: 100 });
  t.expect({ flags: "A", seq: 1, ack: 101 });
  t.counter("TCP_PAWS").increased();
});

script("RFC 7323 4.3: a segment outside the window does not set the echo", (t) => {
  connected(t);
  t.after(100);
  const before = BASE + t.timeMs;
  t.peer.send({ flags: "A", seq: 1, ack: 1, len: 10 });
  t.expectBetween(t.timeMs, t.timeMs + 40, { flags: "A", seq: 1, ack: 11 });
  t.after(100);
  t.peer.send({ flags: "A", seq: 20000, ack: 1, len: 10 });
  t.expect({ flags: "A", seq: 1, ack: 11, timestamps: { echo: before } });
  t.counter("TCP_OUTSIDE_WINDOW").increased();
});

script("RFC 7323 4.1: the echo tells the round trip, also of data that was sent again", (t) => {
  const socket = connected(t);
  // One round trip of 100 ms: the RTO is 300.
  socket.expectInfo({ rttMs: 100, rttVarMs: 50, rtoMs: 300 });
  socket.write(10);
  t.expect({ flags: "PA", seq: 1, ack: 1, len: 10 });
  t.expectAt(t.timeMs + 300, { flags: "PA", seq: 1, ack: 1, len: 10 });
  t.after(100);
  t.peer.send({ flags: "A", seq: 1, ack: 11 });
  // R' 100: RTTVAR 3/4 * 50 + 1/4 * 0, SRTT 100 (RFC 6298 2.3).
  socket.expectInfo({ rttMs: 100, rttVarMs: 37.5, rtoMs: 250, backoff: 0 });
});

script(
  "RFC 7323 4.1: the echo of the first transmission after a spurious time-out is a long round trip",
  (t) => {
    const socket = connected(t);
    socket.write(10);
    t.expect({ flags: "PA", seq: 1, ack: 1, len: 10 });
    const echo = t.peer.deviceTsval;
    t.expectAt(t.timeMs + 300, { flags: "PA", seq: 1, ack: 1, len: 10 });
    t.after(200);
    t.peer.send({ flags: "A", seq: 1, ack: 11, timestamps: { value: t.peer.tsval, echo } });
    // R' 500: RTTVAR 3/4 * 50 + 1/4 * 400 = 137.5, SRTT 7/8 * 100 + 1/8 * 500 = 150.
    socket.expectInfo({ rttMs: 150, rttVarMs: 137.5 });
  },
);

script("RFC 7323 4.1: an ACK that acknowledges nothing new is no sample", (t) => {
  const socket = connected(t);
  t.after(5000);
  t.peer.send({ flags: "A", seq: 1, ack: 1 });
  t.peer.send({ flags: "A", seq: 1, ack: 1, window: 60000 });
  socket.expectInfo({ rttMs: 100, rttVarMs: 50 });
});

script("RFC 7323 4.1: an echo of the future is no sample", (t) => {
  const socket = connected(t);
  socket.write(10);
  t.expect({ flags: "PA", seq: 1, ack: 1, len: 10 });
  t.after(100);
  const echo = (t.peer.deviceTsval + 100000) >>> 0;
  t.peer.send({ flags: "A", seq: 1, ack: 11, timestamps: { value: t.peer.tsval, echo } });
  socket.expectInfo({ sendQueued: 0 });
  if (socket.info.rttMs > 150) t.fail(`SRTT ${socket.info.rttMs}: a negative round trip was taken`);
});

for (const [what, clock] of [
  ["during the handshake", 2 ** 32 - 50],
  ["in the middle of a round trip", 2 ** 32 - 150],
] as const)
  script(`RFC 7323 4.1: the core's clock wraps ${what}, and the round trip is right`, { clock }, (t) => {
    const socket = connected(t);
    socket.expectInfo({ rttMs: 100 });
    socket.write(10);
    t.expect({ flags: "PA", seq: 1, ack: 1, len: 10 });
    t.after(100);
    t.peer.send({ flags: "A", seq: 1, ack: 11 });
    socket.expectInfo({ rttMs: 100, rttVarMs: 37.5 });
  });

script("RFC 7323 4.1: a passive open takes its first round trip from the echo, too", (t) => {
  const socket = t.accepted({ timestamps: BASE, rttMs: 80 });
  socket.expectInfo({ rttMs: 80, rttVarMs: 40, rtoMs: 240 });
});

script("RFC 7323 5.4: TSval does not begin at 0, and differs from one peer to the next", (t) => {
  t.listen(80);
  const values = [t.peer, t.newPeer({ devicePort: 80, port: 40001 })].map((peer) => {
    peer.timestampBase = BASE;
    peer.send({ flags: "S", seq: 0, mss: 1460 });
    peer.expect({ flags: "SA", seq: 0, ack: 1, timestamps: { echo: BASE } });
    return peer.deviceTsval;
  });
  if (values[0] === values[1]) t.fail("two connections have the same TSval");
  if (values.some((value) => value < 1000)) t.fail(`TSvals ${values}: they tell the time since boot`);
});

script(
  "RFC 7323 5: PAWS in SYN-RECEIVED: an ACK with an older timestamp does not complete the handshake",
  (t) => {
    const listener = t.listen(80);
    t.peer.timestampBase = BASE;
    t.peer.send({ flags: "S", seq: 0, mss: 1460 });
    t.expect({ flags: "SA", seq: 0, ack: 1 });
    sendAt(t, BASE - 1, { flags: "A", seq: 1, ack: 1 });
    t.countersMayMove("TCP_PAWS", "TCP_CHALLENGE_LIMITED");
    while (t.frames > 0) t.next("tcp");
    listener.expectNoneToAccept();
    t.after(1);
    t.peer.send({ flags: "A", seq: 1, ack: 1 });
    listener.accept();
  },
);

// RFC 6191: a new SYN in TIME-WAIT.

/** A connection that the device ended first: it is in TIME-WAIT, both streams at 2. */
function timeWait(t: Stage, timestamps?: number): void {
  const socket = t.accepted(timestamps === undefined ? {} : { timestamps });
  socket.close();
  t.expect({ flags: "FA", seq: 1, ack: 1 });
  t.peer.send({ flags: "FA", seq: 1, ack: 2 });
  t.expect({ flags: "A", seq: 2, ack: 2 });
  t.expectRecords({ timeWaitEntries: 1 });
}

script(
  "RFC 6191 2: a SYN with a newer timestamp opens a new connection, whatever its sequence number",
  (t) => {
    timeWait(t, BASE);
    const isn = t.peer.deviceIsn ?? 0;
    t.after(100);
    t.peer.send({ flags: "S", seq: -50000, mss: 1460 });
    const { tcp } = t.next("tcp");
    if (tcp.flags !== 18) t.fail("the answer is no SYN-ACK");
    if (((tcp.seq - isn - 2) | 0) <= 0)
      t.fail("the new initial sequence number is not beyond the old connection");
    t.expectRecords({ synEntries: 1 });
  },
);

for (const [what, back] of [
  ["the same", 0],
  ["an older", 1],
] as const)
  script(
    `RFC 6191 2: a SYN with ${what} timestamp and an older sequence number is answered with an ACK`,
    (t) => {
      timeWait(t, BASE);
      const last = BASE + t.timeMs;
      t.after(50);
      sendAt(t, last - back, { flags: "S", seq: -50000, mss: 1460 });
      t.expect({ flags: "A", seq: 2, ack: 2 });
      t.countersMayMove("TCP_PAWS", "TCP_SYN_CHALLENGED", "TCP_OUTSIDE_WINDOW");
      t.expectRecords({ timeWaitEntries: 1 });
    },
  );

script(
  "RFC 6191 2: without timestamps a SYN beyond RCV.NXT opens a new connection, one before it gets an ACK",
  (t) => {
    timeWait(t);
    t.after(50);
    t.peer.send({ flags: "S", seq: 1, mss: 1460 });
    t.expect({ flags: "A", seq: 2, ack: 2 });
    t.countersMayMove("TCP_SYN_CHALLENGED", "TCP_OUTSIDE_WINDOW");
    t.expectRecords({ timeWaitEntries: 1 });
    t.peer.send({ flags: "S", seq: 50000, mss: 1460 });
    const { tcp } = t.next("tcp");
    if (tcp.flags !== 18) t.fail("the answer is no SYN-ACK");
    t.expectRecords({ synEntries: 1 });
  },
);

script(
  "RFC 7323 appendix A: timestamps behind two octets of padding are read, and what follows them",
  (t) => {
    const socket = connected(t);
    const echo = t.peer.deviceTsval ?? 0;
    const word = (value: number) => [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255];
    const value = BASE + 177;
    const padded = [1, 1, 8, 10, ...word(value), ...word(echo)];
    t.peer.send({ flags: "PA", seq: 1, ack: 1, len: 10, options: Uint8Array.from(padded) });
    t.expectAt(t.timeMs + 40, { flags: "A", seq: 1, ack: 11, timestamps: { echo: value } });
    // A length that lies behind them is found.
    t.peer.send({ flags: "PA", seq: 11, ack: 1, len: 10, options: Uint8Array.from([...padded, 5, 9, 0, 0]) });
    t.counter("TCP_BAD_OPTION").increased();
    t.expectAt(t.timeMs + 40, { flags: "A", seq: 1, ack: 21, timestamps: { echo: value } });
    socket.read(20);
  },
);
