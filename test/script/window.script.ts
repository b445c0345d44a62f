import { script } from "./script.js";

script("RFC 9293 3.8.6.1: a closed window is probed in doubled intervals until it opens", (t) => {
  const socket = t.connected({ window: 500, rttMs: 100 });
  socket.write(800);
  t.expect({ flags: "A", seq: 1, ack: 1, len: 500 });
  t.peer.send({ flags: "A", seq: 1, ack: 501, window: 0 });
  t.expectNothing();
  // The round-trip time is at most 100 ms: the first probe leaves one RTO after the window closed.
  let intervalMs = 0;
  for (let probe = 1; probe <= 5; probe++) {
    const before = t.timeMs;
    t.expectBetween(before + 200, before + 100000, { flags: "A", seq: 501, ack: 1, len: 1 });
    if (probe > 1 && t.timeMs - before !== 2 * intervalMs)
      t.fail(`probe ${probe} after ${t.timeMs - before} ms, should be ${2 * intervalMs}`);
    intervalMs = t.timeMs - before;
    t.peer.send({ flags: "A", seq: 1, ack: 501, window: 0 });
  }
  t.counter("TCP_PROBES").increased(5);
  socket.expectState("ESTABLISHED");
  t.peer.send({ flags: "A", seq: 1, ack: 501, window: 1000 });
  t.expect({ flags: "PA", seq: 501, ack: 1, len: 300 });
  t.peer.send({ flags: "A", seq: 1, ack: 801, window: 1000 });
  t.after(60000);
});

script("RFC 9293 3.8.6.1: a probe that the peer takes goes on from there", (t) => {
  const socket = t.connected({ window: 500 });
  socket.write(800);
  t.expect({ flags: "A", seq: 1, ack: 1, len: 500 });
  t.peer.send({ flags: "A", seq: 1, ack: 501, window: 0 });
  t.expectBetween(t.timeMs + 200, t.timeMs + 1000, { flags: "A", seq: 501, ack: 1, len: 1 });
  t.peer.send({ flags: "A", seq: 1, ack: 502, window: 1000 });
  t.expect({ flags: "PA", seq: 502, ack: 1, len: 299 });
  t.peer.send({ flags: "A", seq: 1, ack: 801, window: 1000 });
  t.after(60000);
});

script(
  "RFC 9293 3.8.6.2.2: our window closes with unread data, and opens by a worthwhile step only",
  { config: { receiveRingBytes: 2048 } },
  (t) => {
    const socket = t.connected();
    t.peer.send({ flags: "A", seq: 1, ack: 1, len: 1024 });
    t.peer.send({ flags: "A", seq: 1025, ack: 1, len: 1024 });
    t.expect({ flags: "A", seq: 1, ack: 2049, window: 0 });
    socket.read(100);
    t.expectNothing();
    socket.read(923);
    t.expectNothing();
    socket.read(1);
    t.expect({ flags: "A", seq: 1, ack: 2049, window: 1024 });
    t.peer.send({ flags: "A", seq: 2049, ack: 1, len: 1024 });
    socket.read(2048);
    t.expectBetween(t.timeMs, t.timeMs + 40, { flags: "A", seq: 1, ack: 3073, window: 2048 });
    t.after(60000);
  },
);

script(
  "RFC 9293 3.10.7.4: a probe of our closed window is acknowledged, and its data dropped",
  { config: { receiveRingBytes: 2048 } },
  (t) => {
    const socket = t.connected();
    t.peer.send({ flags: "A", seq: 1, ack: 1, len: 1024 });
    t.peer.send({ flags: "A", seq: 1025, ack: 1, len: 1024 });
    t.expect({ flags: "A", seq: 1, ack: 2049, window: 0 });
    t.peer.send({ flags: "A", seq: 2049, ack: 1, len: 1 });
    t.expect({ flags: "A", seq: 1, ack: 2049, window: 0 });
    t.counter("TCP_OUTSIDE_WINDOW").increased();
    socket.read(2048);
    t.expect({ flags: "A", seq: 1, ack: 2049, window: 2048 });
    socket.expectNothingToRead();
  },
);

script("RFC 9293 3.8.6: data beyond our window is not taken", { config: { receiveRingBytes: 2048 } }, (t) => {
  const socket = t.connected();
  t.peer.send({ flags: "A", seq: 1, ack: 1, len: 1024 });
  t.peer.send({ flags: "A", seq: 1025, ack: 1, len: 1460 });
  t.expect({ flags: "A", seq: 1, ack: 2049, window: 0 });
  t.counter("TCP_OUTSIDE_WINDOW").increased();
  socket.read(2048);
  t.expect({ flags: "A", seq: 1, ack: 2049, window: 2048 });
  socket.expectNothingToRead();
});

script("RFC 9293 3.10.7.4: an older segment that fills a hole does not update the window (SND.WL1)", (t) => {
  const socket = t.connected({ window: 100 });
  t.peer.send({ flags: "A", seq: 11, ack: 1, len: 10, window: 50 });
  t.expect({ flags: "A", seq: 1, ack: 1 });
  // This one was sent first and comes late.
  t.peer.send({ flags: "A", seq: 1, ack: 1, len: 10, window: 100 });
  t.expect({ flags: "A", seq: 1, ack: 21 });
  socket.read(20);
  socket.write(60);
  t.expect({ flags: "A", seq: 1, ack: 21, len: 50 });
  t.peer.send({ flags: "A", seq: 21, ack: 51, window: 50 });
  t.expect({ flags: "PA", seq: 51, ack: 21, len: 10 });
  t.peer.send({ flags: "A", seq: 21, ack: 61, window: 50 });
});

script("RFC 9293 3.10.7.4: a segment that was received before does not update the window", (t) => {
  const socket = t.connected({ window: 100 });
  t.peer.send({ flags: "A", seq: 1, ack: 1, len: 10, window: 50 });
  t.expectBetween(t.timeMs, t.timeMs + 40, { flags: "A", seq: 1, ack: 11 });
  // This one was sent first and comes late.
  t.peer.send({ flags: "A", seq: 1, ack: 1, len: 10, window: 100 });
  t.expect({ flags: "A", seq: 1, ack: 11 });
  t.counter("TCP_OUTSIDE_WINDOW").increased();
  socket.read(10);
  socket.write(50);
  t.expect({ flags: "PA", seq: 1, ack: 11, len: 50 });
  socket.write(50);
  t.expectNothing();
  t.peer.send({ flags: "A", seq: 11, ack: 51, window: 50 });
  t.expect({ flags: "PA", seq: 51, ack: 11, len: 50 });
  t.peer.send({ flags: "A", seq: 11, ack: 101, window: 50 });
});

script(
  "RFC 9293 3.10.7.4: a shut window of ours still hears ACKs, and resets",
  { config: { receiveRingBytes: 2048 } },
  (t) => {
    const socket = t.connected();
    socket.write(10);
    t.expect({ flags: "PA", seq: 1, ack: 1, len: 10 });
    t.peer.send({ flags: "A", seq: 1, ack: 1, len: 1024 });
    t.peer.send({ flags: "A", seq: 1025, ack: 1, len: 1024 });
    t.expect({ flags: "A", seq: 11, ack: 2049, window: 0 });
    socket.write(10);
    t.expectNothing();
    t.peer.send({ flags: "A", seq: 2049, ack: 11 });
    t.expect({ flags: "PA", seq: 11, ack: 2049, len: 10 });
    t.peer.send({ flags: "R", seq: 2049 });
    t.counter("TCP_RESETS_IN").increased();
    socket.read(2048);
    socket.expectError("CONNECTION_RESET");
  },
);

script("RFC 9293 3.8.6.2.1: a silly small window is not used before the override time-out", (t) => {
  const socket = t.connected({ mss: 1000, window: 1000, rttMs: 100 });
  socket.write(3000);
  t.expect({ flags: "A", seq: 1, ack: 1, len: 1000 });
  t.after(100);
  t.peer.send({ flags: "A", seq: 1, ack: 1001, window: 100 });
  t.expectNothing();
  t.expectBetween(t.timeMs + 100, t.timeMs + 1000, { flags: "A", seq: 1001, ack: 1, len: 100 });
  // Half of the largest window that there was is not silly.
  t.peer.send({ flags: "A", seq: 1, ack: 1101, window: 500 });
  t.expect({ flags: "A", seq: 1101, ack: 1, len: 500 });
  t.peer.send({ flags: "A", seq: 1, ack: 1601, window: 1000 });
  t.expect({ flags: "A", seq: 1601, ack: 1, len: 1000 });
  t.peer.send({ flags: "A", seq: 1, ack: 2601, window: 1000 });
  t.expect({ flags: "PA", seq: 2601, ack: 1, len: 400 });
  t.peer.send({ flags: "A", seq: 1, ack: 3001, window: 1000 });
});

script(
  "RFC 9293 3.8.6.1: a window that stays shut for a day ends no connection, as long as the peer answers",
  (t) => {
    const socket = t.connected({ window: 0 });
    socket.write(100);
    const day = 86400000;
    while (t.timeMs < day) {
      t.expectBetween(t.timeMs + 200, t.timeMs + 120000, { flags: "A", seq: 1, ack: 1, len: 1 });
      t.peer.send({ flags: "A", seq: 1, ack: 1, window: 0 });
    }
    socket.expectState("ESTABLISHED");
    t.peer.send({ flags: "A", seq: 1, ack: 1, window: 100 });
    t.expect({ flags: "PA", seq: 1, ack: 1, len: 100 });
    t.peer.send({ flags: "A", seq: 1, ack: 101 });
  },
);

script(
  "a window that stays shut after close holds the record no longer than the retransmissions last",
  (t) => {
    const socket = t.connected({ window: 0 });
    socket.write(100);
    socket.close();
    const hour = 3600000;
    while (t.core.header().connectionsUsed > 0 && t.timeMs < hour) {
      t.waitBetween(t.timeMs, t.timeMs + 120000);
      if (t.frames === 0) continue;
      t.expect({ flags: "A", seq: 1, ack: 1, len: 1 });
      t.peer.send({ flags: "A", seq: 1, ack: 1, window: 0 });
    }
    t.counter("TCP_GIVEN_UP").increased();
    t.expectRecords({});
  },
);

script("a receive ring above 65535 bytes announces 65535", { config: { receiveRingBytes: 131072 } }, (t) => {
  t.connect(80);
  t.expect({ flags: "S", seq: 0, window: 65535 });
  t.peer.send({ flags: "SA", seq: 0, ack: 1 });
  t.expect({ flags: "A", seq: 1, ack: 1, window: 65535 });
});

script(
  "RFC 9293 3.10.7.4: after a time-out a bare ACK still stands at SND.NXT, where the peer accepts it",
  (t) => {
    const socket = t.connected({ mss: 1000, rttMs: 100 });
    const start = t.timeMs;
    socket.write(2000);
    t.expect({ flags: "A", seq: 1, ack: 1, len: 1000 });
    t.expect({ flags: "PA", seq: 1001, ack: 1, len: 1000 });
    t.expectAt(start + 300, { flags: "A", seq: 1, ack: 1, len: 1000 });
    // The peer is before RCV.NXT: it has not heard our ACKs either. Two of us would go on like this for ever.
    t.peer.send({ flags: "A", seq: 0, ack: 1 });
    t.expect({ flags: "A", seq: 2001, ack: 1 });
    t.counter("TCP_OUTSIDE_WINDOW").increased();
    t.peer.send({ flags: "A", seq: 1, ack: 2001 });
    t.after(600000);
  },
);

script("RFC 9293 3.8.6.1: a bare ACK stands before a probe that the shut window kept out", (t) => {
  const socket = t.connected({ window: 100, rttMs: 100 });
  socket.write(200);
  t.expectBetween(0, 5000, { flags: "A", seq: 1, ack: 1, len: 100 });
  t.peer.send({ flags: "A", seq: 1, ack: 101, window: 0 });
  t.expectBetween(t.timeMs, t.timeMs + 5000, { flags: "A", seq: 101, ack: 1, len: 1 });
  t.peer.send({ flags: "A", seq: 1, ack: 101, window: 0 });
  t.peer.send({ flags: "A", seq: 0, ack: 101, window: 0 });
  t.expect({ flags: "A", seq: 101, ack: 1 });
  t.counter("TCP_OUTSIDE_WINDOW").increased();
  socket.abort();
  t.expect({ flags: "RA", seq: 101, ack: 1 });
});

script(
  "RFC 9293 3.10.7.4: a window of a segment that was overtaken is not believed, although its data is next",
  (t) => {
    const socket = t.connected({ window: 800 });
    // Sent after the data, with a window that has shrunk since; it overtakes.
    t.peer.send({ flags: "A", seq: 101, ack: 1, window: 500 });
    t.expectNothing();
    t.peer.send({ flags: "A", seq: 1, ack: 1, len: 100, window: 800 });
    socket.read(100);
    socket.write(800);
    t.expect({ flags: "A", seq: 1, ack: 101, len: 500 });
    t.peer.send({ flags: "A", seq: 101, ack: 501, window: 800 });
    t.expect({ flags: "PA", seq: 501, ack: 101, len: 300 });
    t.peer.send({ flags: "A", seq: 101, ack: 801, window: 800 });
    t.after(1000);
  },
);
