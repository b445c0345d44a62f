// Options of SYN and SYN-ACK, and the scaling of windows: RFC 9293 section 3.2, RFC 7323 section 2, RFC 2018.

import { ConfigFlag } from "../../host/abi.js";
import { script } from "./script.js";
import type { Handshake } from "./stage.js";

/** Every choice of window scale, SACK permitted and timestamps. */
const OFFERS: readonly (readonly [string, Handshake])[] = [
  ["nothing but MSS", {}],
  ["window scale", { windowScale: 2 }],
  ["SACK", { sackPermitted: true }],
  ["timestamps", { timestamps: 777 }],
  ["window scale and SACK", { windowScale: 2, sackPermitted: true }],
  ["window scale and timestamps", { windowScale: 2, timestamps: 777 }],
  ["SACK and timestamps", { sackPermitted: true, timestamps: 777 }],
  ["window scale, SACK and timestamps", { windowScale: 2, sackPermitted: true, timestamps: 777 }],
];

script("RFC 7323 1.3: a SYN offers MSS, window scale, SACK and timestamps, with an echo of 0", (t) => {
  t.connect(80);
  t.expect({
    flags: "S",
    seq: 0,
    mss: 1460,
    windowScale: 0,
    sackPermitted: true,
    timestamps: { echo: 0 },
    window: 8192,
  });
});

script("without timestamps a SYN offers the rest", { config: { flags: ConfigFlag.NO_TIMESTAMPS } }, (t) => {
  t.connect(80);
  t.expect({ flags: "S", seq: 0, mss: 1460, windowScale: 0, sackPermitted: true, timestamps: "none" });
});

script(
  "without timestamps a SYN's offer of them is not taken",
  { config: { flags: ConfigFlag.NO_TIMESTAMPS } },
  (t) => {
    t.listen(80);
    t.peer.timestampBase = 5;
    t.peer.send({ flags: "S", seq: 0, mss: 1460, windowScale: 1, sackPermitted: true });
    t.expect({
      flags: "SA",
      seq: 0,
      ack: 1,
      mss: 1460,
      windowScale: 0,
      sackPermitted: true,
      timestamps: "none",
    });
  },
);

for (const [what, { windowScale, sackPermitted, timestamps }] of OFFERS) {
  script(`RFC 7323 1.3, RFC 2018 2: a SYN-ACK carries what the SYN did: ${what}`, (t) => {
    const listener = t.listen(80);
    t.peer.timestampBase = timestamps;
    t.peer.send({
      flags: "S",
      seq: 0,
      mss: 1460,
      ...(windowScale === undefined ? {} : { windowScale }),
      ...(sackPermitted ? { sackPermitted } : {}),
    });
    t.expect({
      flags: "SA",
      seq: 0,
      ack: 1,
      mss: 1460,
      windowScale: windowScale === undefined ? "none" : 0,
      sackPermitted: sackPermitted === true,
      timestamps: timestamps === undefined ? "none" : { echo: 777 },
    });
    t.after(1);
    t.peer.send({ flags: "A", seq: 1, ack: 1 });
    listener.accept().write(10);
    t.expect({
      flags: "PA",
      seq: 1,
      ack: 1,
      len: 10,
      mss: "none",
      windowScale: "none",
      sackPermitted: false,
      timestamps: timestamps === undefined ? "none" : { echo: 778 },
    });
  });

  script(`RFC 7323 1.3, RFC 2018 2: after a SYN-ACK with ${what} that much is used`, (t) => {
    const socket = t.connected({
      mss: 500,
      window: 1000,
      ...(windowScale === undefined ? {} : { windowScale }),
      ...(sackPermitted ? { sackPermitted } : {}),
      ...(timestamps === undefined ? {} : { timestamps }),
    });
    // Data behind a hole show whether SACK is used.
    t.peer.send({ flags: "A", seq: 101, ack: 1, len: 100, window: 1000 });
    t.expect({ flags: "A", seq: 1, ack: 1, sack: sackPermitted ? [[101, 201]] : "none" });
    t.peer.send({ flags: "A", seq: 1, ack: 1, len: 100, window: 1000 });
    t.expect({ flags: "A", seq: 1, ack: 201, sack: "none" });
    // Options take their room of the MSS, and the scaled window is large enough for all.
    socket.write(3000);
    const size = timestamps === undefined ? 500 : 488;
    const edge = windowScale === undefined ? 1001 : 3001;
    for (let at = 1; at < edge; at += size) {
      const len = Math.min(size, edge - at);
      // A last small segment waits: for window (RFC 9293 3.8.6.2.1), or for an acknowledgment (3.7.4).
      if (len < size) break;
      t.expect({ flags: at + len === 3001 ? "PA" : "A", seq: at, ack: 201, len });
    }
    t.expectNothing();
  });
}

for (const [ringBytes, shift, window] of [
  [65532, 0, 65532],
  [65536, 1, 65535],
  [131068, 1, 65535],
  [131072, 2, 65535],
  [1048576, 5, 65535],
] as const)
  script(
    `RFC 7323 2.3: a receive ring of ${ringBytes} bytes announces the shift ${shift}, and an unscaled window in SYNs`,
    { config: { connections: 1, receiveRingBytes: ringBytes } },
    (t) => {
      const socket = t.connect(80);
      t.expect({ flags: "S", seq: 0, windowScale: shift, window });
      t.peer.send({ flags: "SA", seq: 0, ack: 1, mss: 1460, windowScale: 7 });
      t.expect({ flags: "A", seq: 1, ack: 1, window: ringBytes >> shift });
      socket.abort();
      t.expect({ flags: "RA", seq: 1, ack: 1 });
      const listener = t.listen(81);
      const peer = t.newPeer({ devicePort: 81 });
      peer.send({ flags: "S", seq: 0, mss: 1460, windowScale: 0 });
      peer.expect({ flags: "SA", seq: 0, ack: 1, windowScale: shift, window });
      peer.send({ flags: "PA", seq: 1, ack: 1, len: 10 });
      listener.accept().read(10);
      peer.expectBetween(t.timeMs, t.timeMs + 40, {
        flags: "A",
        seq: 1,
        ack: 11,
        window: [(Math.min(ringBytes, 65535) - 10) >> shift, ringBytes >> shift],
      });
    },
  );

script(
  "RFC 7323 2.2: without the peer's window scale ours is not used, however large the ring",
  { config: { connections: 1, receiveRingBytes: 262144 } },
  (t) => {
    const socket = t.connected();
    t.peer.send({ flags: "A", seq: 1, ack: 1, len: 1000 });
    t.peer.send({ flags: "A", seq: 1001, ack: 1, len: 1000 });
    t.expect({ flags: "A", seq: 1, ack: 2001, window: 65535 });
    socket.read(2000);
  },
);

script("RFC 7323 2.3: a peer's shift above 14 counts as 14", (t) => {
  const socket = t.connected({ windowScale: 15, window: 1 });
  t.peer.send({ flags: "A", seq: 1, ack: 1, window: 1 });
  socket.expectInfo({ sendScale: 14, sndWnd: 16384 });
});

script("RFC 7323 2.2: the window of a SYN is not scaled, and every later one is", (t) => {
  const socket = t.connected({ windowScale: 3, window: 1000 });
  socket.expectInfo({ sndWnd: 1000, sendScale: 3 });
  t.peer.send({ flags: "A", seq: 1, ack: 1, window: 999 });
  socket.expectInfo({ sndWnd: 7992, sndWndMax: 7992 });
});

script("RFC 7323 2.2: the window of the ACK that ends a passive handshake is scaled", (t) => {
  const socket = t.accepted({ windowScale: 4, window: 100 });
  socket.expectInfo({ sndWnd: 1600 });
  socket.write(2000);
  t.expect({ flags: "A", seq: 1, ack: 1, len: 1460 });
});

script(
  "RFC 7323 2.3: a scaled window never promises more than the ring holds",
  { config: { connections: 1, receiveRingBytes: 131072 } },
  (t) => {
    t.connected({ windowScale: 0 });
    // One octet less free does not make the window field smaller by one: it is rounded down.
    t.peer.send({ flags: "A", seq: 1, ack: 1, len: 1 });
    t.peer.send({ flags: "A", seq: 2, ack: 1, len: 1460 });
    t.peer.send({ flags: "A", seq: 1462, ack: 1, len: 1460 });
    const { tcp } = t.next("tcp");
    const edge = tcp.ack - t.peer.isn - 1 + tcp.window * 4;
    if (edge > 131072) t.fail(`the window promises ${edge} bytes of a ring of 131072`);
    if (edge < 131072 - 3) t.fail(`the window keeps back ${131072 - edge} bytes`);
  },
);

script("RFC 9293 3.7.1: an MSS that a SYN does not name is 536, and options are part of it", (t) => {
  const socket = t.connected({ mss: "none", timestamps: 1 });
  socket.write(1100);
  t.expect({ flags: "A", seq: 1, ack: 1, len: 524 });
  t.expect({ flags: "A", seq: 525, ack: 1, len: 524 });
});

script(
  "RFC 7323 1.3: options of one SYN do not outlive their connection",
  { config: { connections: 1 } },
  (t) => {
    const first = t.connected({ windowScale: 3, sackPermitted: true, timestamps: 9 });
    first.abort();
    t.expect({ flags: "RA", seq: 1, ack: 1 });
    const second = t.again();
    second.expectInfo({ sendScale: 0, sendMss: 1460 });
    t.peer.send({ flags: "A", seq: 101, ack: 1, len: 100 });
    t.expect({ flags: "A", seq: 1, ack: 1, sack: "none", timestamps: "none" });
  },
);

script("setopt: NO_DELAY sends small data at once, Nagle's algorithm one at a time (RFC 9293 3.7.4)", (t) => {
  const socket = t.connected();
  socket.expectOption("NO_DELAY", 0);
  socket.write(10);
  t.expect({ flags: "PA", seq: 1, ack: 1, len: 10 });
  socket.write(10);
  t.expectNothing();
  socket.set("NO_DELAY", 1);
  socket.expectOption("NO_DELAY", 1);
  t.expect({ flags: "PA", seq: 11, ack: 1, len: 10 });
  socket.write(10);
  t.expect({ flags: "PA", seq: 21, ack: 1, len: 10 });
  socket.set("NO_DELAY", 0);
  socket.write(10);
  t.expectNothing();
  t.peer.send({ flags: "A", seq: 1, ack: 31 });
  t.expect({ flags: "PA", seq: 31, ack: 1, len: 10 });
  t.peer.send({ flags: "A", seq: 1, ack: 41 });
});

script("RFC 1122 4.2.4.2: TOS stands in every segment sent from then on", (t) => {
  const socket = t.connected();
  socket.expectOption("TOS", 0);
  socket.set("TOS", 0xb8);
  socket.expectOption("TOS", 0xb8);
  socket.write(10);
  const { ipv4 } = t.next("tcp");
  if (ipv4.tos !== 0xb8) t.fail(`TOS ${ipv4.tos}, should be ${0xb8}`);
  t.after(300);
  const again = t.next("tcp").ipv4;
  if (again.tos !== 0xb8) t.fail(`TOS ${again.tos} of the retransmission, should be ${0xb8}`);
  t.peer.send({ flags: "A", seq: 1, ack: 11 });
});

script(
  "RFC 1122 3.2.1.7: TTL is the configured one, in segments, resets and echoes",
  { config: { ttl: 33 } },
  (t) => {
    t.connect(80);
    t.peer.send({ flags: "A", seq: 1, ack: 99999 });
    const ttls = [t.next("tcp"), t.next("tcp")].map(({ ipv4 }) => ipv4.ttl);
    t.send({ ipv4: { source: "10.0.0.2", destination: "10.0.0.1" }, icmp: { type: 8 } });
    ttls.push(t.next("icmp").ipv4.ttl);
    if (ttls.join() !== "33,33,33") t.fail(`TTLs ${ttls}, should be 33`);
    t.counter("TCP_ACK_UNACCEPTABLE").increased();
  },
);

for (const [name, good, bad] of [
  ["TOS", 255, 256],
  ["KEEPALIVE_MS", 0xffffff, 0x1000000],
  ["USER_TIMEOUT_MS", 0xffffff, 0x1000000],
] as const)
  script(`setopt: ${name} takes ${good}, and refuses ${bad}`, (t) => {
    const socket = t.connected();
    socket.set(name, good);
    socket.expectOption(name, good);
    t.expectRefused(() => socket.set(name, bad), "INVALID_ARGUMENT");
    socket.expectOption(name, good);
    socket.set(name, 0);
    socket.expectOption(name, 0);
  });

script("setopt: options that can only be read are refused", (t) => {
  const socket = t.connected();
  for (const name of ["ERROR", "TCP_STATE", "TTL"] as const)
    t.expectRefused(() => socket.set(name, 1), "NOT_SUPPORTED");
});

// Urgent data.

script(
  "RFC 6093 3.2: the urgent pointer points behind the last urgent octet, and goes with what begins before",
  (t) => {
    const socket = t.connected({ mss: 1000 });
    t.holdOutput(() => {
      socket.write(1500);
      socket.set("URGENT", 1);
      socket.write(1000);
    });
    t.expect({ flags: "AU", seq: 1, ack: 1, len: 1000, urgent: 1500 });
    t.expect({ flags: "AU", seq: 1001, ack: 1, len: 1000, urgent: 500 });
    t.peer.send({ flags: "A", seq: 1, ack: 2001 });
    t.expect({ flags: "PA", seq: 2001, ack: 1, len: 500 });
    t.peer.send({ flags: "A", seq: 1, ack: 2501 });
  },
);

script("RFC 9293 3.8.5: urgent data that is sent again is still urgent", (t) => {
  const socket = t.connected({ mss: 1000 });
  t.holdOutput(() => {
    socket.write(10);
    socket.set("URGENT", 1);
  });
  t.expect({ flags: "PAU", seq: 1, ack: 1, len: 10, urgent: 10 });
  t.expectAt(t.timeMs + 300, { flags: "PAU", seq: 1, ack: 1, len: 10, urgent: 10 });
  t.peer.send({ flags: "A", seq: 1, ack: 11 });
  socket.write(10);
  t.expect({ flags: "PA", seq: 11, ack: 1, len: 10 });
  t.peer.send({ flags: "A", seq: 1, ack: 21 });
});

script("RFC 6093 3.2: urgent data of the peer are told once, and stay in the stream", (t) => {
  const socket = t.connected();
  socket.expectOption("URGENT", 0);
  t.peer.send({ flags: "PAU", seq: 1, ack: 1, len: 100, urgent: 60 });
  socket.expectEvents("URGENT", "READABLE");
  socket.expectOption("URGENT", 60);
  socket.read(20);
  socket.expectOption("URGENT", 40);
  socket.read(40);
  socket.expectOption("URGENT", 0);
  socket.read(40);
  t.expectBetween(t.timeMs, t.timeMs + 40, { flags: "A", seq: 1, ack: 101 });
  socket.expectEvents();
});

script(
  "RFC 9293 3.10.7.4: an urgent pointer ahead of the data is told before they come, and again when it advances",
  (t) => {
    const socket = t.connected();
    t.peer.send({ flags: "AU", seq: 1, ack: 1, urgent: 500 });
    socket.expectEvents("URGENT");
    socket.expectOption("URGENT", 500);
    t.peer.send({ flags: "AU", seq: 1, ack: 1, urgent: 500 });
    socket.expectEvents();
    t.peer.send({ flags: "AU", seq: 1, ack: 1, urgent: 400 });
    socket.expectEvents();
    socket.expectOption("URGENT", 500);
    t.peer.send({ flags: "AU", seq: 1, ack: 1, urgent: 501 });
    socket.expectEvents("URGENT");
    socket.expectOption("URGENT", 501);
  },
);

script("RFC 9293 3.10.7.4: an urgent pointer without the flag means nothing", (t) => {
  const socket = t.connected();
  t.peer.send({ flags: "PA", seq: 1, ack: 1, len: 10, urgent: 5 });
  socket.expectEvents("READABLE");
  socket.expectOption("URGENT", 0);
  t.expectBetween(t.timeMs, t.timeMs + 40, { flags: "A", seq: 1, ack: 11 });
});
