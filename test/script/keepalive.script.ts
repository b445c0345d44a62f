// Keepalives (RFC 9293 section 3.8.4), the user timeout (3.8.3, RFC 5482), and probes (RFC 6429).

import { script } from "./script.js";

const PROBE = { flags: "A", seq: 0, ack: 1 } as const;

script("RFC 9293 3.8.4: keepalives are off by default", (t) => {
  const socket = t.connected();
  socket.expectOption("KEEPALIVE_MS", 0);
  t.after(24 * 3600 * 1000);
  socket.expectState("ESTABLISHED");
});

script(
  "RFC 9293 3.8.4: an idle connection is probed with an old sequence number and no data, and answered ones go on",
  (t) => {
    const socket = t.connected();
    socket.set("KEEPALIVE_MS", 10000);
    const start = t.timeMs;
    for (let probe = 1; probe <= 3; probe++) {
      t.expectBetween(start + 9900, start + 30300, PROBE);
      t.after(10);
      t.peer.send({ flags: "A", seq: 1, ack: 1 });
    }
    t.counter("TCP_KEEPALIVES").increased(3);
    socket.expectState("ESTABLISHED");
  },
);

script("RFC 9293 3.8.4: the interval counts from the last segment heard", (t) => {
  const socket = t.connected();
  socket.set("KEEPALIVE_MS", 10000);
  t.after(9000);
  t.peer.send({ flags: "A", seq: 1, ack: 1, len: 1 });
  t.expectBetween(t.timeMs, t.timeMs + 40, { flags: "A", seq: 1, ack: 2 });
  socket.read(1);
  t.expectBetween(18999, 19200, { flags: "A", seq: 0, ack: 2 });
  t.counter("TCP_KEEPALIVES").increased();
});

script(
  "RFC 9293 3.8.4: unanswered keepalives repeat, and end the connection",
  { config: { dataRetries: 3 } },
  (t) => {
    const socket = t.connected();
    socket.set("KEEPALIVE_MS", 10000);
    t.expectBetween(t.timeMs + 10000, t.timeMs + 10000, PROBE);
    // The RTO is 300 ms, and doubles with each.
    for (const waitMs of [600, 1200]) t.expectAt(t.timeMs + waitMs, PROBE);
    t.after(2399);
    socket.expectEvents();
    t.after(1);
    socket.expectEvents("FAILED");
    socket.expectError("TIMED_OUT");
    t.counter("TCP_KEEPALIVES").increased(3);
    t.counter("TCP_GIVEN_UP").increased();
  },
);

script("RFC 9293 3.8.4: a keepalive that is answered by a reset ends the connection", (t) => {
  const socket = t.connected();
  socket.set("KEEPALIVE_MS", 1000);
  t.expectBetween(t.timeMs + 1000, t.timeMs + 1000, PROBE);
  t.peer.send({ flags: "R", seq: 1 });
  socket.expectError("CONNECTION_RESET");
  t.counter("TCP_RESETS_IN").increased();
  t.counter("TCP_KEEPALIVES").increased();
});

script("RFC 9293 3.8.4: while data is unacknowledged its retransmissions are probe enough", (t) => {
  const socket = t.connected();
  socket.set("KEEPALIVE_MS", 500);
  const start = t.timeMs;
  socket.write(10);
  t.expect({ flags: "PA", seq: 1, ack: 1, len: 10 });
  for (const timeMs of [300, 900, 2100]) t.expectAt(start + timeMs, { flags: "PA", seq: 1, ack: 1, len: 10 });
  t.counter("TCP_KEEPALIVES").unchanged();
  t.peer.send({ flags: "A", seq: 1, ack: 11 });
  t.expectBetween(t.timeMs + 500, t.timeMs + 500, { flags: "A", seq: 10, ack: 1 });
  t.counter("TCP_KEEPALIVES").increased();
});

script("RFC 9293 3.8.4: a connection whose keepalives were turned off is left alone", (t) => {
  const socket = t.connected();
  socket.set("KEEPALIVE_MS", 1000);
  t.after(500);
  socket.set("KEEPALIVE_MS", 0);
  t.after(3600000);
  socket.expectState("ESTABLISHED");
});

script("RFC 9293 3.8.4: the answer to a keepalive of the peer is an ACK", (t) => {
  const socket = t.connected();
  t.peer.send({ flags: "A", seq: 0, ack: 1 });
  t.expect({ flags: "A", seq: 1, ack: 1 });
  t.peer.send({ flags: "A", seq: 0, ack: 1, data: "x" });
  t.expect({ flags: "A", seq: 1, ack: 1 });
  t.counter("TCP_OUTSIDE_WINDOW").increased(2);
  socket.expectState("ESTABLISHED");
});

for (const [what, clock] of [
  ["", 0],
  [", across the clock's wrap", 2 ** 32 - 5100],
] as const)
  script(`RFC 9293 3.8.4: a keepalive comes exactly when it is due${what}`, { clock }, (t) => {
    const socket = t.connected();
    socket.set("KEEPALIVE_MS", 10000);
    t.expectAt(t.timeMs + 10000, PROBE);
    t.peer.send({ flags: "A", seq: 1, ack: 1 });
    t.counter("TCP_KEEPALIVES").increased();
  });

// User timeout.

for (const [what, clock] of [
  ["", 0],
  [", across the clock's wrap", 2 ** 32 - 3000],
] as const)
  script(
    `RFC 5482 2: data that stays unacknowledged for the user timeout ends the connection${what}`,
    { clock },
    (t) => {
      const socket = t.connected();
      socket.set("USER_TIMEOUT_MS", 5000);
      const start = t.timeMs;
      socket.write(10);
      t.expect({ flags: "PA", seq: 1, ack: 1, len: 10 });
      for (const timeMs of [300, 900, 2100, 4500])
        t.expectAt(start + timeMs, { flags: "PA", seq: 1, ack: 1, len: 10 });
      // It counts from the segment that first timed out, which may be that of 0 or of 300 ms.
      t.takeRepeats(start + 4999, { flags: "PA", seq: 1, ack: 1, len: 10 });
      socket.expectEvents();
      t.takeRepeats(start + 10000, { flags: "PA", seq: 1, ack: 1, len: 10 });
      socket.expectEvents("FAILED");
      socket.expectError("TIMED_OUT");
      t.counter("TCP_USER_TIMEOUTS").increased();
      t.countersMayMove("TCP_GIVEN_UP");
    },
  );

script("RFC 5482 2: progress starts the user timeout anew", (t) => {
  const socket = t.connected({ mss: 1000 });
  socket.set("USER_TIMEOUT_MS", 2000);
  socket.write(2000);
  t.expect({ flags: "A", seq: 1, ack: 1, len: 1000 });
  t.expect({ flags: "PA", seq: 1001, ack: 1, len: 1000 });
  t.takeRepeats(t.timeMs + 1500, { flags: "A", seq: 1, ack: 1, len: 1000 });
  t.peer.send({ flags: "A", seq: 1, ack: 1001 });
  t.takeRepeats(t.timeMs + 1500, { flags: "PA", seq: 1001, ack: 1, len: 1000 });
  socket.expectState("ESTABLISHED");
  t.peer.send({ flags: "A", seq: 1, ack: 2001 });
  t.after(100000);
  socket.expectState("ESTABLISHED");
});

script("RFC 5482 2: an idle connection has no user timeout", (t) => {
  const socket = t.connected();
  socket.set("USER_TIMEOUT_MS", 1000);
  t.after(3600000);
  socket.expectState("ESTABLISHED");
});

// Probes.

script(
  "RFC 6429 4: a window that stays shut ends no connection while probes are answered",
  { config: { dataRetries: 2 } },
  (t) => {
    const socket = t.connected();
    t.peer.send({ flags: "A", seq: 1, ack: 1, window: 0 });
    socket.write(10);
    let probes = 0;
    for (const end = t.timeMs + 3600000; t.timeMs < end; ) {
      t.expectBetween(t.timeMs, t.timeMs + 60000, { flags: "A", seq: 1, ack: 1, len: 1 });
      probes++;
      t.after(1);
      t.peer.send({ flags: "A", seq: 1, ack: 1, window: 0 });
    }
    socket.expectState("ESTABLISHED");
    t.counter("TCP_PROBES").increased(probes);
    socket.abort();
    t.expect({ flags: "RA", seq: 1, ack: 1 });
  },
);

script("RFC 6429 4: the application may abort a connection whose window stays shut", (t) => {
  const socket = t.connected();
  t.peer.send({ flags: "A", seq: 1, ack: 1, window: 0 });
  socket.write(10);
  t.expectNothing();
  socket.abort();
  t.expect({ flags: "RA", seq: 1, ack: 1 });
  t.expectRecords({});
  t.after(600000);
});

script(
  "RFC 9293 3.8.6.1: probes that nobody answers end the connection",
  { config: { dataRetries: 3 } },
  (t) => {
    const socket = t.connected();
    t.peer.send({ flags: "A", seq: 1, ack: 1, window: 0 });
    socket.write(10);
    for (let probe = 0; probe < 20 && socket.state === "ESTABLISHED"; probe++) {
      t.waitBetween(t.timeMs, t.timeMs + 120000);
      if (t.frames === 0) break;
      t.next("tcp");
    }
    socket.expectError("TIMED_OUT");
    t.counter("TCP_GIVEN_UP").increased();
  },
);
