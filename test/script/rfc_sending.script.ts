// Requirements of RFC 9293 section 3.8 that no other script shows, by their number in its appendix B.

import { Option } from "../../host/abi.js";
import { script } from "./script.js";
import type { Socket } from "./socket.js";
import { DEVICE, type Stage } from "./stage.js";

function set(t: Stage, socket: Socket, option: number, value: number): void {
  t.call(`setopt(${option}, ${value})`, (core) => core.setOption(socket.handle, option, value));
}

/** Segments of data that are out now, without ACKs of ours in between. */
function takeBurst(t: Stage): number {
  let count = 0;
  for (; t.frames > 0; count++) if (t.next("tcp").tcp.payload.length === 0) t.fail("a segment without data");
  return count;
}

script("RFC 9293 MUST-17: with NO_DELAY small data does not wait, and is held back again without it", (t) => {
  const socket = t.connected();
  set(t, socket, Option.NO_DELAY, 1);
  for (const seq of [1, 11, 21]) {
    socket.write(10);
    t.expect({ flags: "PA", seq, ack: 1, len: 10 });
  }
  set(t, socket, Option.NO_DELAY, 0);
  socket.write(10);
  t.expectNothing();
  t.peer.send({ flags: "A", seq: 1, ack: 31 });
  t.expect({ flags: "PA", seq: 31, ack: 1, len: 10 });
});

const BULK = { config: { sendRingBytes: 131072 } };

script("RFC 9293 MUST-19: slow start adds a segment for each that is acknowledged", BULK, (t) => {
  const socket = t.connected();
  socket.write(60 * 1460);
  if (takeBurst(t) !== 10) t.fail("the initial window is not 10 segments (RFC 6928)");
  for (let acked = 1; acked <= 10; acked++) {
    t.peer.send({ flags: "A", seq: 1, ack: 1 + acked * 1460 });
    const count = takeBurst(t);
    if (count !== 2) t.fail(`an acknowledged segment let ${count} follow, should be 2`);
  }
});

/** The peer acknowledges one more segment. */
function acknowledgeOne(t: Stage, socket: Socket): void {
  const { sndUna, sndMax } = t.core.tcpInfo(socket.handle);
  if ((sndMax - sndUna) >>> 0 < 1460) t.fail("nothing is out");
  t.peer.send({ flags: "A", seq: 1, ack: (sndUna + 1460 - (t.peer.deviceIsn ?? 0)) >>> 0 });
  while (t.frames > 0) t.next("tcp");
}

script(
  "RFC 9293 MUST-19: congestion avoidance adds a segment for each window that is acknowledged",
  BULK,
  (t) => {
    const socket = t.connected();
    socket.write(80 * 1460);
    takeBurst(t);
    // Three duplicates of an acknowledgment: half of the window is the threshold from now on.
    for (let duplicates = 0; duplicates < 3; duplicates++) t.peer.send({ flags: "A", seq: 1, ack: 1 });
    while (t.frames > 0) t.next("tcp");
    t.peer.send({ flags: "A", seq: 1, ack: 1 + 12 * 1460 });
    while (t.frames > 0) t.next("tcp");
    const grown: number[] = [];
    for (let round = 0; round < 12 && grown.length < 4; round++) {
      const { congestionWindow: before, slowStartThreshold } = t.core.tcpInfo(socket.handle);
      for (let acked = 1460; acked <= before; acked += 1460) acknowledgeOne(t, socket);
      const { congestionWindow: after } = t.core.tcpInfo(socket.handle);
      if (before >= slowStartThreshold) grown.push(after - before);
    }
    // RFC 5681 equation (3): somewhat less than a segment, as the window grows meanwhile.
    if (grown.length < 4 || grown.some((bytes) => bytes < 1000 || bytes > 1460))
      t.fail(`rounds took the window ${grown.join(", ")} bytes further`);
    t.counter("TCP_FAST_RETRANSMITS").increased();
  },
);

script(
  "RFC 9293 MUST-19: a time-out leaves one segment in flight, and slow start begins again",
  BULK,
  (t) => {
    const socket = t.connected();
    socket.write(30 * 1460);
    if (takeBurst(t) !== 10) t.fail("the initial window is not 10 segments");
    t.expectBetween(t.timeMs + 200, t.timeMs + 1000, { flags: "A", seq: 1, ack: 1, len: 1460 });
    t.peer.send({ flags: "A", seq: 1, ack: 1461 });
    if (takeBurst(t) !== 2) t.fail("after one acknowledgment there are not two segments");
  },
);

script(
  "RFC 9293 MUST-21: an application sets how long data may stay unacknowledged",
  { config: { dataRetries: 31 } },
  (t) => {
    const socket = t.connected();
    set(t, socket, Option.USER_TIMEOUT_MS, 5000);
    const start = t.timeMs;
    socket.write(10);
    t.expect({ flags: "PA", seq: 1, ack: 1, len: 10 });
    const repeats = t.takeRepeats(start + 60000, { flags: "PA", seq: 1, ack: 1, len: 10 });
    if (repeats < 2 || repeats > 6) t.fail(`sent again ${repeats} times`);
    socket.expectEvents("FAILED");
    socket.expectError("TIMED_OUT");
    t.countersMayMove("TCP_USER_TIMEOUTS", "TCP_GIVEN_UP");
  },
);

script("RFC 9293 SHLD-11: by default data is sent again for more than 100 seconds", (t) => {
  const socket = t.connected();
  socket.write(10);
  t.expect({ flags: "PA", seq: 1, ack: 1, len: 10 });
  const repeats = t.takeRepeats(t.timeMs + 100000, { flags: "PA", seq: 1, ack: 1, len: 10 });
  if (repeats < 3) t.fail(`sent again ${repeats} times`);
  socket.expectEvents();
  socket.expectState("ESTABLISHED");
});

script(
  "RFC 9293 MUST-23: with synRetries 7 a SYN is sent again for more than three minutes",
  { config: { synRetries: 7 } },
  (t) => {
    const socket = t.connect(80);
    t.expect({ flags: "S", seq: 0 });
    t.takeRepeats(180000, { flags: "S", seq: 0 });
    socket.expectState("SYN_SENT");
    t.takeRepeats(400000, { flags: "S", seq: 0 });
    socket.expectEvents("FAILED");
    socket.expectError("TIMED_OUT");
    t.counter("TCP_GIVEN_UP").increased();
  },
);

const KEEPALIVE = { flags: "A", seq: 0, ack: 1 } as const;

script("RFC 9293 MUST-25: an idle connection sends nothing by itself", (t) => {
  const socket = t.connected();
  t.after(10 * 3600 * 1000);
  socket.expectState("ESTABLISHED");
  t.counter("TCP_KEEPALIVES").unchanged();
});

script(
  "RFC 9293 MUST-24, MUST-27: an application turns keepalives on, sets their interval, and turns them off",
  (t) => {
    const socket = t.connected();
    for (const interval of [30000, 7200000]) {
      set(t, socket, Option.KEEPALIVE_MS, interval);
      t.expectBetween(t.timeMs + interval / 2, t.timeMs + interval, KEEPALIVE);
      t.peer.send({ flags: "A", seq: 1, ack: 1 });
      t.counter("TCP_KEEPALIVES").increased();
    }
    set(t, socket, Option.KEEPALIVE_MS, 0);
    t.after(24 * 3600 * 1000);
    t.counter("TCP_KEEPALIVES").unchanged();
  },
);

script("RFC 9293 MUST-26: no keepalive before the interval has passed since the last segment", (t) => {
  const socket = t.connected();
  set(t, socket, Option.KEEPALIVE_MS, 30000);
  t.after(29000);
  t.peer.send({ flags: "A", seq: 1, ack: 1 });
  const heard = t.timeMs;
  t.expectBetween(heard + 30000, heard + 30500, KEEPALIVE);
  t.peer.send({ flags: "A", seq: 1, ack: 1 });
  t.counter("TCP_KEEPALIVES").increased();
});

script(
  "RFC 9293 MUST-26: no keepalive while data is unacknowledged",
  { config: { rtoMinMs: 60000 } },
  (t) => {
    const socket = t.connected();
    set(t, socket, Option.KEEPALIVE_MS, 10000);
    socket.write(10);
    t.expect({ flags: "PA", seq: 1, ack: 1, len: 10 });
    t.after(59000);
    t.counter("TCP_KEEPALIVES").unchanged();
  },
);

script(
  "RFC 9293 MUST-29, SHLD-12: one keepalive that nobody answers ends nothing; they carry no data",
  (t) => {
    const socket = t.connected();
    set(t, socket, Option.KEEPALIVE_MS, 10000);
    t.expectBetween(t.timeMs + 9000, t.timeMs + 10500, KEEPALIVE);
    t.expectBetween(t.timeMs, t.timeMs + 70000, KEEPALIVE);
    t.peer.send({ flags: "A", seq: 1, ack: 1 });
    socket.expectState("ESTABLISHED");
    t.counter("TCP_KEEPALIVES").increased(2);
  },
);

script("RFC 9293 MUST-30, MUST-62: the urgent pointer we send points behind the last urgent octet", (t) => {
  const socket = t.connected();
  t.holdOutput(() => {
    socket.write(10);
    set(t, socket, Option.URGENT, 1);
  });
  t.expect({ flags: "PAU", seq: 1, ack: 1, len: 10, urgent: 10 });
  t.peer.send({ flags: "A", seq: 1, ack: 11 });
  socket.write(10);
  t.expect({ flags: "PA", seq: 11, ack: 1, len: 10 });
});

script("RFC 9293 MUST-31: urgent data may be longer than a segment, both ways", (t) => {
  const socket = t.connected();
  t.holdOutput(() => {
    socket.write(3000);
    set(t, socket, Option.URGENT, 1);
  });
  t.expect({ flags: "AU", seq: 1, ack: 1, len: 1460, urgent: 3000 });
  t.expect({ flags: "AU", seq: 1461, ack: 1, len: 1460, urgent: 1540 });
  t.peer.send({ flags: "A", seq: 1, ack: 2921 });
  t.expect({ flags: "PAU", seq: 2921, ack: 1, len: 80, urgent: 80 });
  t.peer.send({ flags: "A", seq: 1, ack: 3001 });
  t.peer.send({ flags: "AU", seq: 1, ack: 3001, len: 1000, urgent: 2500 });
  t.peer.send({ flags: "AU", seq: 1001, ack: 3001, len: 1000, urgent: 1500 });
  t.peer.send({ flags: "PAU", seq: 2001, ack: 3001, len: 1000, urgent: 500 });
  socket.expectEvents("READABLE", "URGENT");
  socket.read(3000);
  for (let end = t.timeMs + 100; t.timeMs < end; ) {
    while (t.frames > 0) t.next("tcp");
    t.waitBetween(t.timeMs, end);
  }
});

script("RFC 9293 MUST-32, MUST-33: an application learns of urgent data, and how much of it is left", (t) => {
  const socket = t.connected();
  const left = () => t.core.getOption(socket.handle, Option.URGENT);
  t.peer.send({ flags: "PAU", seq: 1, ack: 1, len: 100, urgent: 60 });
  socket.expectEvents("READABLE", "URGENT");
  if (left() !== 60) t.fail(`${left()} bytes up to the end of urgent data, should be 60`);
  socket.read(50);
  if (left() !== 10) t.fail(`${left()} bytes up to the end of urgent data, should be 10`);
  socket.read(50);
  if (left() !== 0) t.fail("there is urgent data left");
  t.expectBetween(t.timeMs, t.timeMs + 500, { flags: "A", seq: 1, ack: 101 });
});

script("RFC 9293 MUST-39: what is read opens the window by nothing before it is a full segment", (t) => {
  const socket = t.connected();
  t.holdOutput(() => {
    for (let seq = 1; seq <= DEVICE.receiveRingBytes; seq += 1024)
      t.peer.send({ flags: "PA", seq, ack: 1, len: 1024 });
  });
  t.expectBetween(t.timeMs, t.timeMs + 500, { flags: "A", seq: 1, ack: 8193, window: 0 });
  for (const [bytes, window] of [
    [1000, 0],
    [459, 0],
    [1, 1460],
  ] as const) {
    socket.read(bytes);
    // A probe, as a sender makes it that does not know of the room.
    t.peer.send({ flags: "A", seq: 8192, ack: 1, len: 1 });
    t.expect({ flags: "A", seq: 1, ack: 8193, window });
    t.counter("TCP_OUTSIDE_WINDOW").increased();
  }
});

script("RFC 9293 SHLD-14: unread data moves our window's edge nowhere", (t) => {
  t.connected();
  // What the handshake promised.
  let edge = 1 + DEVICE.receiveRingBytes;
  for (let seq = 1; seq < 8000; seq += 800) {
    t.peer.send({ flags: "PA", seq, ack: 1, len: 800 });
    t.waitBetween(t.timeMs, t.timeMs + 500);
    const { tcp } = t.next("tcp");
    const next = (tcp.ack - t.peer.isn + tcp.window) >>> 0;
    if (next < edge) t.fail(`the edge went from ${edge} to ${next}`);
    edge = next;
  }
});

script(
  "RFC 9293 MUST-34, SHLD-15, SHLD-16: behind a window that shrank nothing new goes, and the old goes again",
  (t) => {
    const socket = t.connected({ window: 4000 });
    socket.write(8000);
    t.expect({ flags: "A", seq: 1, ack: 1, len: 1460 });
    t.expect({ flags: "A", seq: 1461, ack: 1, len: 1460 });
    // Less than a segment is left of the window, and more than a silly little: RFC 9293 section 3.8.6.2.1 waits.
    t.peer.send({ flags: "A", seq: 1, ack: 1, window: 2000 });
    t.waitBetween(t.timeMs, t.timeMs + 5000);
    const { tcp } = t.next("tcp");
    const seq = (tcp.seq - (t.peer.deviceIsn ?? 0)) >>> 0;
    if (seq !== 1) t.fail(`sent ${seq}, should be the first segment again`);
    t.peer.send({ flags: "A", seq: 1, ack: 2921, window: 4000 });
    for (const next of [2921, 4381]) t.expect({ flags: "A", seq: next, ack: 1, len: 1460 });
  },
);

script(
  "RFC 9293 SHLD-17, MUST-35: data beyond a window that shrank to nothing times out no connection",
  (t) => {
    const socket = t.connected({ window: 4000 });
    socket.write(1000);
    t.expect({ flags: "PA", seq: 1, ack: 1, len: 1000 });
    t.peer.send({ flags: "A", seq: 1, ack: 1, window: 0 });
    // The peer answers each probe, with a window of 0.
    for (let probes = 0; t.timeMs < 3600000; ) {
      t.waitBetween(t.timeMs, t.timeMs + 130000);
      if (t.frames === 0) t.fail("no probe in two minutes");
      t.next("tcp");
      if (++probes > 10000) t.fail("too many probes");
      t.peer.send({ flags: "A", seq: 1, ack: 1, window: 0 });
    }
    socket.expectState("ESTABLISHED");
    t.peer.send({ flags: "A", seq: 1, ack: 1, window: 4000 });
    t.waitBetween(t.timeMs, t.timeMs + 60000);
    t.expect({ flags: "PA", seq: 1, ack: 1, len: 1000 });
  },
);

script("RFC 9293 MUST-58, MUST-59: segments that came together get one ACK", (t) => {
  const socket = t.connected();
  t.holdOutput(() => {
    for (const seq of [1, 101, 201, 301]) t.peer.send({ flags: "PA", seq, ack: 1, len: 100 });
  });
  t.waitBetween(t.timeMs, t.timeMs + 500);
  t.expect({ flags: "A", seq: 1, ack: 401 });
  t.after(500);
  socket.read(400);
});
