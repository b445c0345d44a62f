// What must not end a connection, and what must: timers that share a field, limits at their edges, neighbours that go.

import { script } from "./script.js";
import type { Socket } from "./socket.js";
import type { Stage } from "./stage.js";

/** A connection for scripts that answer ARP themselves. */
function connectedByHand(t: Stage): Socket {
  const socket = t.connect(80);
  t.next("arp");
  t.arpReply();
  t.expect({ flags: "S", seq: 0 });
  t.after(100);
  t.peer.send({ flags: "SA", seq: 0, ack: 1, mss: 1460 });
  t.expect({ flags: "A", seq: 1, ack: 1 });
  return socket;
}

/** Lets time pass until `timeMs`, whatever the device sends; returns how many segments that were. */
function pass(t: Stage, timeMs: number): number {
  let segments = 0;
  for (;;) {
    while (t.frames > 0) if (t.nextOf("arp", "tcp").kind === "tcp") segments++;
    if (t.timeMs >= timeMs) return segments;
    t.waitBetween(t.timeMs, timeMs);
  }
}

script("RFC 5482 2: a user timeout below the RTO leaves a keepalive the time to be answered", (t) => {
  const socket = t.connected();
  socket.set("USER_TIMEOUT_MS", 250);
  socket.set("KEEPALIVE_MS", 1000);
  for (let round = 0; round < 3; round++) {
    t.expectAt(t.timeMs + 1000, { flags: "A", seq: 0, ack: 1 });
    t.peer.send({ flags: "A", seq: 1, ack: 1 });
  }
  t.counter("TCP_KEEPALIVES").increased(3);
  socket.expectState("ESTABLISHED");
  t.expectAt(t.timeMs + 1000, { flags: "A", seq: 0, ack: 1 });
  t.after(250);
  t.counter("TCP_KEEPALIVES").increased();
  t.counter("TCP_USER_TIMEOUTS").increased();
  socket.expectState("CLOSED");
});

script("RFC 9293 3.8.6.1: a shut window whose probes are answered is no user timeout", (t) => {
  const socket = t.connected();
  socket.set("USER_TIMEOUT_MS", 5000);
  t.peer.send({ flags: "A", seq: 1, ack: 1, window: 0 });
  socket.write(10);
  for (let probe = 0; probe < 20; probe++) {
    t.waitBetween(t.timeMs, t.timeMs + 60000);
    t.expect({ flags: "A", seq: 1, ack: 1, len: 1 });
    t.peer.send({ flags: "A", seq: 1, ack: 1, window: 0 });
  }
  socket.expectState("ESTABLISHED");
  // Nobody answers any more.
  pass(t, t.timeMs + 70000);
  t.counter("TCP_USER_TIMEOUTS").increased();
  socket.expectState("CLOSED");
});

for (const [what, config, limit] of [
  ["a user timeout", {}, 250],
  ["the last retransmission", { dataRetries: 2 }, 0],
] as const)
  script(
    `a link that comes back is no time-out: it does not end a connection near ${what}`,
    { config },
    (t) => {
      const socket = t.connected();
      const data = { flags: "PA", seq: 1, ack: 1, len: 10 } as const;
      const start = t.timeMs;
      if (limit) socket.set("USER_TIMEOUT_MS", limit);
      socket.write(10);
      t.expect(data);
      if (!limit) for (const timeMs of [300, 900]) t.expectAt(start + timeMs, data);
      t.after(10);
      t.linkChanged(true);
      while (t.frames > 0 && t.nextOf("arp", "tcp").kind === "arp");
      t.countersMayMove("ARP_ANNOUNCEMENTS");
      t.peer.send({ flags: "A", seq: 1, ack: 11 });
      socket.expectState("ESTABLISHED");
    },
  );

script("RFC 9293 3.8.4: the keepalive timer runs after a turn that had a duplicate ACK to send", (t) => {
  const socket = t.connected();
  socket.set("KEEPALIVE_MS", 1000);
  socket.write(10);
  t.expect({ flags: "PA", seq: 1, ack: 1, len: 10 });
  t.after(50);
  t.peer.send({ flags: "A", seq: 11, ack: 11, len: 10 });
  t.expect({ flags: "A", seq: 11, ack: 1 });
  t.expectAt(t.timeMs + 1000, { flags: "A", seq: 10, ack: 1 });
  t.counter("TCP_KEEPALIVES").increased();
});

script("RFC 9293 3.8.4: a shorter keepalive time counts at once, not when the old one is over", (t) => {
  const socket = t.connected();
  socket.set("KEEPALIVE_MS", 7200000);
  t.after(500);
  socket.set("KEEPALIVE_MS", 1000);
  t.expectBetween(t.timeMs + 500, t.timeMs + 1000, { flags: "A", seq: 0, ack: 1 });
  t.counter("TCP_KEEPALIVES").increased();
});

script("RFC 9293 3.8.4: with dataRetries 0 a keepalive leaves, too", { config: { dataRetries: 0 } }, (t) => {
  const socket = t.connected();
  socket.set("KEEPALIVE_MS", 1000);
  t.expectAt(t.timeMs + 1000, { flags: "A", seq: 0, ack: 1 });
  t.peer.send({ flags: "A", seq: 1, ack: 1 });
  t.counter("TCP_KEEPALIVES").increased();
  socket.expectState("ESTABLISHED");
});

script(
  "RFC 9293 3.8.6.1: with dataRetries 0 a shut window is probed, too",
  { config: { dataRetries: 0 } },
  (t) => {
    const socket = t.connected();
    t.peer.send({ flags: "A", seq: 1, ack: 1, window: 0 });
    socket.write(10);
    t.waitBetween(t.timeMs, t.timeMs + 60000);
    t.expect({ flags: "A", seq: 1, ack: 1, len: 1 });
    t.peer.send({ flags: "A", seq: 1, ack: 1, window: 100 });
    t.expect({ flags: "PA", seq: 1, ack: 1, len: 10 });
    t.peer.send({ flags: "A", seq: 1, ack: 11 });
  },
);

script("RFC 6298 5.1: what waited for the window gets a whole RTO once it leaves", (t) => {
  const socket = t.connected({ window: 4000 });
  t.peer.send({ flags: "A", seq: 1, ack: 1, window: 100 });
  socket.write(1000);
  t.after(290);
  t.peer.send({ flags: "A", seq: 1, ack: 1, window: 4000 });
  t.expect({ flags: "PA", seq: 1, ack: 1, len: 1000 });
  t.expectAt(t.timeMs + 300, { flags: "PA", seq: 1, ack: 1, len: 1000 });
  t.peer.send({ flags: "A", seq: 1, ack: 1001, window: 4000 });
});

script(
  "RFC 9293 3.8.5: urgent data that waits for the handshake is marked to its last octet, a SYN is not",
  (t) => {
    const socket = t.connect(80);
    t.expect({ flags: "S", seq: 0 });
    socket.write(10);
    socket.set("URGENT", 1);
    t.expectAt(1000, { flags: "S", seq: 0 });
    t.peer.send({ flags: "SA", seq: 0, ack: 1, mss: 1460 });
    t.expect({ flags: "PAU", seq: 1, ack: 1, len: 10, urgent: 10 });
    t.peer.send({ flags: "A", seq: 1, ack: 11 });
  },
);

script(
  "RFC 9293 3.8.3: a neighbour that is away for half a minute ends no connection with data under way",
  { answerArp: false },
  (t) => {
    const socket = connectedByHand(t);
    t.linkChanged(false);
    socket.write(10);
    pass(t, t.timeMs + 40000);
    socket.expectState("ESTABLISHED");
    t.arpReply();
    pass(t, t.timeMs + 20000);
    t.peer.send({ flags: "A", seq: 1, ack: 11 });
    socket.expectState("ESTABLISHED");
    t.countersMayMove("ARP_FAILED");
  },
);

script(
  "RFC 9293 3.8.4: keepalives end a connection whose neighbour went while its last ACK was under way",
  { answerArp: false },
  (t) => {
    const socket = connectedByHand(t);
    socket.set("KEEPALIVE_MS", 10000);
    socket.write(10);
    t.expect({ flags: "PA", seq: 1, ack: 1, len: 10 });
    t.linkChanged(false);
    t.peer.send({ flags: "A", seq: 1, ack: 11 });
    pass(t, t.timeMs + 3600000);
    socket.expectState("CLOSED");
    t.countersMayMove("ARP_FAILED", "TCP_GIVEN_UP", "TCP_KEEPALIVES");
  },
);
