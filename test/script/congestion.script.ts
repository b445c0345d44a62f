// Congestion control: RFC 5681, RFC 6582 (NewReno), RFC 3042 (limited transmit), RFC 6928 (initial window).
//
// The peer's MSS is 1000 and its window does not limit, unless a script says so; segments are numbered from 0.

import { script } from "./script.js";
import type { Socket } from "./socket.js";
import type { Handshake, Stage, StageOptions } from "./stage.js";

const LARGE: StageOptions = { config: { connections: 1, sendRingBytes: 65536 } };
const MSS = 1000;

/** Sequence number of a segment. */
function at(segment: number): number {
  return 1 + segment * MSS;
}

function connected(t: Stage, handshake: Handshake = {}): Socket {
  return t.connected({ mss: MSS, ...handshake });
}

/** The device sends these full segments now, of more than it may send. */
function expectSegments(t: Stage, from: number, to: number): void {
  for (let segment = from; segment < to; segment++)
    t.expect({ flags: "A", seq: at(segment), ack: 1, len: MSS });
}

function acknowledge(t: Stage, segment: number, times = 1): void {
  for (let count = 0; count < times; count++) t.peer.send({ flags: "A", seq: 1, ack: at(segment) });
}

/** A connection with ten segments in flight, and more to send. */
function inFlight(t: Stage): Socket {
  const socket = connected(t);
  socket.write(60 * MSS);
  expectSegments(t, 0, 10);
  t.expectNothing();
  return socket;
}

for (const [mss, bytes] of [
  [536, 5360],
  [1000, 10000],
  [1460, 14600],
] as const)
  for (const side of ["connected", "accepted"] as const)
    script(`RFC 6928 2: the initial window is ten segments of ${mss}: ${side}`, LARGE, (t) => {
      const socket = t[side]({ mss });
      socket.expectInfo({ congestionWindow: bytes });
      socket.write(40000);
      for (let seq = 1; seq < 1 + bytes; seq += mss) t.expect({ flags: "A", seq, ack: 1, len: mss });
      t.expectNothing();
    });

script("RFC 5681 3.1: after a lost SYN the initial window is one segment", LARGE, (t) => {
  const socket = t.connect(80);
  t.expect({ flags: "S", seq: 0 });
  t.expectAt(1000, { flags: "S", seq: 0 });
  t.peer.send({ flags: "SA", seq: 0, ack: 1, mss: MSS });
  t.expect({ flags: "A", seq: 1, ack: 1 });
  socket.write(10000);
  expectSegments(t, 0, 1);
  t.expectNothing();
});

script("RFC 5681 3.1: after a lost SYN-ACK the initial window is one segment", LARGE, (t) => {
  const listener = t.listen(80);
  t.peer.send({ flags: "S", seq: 0, mss: MSS });
  t.expect({ flags: "SA", seq: 0, ack: 1 });
  t.expectAt(1000, { flags: "SA", seq: 0, ack: 1 });
  t.peer.send({ flags: "A", seq: 1, ack: 1 });
  const socket = listener.accept();
  socket.write(10000);
  expectSegments(t, 0, 1);
  t.expectNothing();
});

script("RFC 5681 3.1: in slow start each acknowledged segment lets two follow", LARGE, (t) => {
  const socket = inFlight(t);
  for (let segment = 1; segment <= 5; segment++) {
    acknowledge(t, segment);
    expectSegments(t, 8 + 2 * segment, 10 + 2 * segment);
    t.expectNothing();
  }
  socket.expectInfo({ congestionWindow: 15 * MSS });
});

script("RFC 5681 3.1: in slow start an ACK of several segments opens the window by one", LARGE, (t) => {
  const socket = inFlight(t);
  acknowledge(t, 4);
  expectSegments(t, 10, 15);
  t.expectNothing();
  socket.expectInfo({ congestionWindow: 11 * MSS });
});

script(
  "RFC 5681 3.1: in slow start an ACK of less than a segment opens the window by that much",
  LARGE,
  (t) => {
    const socket = inFlight(t);
    t.peer.send({ flags: "A", seq: 1, ack: 1 + 500 });
    socket.expectInfo({ congestionWindow: 10 * MSS + 500 });
    expectSegments(t, 10, 11);
    t.expectNothing();
  },
);

script("RFC 5681 3.1: the peer's window limits where it is the smaller one", LARGE, (t) => {
  const socket = connected(t, { window: 4000 });
  socket.write(20000);
  expectSegments(t, 0, 4);
  t.expectNothing();
  socket.expectInfo({ congestionWindow: 10 * MSS });
});

// Loss.

script("RFC 3042 2: the first two duplicate ACKs each let a new segment follow", LARGE, (t) => {
  const socket = inFlight(t);
  acknowledge(t, 0);
  expectSegments(t, 10, 11);
  acknowledge(t, 0);
  expectSegments(t, 11, 12);
  t.expectNothing();
  socket.expectInfo({ congestionWindow: 10 * MSS, duplicateAcks: 2 });
  t.counter("TCP_FAST_RETRANSMITS").unchanged();
});

script("RFC 3042 2: limited transmit keeps to the peer's window", LARGE, (t) => {
  const socket = connected(t, { window: 5000 });
  socket.write(20000);
  expectSegments(t, 0, 5);
  for (let copy = 0; copy < 2; copy++) t.peer.send({ flags: "A", seq: 1, ack: 1, window: 5000 });
  t.expectNothing();
});

script("RFC 5681 3.2: three duplicate ACKs send the lost segment again and halve the window", LARGE, (t) => {
  const socket = inFlight(t);
  acknowledge(t, 0, 2);
  expectSegments(t, 10, 12);
  acknowledge(t, 0);
  expectSegments(t, 0, 1);
  t.expectNothing();
  t.counter("TCP_FAST_RETRANSMITS").increased();
  // What limited transmit sent does not count: half of ten segments.
  socket.expectInfo({ slowStartThreshold: 5 * MSS });
});

script("RFC 5681 3.2: each further duplicate ACK inflates the window by a segment", LARGE, (t) => {
  inFlight(t);
  acknowledge(t, 0, 2);
  expectSegments(t, 10, 12);
  acknowledge(t, 0);
  expectSegments(t, 0, 1);
  // Twelve are in flight, the window is eight: the fifth further one is the first that lets a segment follow.
  acknowledge(t, 0, 4);
  t.expectNothing();
  t.counter("TCP_FAST_RETRANSMITS").increased();
  acknowledge(t, 0);
  expectSegments(t, 12, 13);
  acknowledge(t, 0);
  expectSegments(t, 13, 14);
  t.expectNothing();
});

script("RFC 6582 3.2: an ACK of all that was out ends fast recovery with half the window", LARGE, (t) => {
  const socket = inFlight(t);
  acknowledge(t, 0, 2);
  expectSegments(t, 10, 12);
  acknowledge(t, 0, 8);
  expectSegments(t, 0, 1);
  expectSegments(t, 12, 15);
  t.after(100);
  // Up to "recover" only: three new ones are still out.
  acknowledge(t, 12);
  const { congestionWindow } = socket.info;
  // Option 1: min(ssthresh, max(FlightSize, SMSS) + SMSS), so that no burst follows.
  if (congestionWindow !== 4 * MSS) t.fail(`the window is ${congestionWindow}, should be 4000`);
  t.counter("TCP_FAST_RETRANSMITS").increased();
  const count = congestionWindow / MSS - 3;
  expectSegments(t, 15, 15 + count);
  t.expectNothing();
});

script(
  "RFC 6582 3.2: a partial ACK sends the next hole again and deflates the window by what it acknowledges",
  LARGE,
  (t) => {
    const socket = inFlight(t);
    acknowledge(t, 0, 2);
    expectSegments(t, 10, 12);
    acknowledge(t, 0);
    expectSegments(t, 0, 1);
    t.after(100);
    // The first and the fifth are lost: 8 - 4 + 1 segments.
    acknowledge(t, 4);
    expectSegments(t, 4, 5);
    t.expectNothing();
    socket.expectInfo({ congestionWindow: 5 * MSS, slowStartThreshold: 5 * MSS });
    t.counter("TCP_FAST_RETRANSMITS").increased();
    t.after(100);
    acknowledge(t, 12);
    t.counter("TCP_TIMEOUTS").unchanged();
    expectSegments(t, 12, 12 + socket.info.congestionWindow / MSS);
  },
);

script(
  "RFC 6582 3.2: every hole of a window is sent again without a time-out, one a round trip",
  LARGE,
  (t) => {
    inFlight(t);
    acknowledge(t, 0, 2);
    expectSegments(t, 10, 12);
    acknowledge(t, 0);
    expectSegments(t, 0, 1);
    for (const hole of [2, 5, 7]) {
      t.after(100);
      acknowledge(t, hole);
      expectSegments(t, hole, hole + 1);
      while (t.frames > 0)
        if (t.next("tcp").tcp.seq - (t.peer.deviceIsn ?? 0) < at(12)) t.fail("sent again twice");
    }
    t.counter("TCP_FAST_RETRANSMITS").increased();
    t.counter("TCP_TIMEOUTS").unchanged();
  },
);

script("RFC 5681 3.2: half of a small flight is at least two segments", LARGE, (t) => {
  const socket = connected(t);
  socket.write(3 * MSS);
  expectSegments(t, 0, 2);
  t.expect({ flags: "PA", seq: at(2), ack: 1, len: MSS });
  acknowledge(t, 0, 3);
  expectSegments(t, 0, 1);
  socket.expectInfo({ slowStartThreshold: 2 * MSS });
  t.counter("TCP_FAST_RETRANSMITS").increased();
  acknowledge(t, 3);
});

script("RFC 6582 3.2: duplicate ACKs below recover after a time-out cause no fast retransmit", LARGE, (t) => {
  const socket = inFlight(t);
  t.expectAt(t.timeMs + 300, { flags: "A", seq: at(0), ack: 1, len: MSS });
  acknowledge(t, 0, 3);
  while (t.frames > 0)
    if (t.next("tcp").tcp.seq - (t.peer.deviceIsn ?? 0) === at(0)) t.fail("sent again by duplicate ACKs");
  t.counter("TCP_FAST_RETRANSMITS").unchanged();
  socket.expectInfo({ slowStartThreshold: 5 * MSS });
});

script("RFC 6582 3.2: beyond recover duplicate ACKs cause a fast retransmit again", LARGE, (t) => {
  const socket = inFlight(t);
  t.expectAt(t.timeMs + 300, { flags: "A", seq: at(0), ack: 1, len: MSS });
  t.after(100);
  acknowledge(t, 10);
  // Slow start from one segment: two now.
  expectSegments(t, 10, 12);
  t.after(100);
  acknowledge(t, 11);
  expectSegments(t, 12, 14);
  acknowledge(t, 11, 2);
  expectSegments(t, 14, 16);
  acknowledge(t, 11);
  expectSegments(t, 11, 12);
  t.counter("TCP_FAST_RETRANSMITS").increased();
  socket.expectInfo({ slowStartThreshold: 2 * MSS });
});

script("RFC 5681 3.1: a time-out leaves one segment, and slow start sends the rest again", LARGE, (t) => {
  const socket = inFlight(t);
  t.expectAt(t.timeMs + 300, { flags: "A", seq: at(0), ack: 1, len: MSS });
  t.expectNothing();
  socket.expectInfo({ congestionWindow: MSS, slowStartThreshold: 5 * MSS });
  t.after(100);
  acknowledge(t, 1);
  expectSegments(t, 1, 3);
  t.expectNothing();
  t.after(100);
  acknowledge(t, 3);
  expectSegments(t, 3, 6);
  t.expectNothing();
  t.after(100);
  // What the peer had kept behind the holes needs no second time.
  acknowledge(t, 10);
  socket.expectInfo({ congestionWindow: 4 * MSS });
  expectSegments(t, 10, 14);
  t.expectNothing();
});

script("RFC 5681 3.1: a second time-out of the same segment leaves ssthresh as it is", LARGE, (t) => {
  const socket = inFlight(t);
  const start = t.timeMs;
  for (const timeMs of [300, 900, 2100])
    t.expectAt(start + timeMs, { flags: "A", seq: at(0), ack: 1, len: MSS });
  socket.expectInfo({ congestionWindow: MSS, slowStartThreshold: 5 * MSS });
});

script("RFC 5681 3.1: beyond ssthresh the window grows by about a segment each round trip", LARGE, (t) => {
  const socket = inFlight(t);
  acknowledge(t, 0, 2);
  expectSegments(t, 10, 12);
  acknowledge(t, 0);
  expectSegments(t, 0, 1);
  t.after(100);
  acknowledge(t, 12);
  let sent = 12;
  for (let acked = 13; acked <= 30; acked++) {
    while (t.frames > 0) t.expect({ flags: "A", seq: at(sent++), ack: 1, len: MSS });
    if (sent < acked) t.fail("the device has stopped");
    t.after(10);
    acknowledge(t, acked);
  }
  // From 5000 at the start: 18 segments are three to four round trips of congestion avoidance.
  const { congestionWindow } = socket.info;
  if (congestionWindow < 6500 || congestionWindow > 9000)
    t.fail(`the window is ${congestionWindow} after 18 segments, should be 6500 to 9000`);
  t.counter("TCP_FAST_RETRANSMITS").increased();
  while (t.frames > 0) t.next("tcp");
});

script("RFC 5681 4.1: after an idle RTO the window is the initial one again", LARGE, (t) => {
  const socket = inFlight(t);
  let sent = 10;
  for (let acked = 1; acked <= 10; acked++) {
    acknowledge(t, acked);
    expectSegments(t, sent, sent + 2);
    sent += 2;
  }
  socket.expectInfo({ congestionWindow: 20 * MSS });
  t.after(50);
  acknowledge(t, sent);
  while (t.frames > 0) {
    t.next("tcp");
    sent++;
  }
  t.peer.send({ flags: "A", seq: 1, ack: at(sent) });
  while (t.frames > 0) {
    t.next("tcp");
    sent++;
  }
  t.peer.send({ flags: "A", seq: 1, ack: at(60) });
  t.after(10000);
  socket.write(40 * MSS);
  expectSegments(t, 60, 70);
  t.expectNothing();
  socket.expectInfo({ congestionWindow: 10 * MSS });
});

script("RFC 5681 2: an ACK with nothing outstanding is no duplicate", LARGE, (t) => {
  const socket = connected(t);
  acknowledge(t, 0, 5);
  socket.expectInfo({ duplicateAcks: 0 });
  socket.write(2 * MSS);
  expectSegments(t, 0, 1);
  t.expect({ flags: "PA", seq: at(1), ack: 1, len: MSS });
  acknowledge(t, 0);
  t.expectNothing();
  t.counter("TCP_FAST_RETRANSMITS").unchanged();
  acknowledge(t, 2);
});

script("RFC 5681 2: a new acknowledgment between them starts the count of duplicates anew", LARGE, (t) => {
  const socket = inFlight(t);
  acknowledge(t, 0, 2);
  expectSegments(t, 10, 12);
  acknowledge(t, 1);
  socket.expectInfo({ duplicateAcks: 0 });
  while (t.frames > 0) t.next("tcp");
  acknowledge(t, 1, 2);
  while (t.frames > 0) t.next("tcp");
  t.counter("TCP_FAST_RETRANSMITS").unchanged();
  acknowledge(t, 1);
  expectSegments(t, 1, 2);
  t.counter("TCP_FAST_RETRANSMITS").increased();
});

script("RFC 5681 3.2: a FIN behind the lost segment hinders no fast retransmit", LARGE, (t) => {
  const socket = connected(t);
  t.holdOutput(() => {
    socket.write(4 * MSS);
    socket.shutdown();
  });
  expectSegments(t, 0, 3);
  t.expect({ flags: "FPA", seq: at(3), ack: 1, len: MSS });
  acknowledge(t, 0, 3);
  expectSegments(t, 0, 1);
  t.counter("TCP_FAST_RETRANSMITS").increased();
  t.peer.send({ flags: "A", seq: 1, ack: at(4) + 1 });
  socket.expectState("FIN_WAIT_2");
});

script(
  "RFC 6582 3.2: the retransmission timer is still there when what fast retransmit sent is lost, too",
  LARGE,
  (t) => {
    const socket = inFlight(t);
    const start = t.timeMs;
    acknowledge(t, 0, 2);
    expectSegments(t, 10, 12);
    acknowledge(t, 0);
    expectSegments(t, 0, 1);
    t.expectBetween(start + 300, start + 300, { flags: "A", seq: at(0), ack: 1, len: MSS });
    socket.expectInfo({ congestionWindow: MSS });
    t.counter("TCP_TIMEOUTS").increased();
    t.counter("TCP_FAST_RETRANSMITS").increased();
  },
);

script("RFC 5681 3.2: half the window counts what is in flight, not what may be", LARGE, (t) => {
  const socket = connected(t);
  socket.write(6 * MSS);
  expectSegments(t, 0, 5);
  t.expect({ flags: "PA", seq: at(5), ack: 1, len: MSS });
  acknowledge(t, 0, 3);
  expectSegments(t, 0, 1);
  socket.expectInfo({ slowStartThreshold: 3 * MSS });
  t.counter("TCP_FAST_RETRANSMITS").increased();
  acknowledge(t, 6);
});

script(
  "RFC 6582 3.2: a partial ACK takes back what it acknowledges of the inflation, but for a segment",
  LARGE,
  (t) => {
    inFlight(t);
    acknowledge(t, 0, 2);
    expectSegments(t, 10, 12);
    // Nine duplicates: 5 + 9 segments may be out.
    acknowledge(t, 0, 7);
    expectSegments(t, 0, 1);
    expectSegments(t, 12, 14);
    t.after(100);
    // 14 - 4 + 1 segments from the fifth on.
    acknowledge(t, 4);
    expectSegments(t, 4, 5);
    expectSegments(t, 14, 15);
    t.expectNothing();
    t.counter("TCP_FAST_RETRANSMITS").increased();
  },
);

script(
  "RFC 5681 3.1: at ssthresh slow start ends: each ACK adds SMSS * SMSS / cwnd (equation 3)",
  LARGE,
  (t) => {
    const socket = inFlight(t);
    acknowledge(t, 0, 2);
    expectSegments(t, 10, 12);
    acknowledge(t, 0);
    expectSegments(t, 0, 1);
    t.after(100);
    acknowledge(t, 12);
    t.counter("TCP_FAST_RETRANSMITS").increased();
    // Recovery leaves less than ssthresh, which is 5000, where little is in flight.
    let acked = 12;
    while (socket.info.congestionWindow < 5 * MSS) {
      if (acked === 20) t.fail("the window does not come to ssthresh");
      acknowledge(t, ++acked);
    }
    socket.expectInfo({ congestionWindow: 5000 });
    for (const congestionWindow of [5200, 5392, 5577]) {
      acknowledge(t, ++acked);
      socket.expectInfo({ congestionWindow });
    }
    while (t.frames > 0) t.next("tcp");
  },
);

script("RFC 5681 4.1: a request that ends the idle time does not bring the old window back", LARGE, (t) => {
  const socket = inFlight(t);
  for (let acked = 1; acked <= 60; acked++) {
    acknowledge(t, acked);
    while (t.frames > 0) t.next("tcp");
  }
  if (socket.info.congestionWindow < 20 * MSS) t.fail("the window did not grow");
  t.after(10000);
  t.peer.send({ flags: "PA", seq: 1, ack: at(60), len: 10 });
  socket.read(10);
  socket.write(40 * MSS);
  for (let segment = 60; segment < 70; segment++)
    t.expect({ flags: "A", seq: at(segment), ack: 11, len: MSS });
  t.expectNothing();
});
