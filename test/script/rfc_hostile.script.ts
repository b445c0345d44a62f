// Hostile input that RFC 9293 has no number for: whatever comes, the connection beside it, or the one that it is aimed
// at, goes on.

import { IcmpType } from "../../host/packet/index.js";
import { script } from "./script.js";
import { pattern } from "./segment.js";
import type { Socket } from "./socket.js";
import { DEVICE, PEER_HOST, type Stage } from "./stage.js";

/** Both directions still work: the peer's stream stands at `seq`, ours at `ack`. */
function stillWorks(t: Stage, socket: Socket, seq = 1, ack = 1): void {
  socket.expectState("ESTABLISHED");
  t.peer.send({ flags: "PA", seq, ack, len: 10 });
  socket.write(10);
  t.expect({ flags: "PA", seq: ack, ack: seq + 10, len: 10 });
  t.peer.send({ flags: "A", seq: seq + 10, ack: ack + 10 });
  t.expectNothing();
}

for (const [what, blocks] of [
  ["of an odd length", Uint8Array.of(1, 5, 9, 0, 0, 0, 1, 0, 0, 0, 0, 0)],
  ["of length 2", Uint8Array.of(5, 2, 1, 1)],
  ["longer than the header", Uint8Array.of(5, 34, 0, 0)],
] as const)
  script(`RFC 2018 3: an ACK with SACK blocks ${what} harms nothing`, (t) => {
    const socket = t.connected();
    t.peer.send({ flags: "A", seq: 1, ack: 1, options: blocks });
    t.countersMayMove("TCP_BAD_OPTION");
    stillWorks(t, socket);
  });

for (const [what, block] of [
  ["reversed", [1461, 1]],
  ["empty", [100, 100]],
  ["beyond what was sent", [100000, 200000]],
  ["of half the sequence space", [1, 2 ** 31]],
  ["across its end", [-1000, 1000]],
] as const)
  script(`RFC 2018 3: a SACK block that is ${what} harms nothing`, (t) => {
    const socket = t.connect(80);
    t.expect({ flags: "S", seq: 0 });
    t.peer.send({ flags: "SA", seq: 0, ack: 1, mss: 1460, sackPermitted: true });
    t.expect({ flags: "A", seq: 1, ack: 1 });
    socket.write(2920);
    t.expect({ flags: "A", seq: 1, ack: 1, len: 1460 });
    t.expect({ flags: "PA", seq: 1461, ack: 1, len: 1460 });
    t.peer.send({ flags: "A", seq: 1, ack: 1461, sack: [block] });
    t.expectNothing();
    t.peer.send({ flags: "A", seq: 1, ack: 2921 });
    stillWorks(t, socket, 1, 2921);
  });

for (const urgent of [0, 1, 100, 101, 65535])
  script(`RFC 6093 3.4: an urgent pointer of ${urgent} on 100 bytes changes nothing in the stream`, (t) => {
    const socket = t.connected();
    t.peer.send({ flags: "PAU", seq: 1, ack: 1, len: 100, urgent });
    socket.read(100);
    t.expectBetween(t.timeMs, t.timeMs + 500, { flags: "A", seq: 1, ack: 101 });
    stillWorks(t, socket, 101);
  });

script("RFC 9293 3.4: urgent data across the end of sequence space", { peerIsn: 2 ** 32 - 50 }, (t) => {
  const socket = t.connected();
  t.peer.send({ flags: "PAU", seq: 1, ack: 1, len: 100, urgent: 80 });
  socket.expectEvents("READABLE", "URGENT");
  socket.read(100);
  t.expectBetween(t.timeMs, t.timeMs + 500, { flags: "A", seq: 1, ack: 101 });
  stillWorks(t, socket, 101);
});

script("urgent data ahead of a hole are announced, and the hole is filled", (t) => {
  const socket = t.connected();
  t.peer.send({ flags: "PAU", seq: 101, ack: 1, len: 100, urgent: 100 });
  t.expect({ flags: "A", seq: 1, ack: 1 });
  socket.expectEvents("URGENT");
  t.peer.send({ flags: "PA", seq: 1, ack: 1, len: 100 });
  t.expect({ flags: "A", seq: 1, ack: 201 });
  socket.read(200);
  stillWorks(t, socket, 201);
});

script("a simultaneous open with URG in the SYN opens", (t) => {
  const socket = t.connect(80);
  t.expect({ flags: "S", seq: 0 });
  t.peer.send({ flags: "SU", seq: 0, mss: 1460, urgent: 1000 });
  t.expect({ flags: "SA", seq: 0, ack: 1 });
  t.peer.send({ flags: "A", seq: 1, ack: 1 });
  stillWorks(t, socket);
});

script(
  "RFC 6056 3: ephemeral ports of fifty connections do not follow one another",
  { config: { connections: 50 } },
  (t) => {
    const ports = Array.from({ length: 50 }, (_, index) => {
      const peer = t.newPeer({ port: 1000 + index });
      t.connect(1000 + index, peer);
      peer.expect({ flags: "S", seq: 0 });
      return peer.devicePort ?? 0;
    });
    if (ports.some((port) => port < 49152)) t.fail(`a port is not of the ephemeral range: ${ports}`);
    if (new Set(ports).size < 48) t.fail(`ports come again and again: ${ports}`);
    const steps = ports.slice(1).map((port, index) => port - (ports[index] ?? 0));
    if (new Set(steps).size < 40) t.fail(`ports follow one another: ${ports}`);
    if (Math.max(...ports) - Math.min(...ports) < 8192) t.fail(`ports lie close together: ${ports}`);
  },
);

/** Answers that `count` segments, a millisecond apart, get. */
function answers(t: Stage, count: number, send: () => void): number {
  let taken = 0;
  for (let sent = 0; sent < count; sent++) {
    send();
    for (; t.frames > 0; taken++) t.next("tcp");
    t.waitBetween(t.timeMs, t.timeMs + 1);
  }
  for (; t.frames > 0; taken++) t.next("tcp");
  return taken;
}

for (const [what, spec] of [
  ["ACKs of what was not sent", { flags: "A", seq: 1, ack: 1000 }],
  ["ACKs from outside the window", { flags: "A", seq: 100000, ack: 1 }],
  ["resets in the window", { flags: "R", seq: 100 }],
  ["SYNs in the window", { flags: "S", seq: 100 }],
] as const)
  script(`RFC 5961 7: of 2000 ${what} in two seconds few are answered`, (t) => {
    const socket = t.connected();
    const count = answers(t, 2000, () => t.peer.send(spec));
    if (count < 1 || count > 40) t.fail(`${count} were answered`);
    t.countersMayMove(
      "TCP_ACK_UNACCEPTABLE",
      "TCP_OUTSIDE_WINDOW",
      "TCP_RST_CHALLENGED",
      "TCP_SYN_CHALLENGED",
      "TCP_CHALLENGE_LIMITED",
    );
    stillWorks(t, socket);
  });

script("RFC 5961 7: two stacks in a loop of ACKs come to rest", (t) => {
  const socket = t.connected();
  // The other stack answers every ACK of ours with one that we cannot accept, too.
  t.peer.send({ flags: "A", seq: 1, ack: 5000 });
  let exchanged = 0;
  for (const end = t.timeMs + 10000; t.timeMs < end; t.waitBetween(t.timeMs, end)) {
    for (; t.frames > 0; exchanged++) {
      t.next("tcp");
      t.peer.send({ flags: "A", seq: 1, ack: 5000 });
    }
  }
  while (t.frames > 0) t.next("tcp");
  if (exchanged > 260) t.fail(`${exchanged} ACKs in ten seconds`);
  t.countersMayMove("TCP_ACK_UNACCEPTABLE", "TCP_CHALLENGE_LIMITED");
  socket.expectState("ESTABLISHED");
});

script("overlapping segments that disagree make one stream, without a byte too many", (t) => {
  const socket = t.connected();
  t.peer.send({ flags: "PA", seq: 5, ack: 1, data: "bbbb" });
  t.expect({ flags: "A", seq: 1, ack: 1 });
  t.peer.send({ flags: "PA", seq: 1, ack: 1, data: "aaaaaa" });
  t.expect({ flags: "A", seq: 1, ack: 9 });
  const text = t.call("read()", (core) => Buffer.from(core.read(socket.handle) ?? []).toString());
  if (!/^aaaa(aa|bb)bb$/.test(text)) t.fail(`the stream is ${text}`);
  stillWorks(t, socket, 9);
});

script("a thousand one-byte holes end when the data come again", (t) => {
  const socket = t.connected();
  for (let seq = 2; seq <= 2000; seq += 2) {
    t.peer.send({ flags: "A", seq, ack: 1, len: 1 });
    t.expect({ flags: "A", seq: 1, ack: 1 });
  }
  t.countersMayMove("TCP_RANGES_FULL");
  t.peer.send({ flags: "PA", seq: 1, ack: 1, len: 1000 });
  t.expect({ flags: "A", seq: 1, ack: 1001 });
  t.peer.send({ flags: "PA", seq: 1001, ack: 1, len: 1000 });
  t.waitBetween(t.timeMs, t.timeMs + 500);
  const { tcp } = t.next("tcp");
  if ((tcp.ack - t.peer.isn) >>> 0 < 2001) t.fail("not all is acknowledged");
  socket.read(2000);
  stillWorks(t, socket, 2001);
});

for (const [what, part] of [
  ["first", { moreFragments: true }],
  ["last", { fragmentOffset: 8 }],
  ["one beyond 64 KB", { fragmentOffset: 65528 }],
] as const)
  script(`RFC 791 3.2: a fragment, ${what}, that fits a live connection touches it not`, (t) => {
    const socket = t.connected();
    t.peer.send({ flags: "R", seq: 1 }, { ipv4: { dontFragment: false, ...part } });
    t.peer.send({ flags: "PA", seq: 1, ack: 1, len: 100 }, { ipv4: { dontFragment: false, ...part } });
    t.expectNothing();
    t.counter("IP_FRAGMENT").increased(2);
    stillWorks(t, socket);
  });

for (const [what, options] of [
  ["of length 0", Uint8Array.of(0x83, 0, 4, 0)],
  ["of length 1", Uint8Array.of(7, 1, 4, 0)],
  ["longer than the header", Uint8Array.of(0x89, 200, 4, 0)],
] as const)
  script(`RFC 791 3.1: an IP option ${what} harms nothing`, (t) => {
    const socket = t.connected();
    t.peer.send({ flags: "A", seq: 1, ack: 1 }, { ipv4: { options } });
    t.countersMayMove("IP_MALFORMED");
    stillWorks(t, socket);
  });

script("RFC 1122 3.2.2.2: a redirect changes no route", { config: { gateway: "10.0.0.2" } }, (t) => {
  const far = t.newPeer({ host: { mac: PEER_HOST.mac, address: "192.0.2.7" }, port: 80 });
  const socket = t.connect(80, far);
  far.expect({ flags: "S", seq: 0 });
  const quoted = new Uint8Array(28);
  quoted.set([0x45, 0, 0, 40, 0, 0, 0, 0, 64, 6, 0, 0, 10, 0, 0, 1, 192, 0, 2, 7]);
  t.send({
    ipv4: { source: PEER_HOST.address, destination: DEVICE.address },
    // To 10.0.0.99, which stands where an echo has its identifier.
    icmp: { type: IcmpType.REDIRECT, code: 1, identifier: 0x0a00, sequence: 99, payload: quoted },
  });
  t.counter("ICMP_IGNORED").increased();
  // The stage knows each frame's destination: it is still the router's.
  far.send({ flags: "SA", seq: 0, ack: 1, mss: 1460 });
  far.expect({ flags: "A", seq: 1, ack: 1 });
  socket.expectEvents("CONNECTED");
});

script("RFC 7323 5.4: a peer whose timestamps stand still at 0 is served", (t) => {
  const listener = t.listen(80);
  const clock = (echo: number) => ({ timestamps: { value: 0, echo } });
  const echoed = () => {
    const { tcp } = t.next("tcp");
    const option = tcp.options.find(({ kind }) => kind === "timestamps");
    return option?.kind === "timestamps" ? option.value : t.fail("no timestamps");
  };
  t.peer.send({ flags: "S", seq: 0, mss: 1460, ...clock(0) });
  t.peer.send({ flags: "A", seq: 1, ack: 1, ...clock(echoed()) });
  const socket = listener.accept();
  for (let seq = 1; seq < 1000; seq += 100) {
    t.peer.send({ flags: "PA", seq, ack: 1, len: 100, ...clock(0) });
    socket.read(100);
    t.waitBetween(t.timeMs, t.timeMs + 500);
    echoed();
  }
});

script(
  "RFC 3465 2: acknowledgments split into bytes open the window no faster",
  { config: { sendRingBytes: 131072 } },
  (t) => {
    const socket = t.connected();
    const windowOf = () => t.core.tcpInfo(socket.handle).congestionWindow;
    socket.write(60 * 1460);
    while (t.frames > 0) t.next("tcp");
    const before = windowOf();
    for (let ack = 11; ack <= 1461; ack += 10) {
      t.peer.send({ flags: "A", seq: 1, ack });
      while (t.frames > 0) t.next("tcp");
    }
    const grown = windowOf() - before;
    if (grown > 1460) t.fail(`one segment, acknowledged in 146 pieces, opened the window by ${grown} bytes`);
  },
);

script("the bytes of a reset in the payload, or of a SYN, are data", (t) => {
  const socket = t.connected();
  const data = Uint8Array.from([...pattern(1, 20), 0x50, 0x04, 0, 0, 0x50, 0x02]);
  t.peer.send({ flags: "PA", seq: 1, ack: 1, data });
  socket.read(data);
  t.expectBetween(t.timeMs, t.timeMs + 500, { flags: "A", seq: 1, ack: 27 });
  stillWorks(t, socket, 27);
});
