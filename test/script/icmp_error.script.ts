// ICMP errors about our connections (RFC 1122 section 4.2.3.9, RFC 5927), those that we send (RFC 1122 section 3.2.2),
// and the limit on stateless replies (RFC 1812 section 4.3.2.8).

import { encode, IcmpType, IpProtocol } from "../../host/packet/index.js";
import { script } from "./script.js";
import { pattern } from "./segment.js";
import { DEVICE, PEER_HOST, type Stage } from "./stage.js";

const TO_DEVICE = { source: PEER_HOST.address, destination: DEVICE.address };
const ROUTER = { mac: "02:00:00:00:00:09", address: "10.0.0.9" };

/** The head of a segment of ours with this sequence number, as an ICMP error quotes it. */
function quote(t: Stage, seq: number, octets = 28, port?: number): Uint8Array {
  const frame = encode({
    link: { source: DEVICE.mac, destination: PEER_HOST.mac },
    ipv4: { source: DEVICE.address, destination: PEER_HOST.address },
    tcp: {
      sourcePort: port ?? t.peer.devicePort ?? 0,
      destinationPort: t.peer.port,
      seq: ((t.peer.deviceIsn ?? 0) + seq) >>> 0,
      flags: "A",
    },
  });
  return frame.slice(14, 14 + octets);
}

interface ErrorMessage {
  readonly type?: number;
  readonly code: number;
  /** Sequence number that is quoted. */
  readonly seq: number;
  readonly mtu?: number;
  readonly payload?: Uint8Array;
}

function sendError(
  t: Stage,
  { type = IcmpType.UNREACHABLE, code, seq, mtu = 0, payload }: ErrorMessage,
): void {
  t.send({
    link: { source: ROUTER.mac, destination: DEVICE.mac },
    ipv4: { source: ROUTER.address, destination: DEVICE.address },
    icmp: { type, code, sequence: mtu, payload: payload ?? quote(t, seq) },
  });
}

for (const [what, code] of [
  ["protocol", 2],
  ["port", 3],
] as const) {
  script(`RFC 5927 5.2: ${what} unreachable fails a connection in SYN-SENT`, (t) => {
    const socket = t.connect(80);
    t.expect({ flags: "S", seq: 0 });
    sendError(t, { code, seq: 0 });
    socket.expectEvents("FAILED");
    socket.expectError("UNREACHABLE");
    t.counter("ICMP_ERRORS").increased();
    socket.close();
    t.expectRecords({});
    t.after(100000);
  });

  script(`RFC 5927 5.2: ${what} unreachable is only noted on an established connection`, (t) => {
    const socket = t.connected();
    socket.write(10);
    t.expect({ flags: "PA", seq: 1, ack: 1, len: 10 });
    sendError(t, { code, seq: 1 });
    socket.expectState("ESTABLISHED");
    socket.expectEvents();
    t.counter("ICMP_ERRORS").increased();
    t.peer.send({ flags: "A", seq: 1, ack: 11 });
    socket.expectInfo({ sendQueued: 0 });
  });
}

for (const [what, type, code] of [
  ["network unreachable", 3, 0],
  ["host unreachable", 3, 1],
  ["source route failed", 3, 5],
  ["time exceeded", 11, 0],
  ["parameter problem", 12, 0],
] as const)
  script(`RFC 1122 4.2.3.9: ${what} is only noted, also in SYN-SENT, and the SYN comes again`, (t) => {
    const socket = t.connect(80);
    t.expect({ flags: "S", seq: 0 });
    sendError(t, { type, code, seq: 0 });
    t.counter("ICMP_ERRORS").increased();
    socket.expectState("SYN_SENT");
    socket.expectEvents();
    t.expectAt(1000, { flags: "S", seq: 0 });
    t.peer.send({ flags: "SA", seq: 0, ack: 1, mss: 1460 });
    t.expect({ flags: "A", seq: 1, ack: 1 });
    socket.expectState("ESTABLISHED");
  });

script("RFC 5927 4.1: an error that quotes what is not in flight is stray", (t) => {
  const socket = t.connected();
  socket.write(10);
  t.expect({ flags: "PA", seq: 1, ack: 1, len: 10 });
  for (const seq of [0, 11, 5000, -5000]) sendError(t, { code: 3, seq });
  t.counter("ICMP_STRAY").increased(4);
  for (const seq of [1, 10]) sendError(t, { code: 1, seq });
  t.counter("ICMP_ERRORS").increased(2);
  t.peer.send({ flags: "A", seq: 1, ack: 11 });
  socket.expectState("ESTABLISHED");
});

script("RFC 5927 4.1: with nothing in flight every error is stray", (t) => {
  t.connected();
  for (const seq of [0, 1, 2]) sendError(t, { code: 3, seq });
  t.counter("ICMP_STRAY").increased(3);
});

script("RFC 1122 3.2.2: an error that quotes no connection of ours is stray", (t) => {
  t.connect(80);
  t.expect({ flags: "S", seq: 0 });
  sendError(t, { code: 3, seq: 0, payload: quote(t, 0, 28, 12345) });
  t.counter("ICMP_STRAY").increased();
});

script("RFC 792: an error that quotes too little is malformed", (t) => {
  const socket = t.connect(80);
  t.expect({ flags: "S", seq: 0 });
  for (const octets of [0, 19, 20, 27]) sendError(t, { code: 3, seq: 0, payload: quote(t, 0, octets) });
  t.counter("ICMP_MALFORMED").increased(4);
  t.counter("ICMP_ERRORS").unchanged();
  socket.expectState("SYN_SENT");
});

script("RFC 792: an error about another protocol or another's packet does not touch a connection", (t) => {
  const socket = t.connect(80);
  t.expect({ flags: "S", seq: 0 });
  const udp = quote(t, 0);
  udp[9] = IpProtocol.UDP;
  const others = quote(t, 0);
  others[15] = 77;
  for (const payload of [udp, others]) sendError(t, { code: 3, seq: 0, payload });
  t.countersMayMove("ICMP_STRAY", "ICMP_IGNORED");
  t.counter("ICMP_ERRORS").unchanged();
  socket.expectState("SYN_SENT");
});

script("RFC 5927 6: source quench is ignored (RFC 6633)", (t) => {
  const socket = t.connected();
  socket.write(10);
  t.expect({ flags: "PA", seq: 1, ack: 1, len: 10 });
  const { congestionWindow } = socket.info;
  sendError(t, { type: IcmpType.SOURCE_QUENCH, code: 0, seq: 1 });
  t.counter("ICMP_IGNORED").increased();
  socket.expectInfo({ congestionWindow });
  t.peer.send({ flags: "A", seq: 1, ack: 11 });
});

script(
  "RFC 1191 6.3: fragmentation needed lowers the MSS to the path's, and the segment is sent again",
  (t) => {
    const socket = t.connected();
    socket.write(1460);
    t.expect({ flags: "PA", seq: 1, ack: 1, len: 1460 });
    sendError(t, { code: 4, seq: 1, mtu: 1000 });
    let at = 1;
    for (; t.frames > 0; ) {
      const { ipv4, tcp } = t.next("tcp");
      if (ipv4.totalBytes > 1000) t.fail(`a packet of ${ipv4.totalBytes} bytes does not pass`);
      if (at === 1 && ipv4.totalBytes < 1000)
        t.fail(`a packet of ${ipv4.totalBytes} bytes makes no use of the path`);
      if ((tcp.seq - (t.peer.deviceIsn ?? 0)) >>> 0 !== at)
        t.fail("the data are not sent again from the first octet on");
      at += tcp.payload.length;
      // More follows the acknowledgment, where it does not leave at once.
      t.peer.send({ flags: "A", seq: 1, ack: at });
    }
    if (at !== 1461) t.fail(`${at - 1} of 1460 octets were sent again`);
    t.counter("ICMP_ERRORS").increased();
  },
);

script(
  "RFC 5927 7.2: fragmentation needed with a larger or an absurd MTU does not lower the MSS so far",
  (t) => {
    const socket = t.connected();
    socket.write(1460);
    t.expect({ flags: "PA", seq: 1, ack: 1, len: 1460 });
    sendError(t, { code: 4, seq: 1, mtu: 9000 });
    socket.expectInfo({ sendMss: 1460 });
    t.countersMayMove("ICMP_ERRORS", "ICMP_STRAY", "ICMP_IGNORED");
    while (t.frames > 0) t.next("tcp");
    sendError(t, { code: 4, seq: 1, mtu: 68 });
    if (socket.info.sendMss < 500) t.fail(`the MSS is ${socket.info.sendMss}, lowered by a forged message`);
    while (t.frames > 0) t.next("tcp");
    t.countersMayMove("ICMP_ERRORS", "ICMP_STRAY", "ICMP_IGNORED");
    t.peer.send({ flags: "A", seq: 1, ack: 1461 });
  },
);

script("RFC 5927 7.2: fragmentation needed about what is not in flight does not lower the MSS", (t) => {
  const socket = t.connected();
  socket.write(10);
  t.expect({ flags: "PA", seq: 1, ack: 1, len: 10 });
  sendError(t, { code: 4, seq: 500, mtu: 700 });
  t.counter("ICMP_STRAY").increased();
  socket.expectInfo({ sendMss: 1460 });
  t.peer.send({ flags: "A", seq: 1, ack: 11 });
});

script("RFC 5927 4.1: an error about data across the end of sequence space is not stray", (t) => {
  // Whatever our initial sequence number is, the window is counted in its circle.
  const socket = t.connected();
  socket.write(2000);
  t.expect({ flags: "A", seq: 1, ack: 1, len: 1460 });
  t.expectNothing();
  sendError(t, { code: 1, seq: 1460 });
  t.counter("ICMP_ERRORS").increased();
  sendError(t, { code: 1, seq: 1461 });
  t.counter("ICMP_STRAY").increased();
  t.peer.send({ flags: "A", seq: 1, ack: 1461 });
  t.expect({ flags: "PA", seq: 1461, ack: 1, len: 540 });
  t.peer.send({ flags: "A", seq: 1, ack: 2001 });
});

// What we send.

for (const [what, protocol, code] of [
  ["a datagram to a port", IpProtocol.UDP, 3],
  ["a packet of another protocol", 47, 2],
] as const) {
  script(`RFC 1122 3.2.2.1: ${what} is answered with unreachable code ${code}, quoting its head`, (t) => {
    t.send({ ipv4: { ...TO_DEVICE, protocol, tos: 4, identification: 77 }, payload: pattern(1, 40) });
    const { ethernet, ipv4, icmp } = t.next("icmp");
    const is = [ethernet.destination, ipv4.destination, icmp.type, icmp.code, icmp.identifier, icmp.sequence];
    const should = [PEER_HOST.mac, PEER_HOST.address, 3, code, 0, 0];
    if (is.join() !== should.join()) t.fail(`the message is ${is}, should be ${should}`);
    const sent = encode({
      link: { source: PEER_HOST.mac, destination: DEVICE.mac },
      ipv4: { ...TO_DEVICE, protocol, tos: 4, identification: 77 },
      payload: pattern(1, 40),
    });
    // "The internet header plus the first 64 bits of the original datagram's data" (RFC 792).
    if (icmp.payload.join() !== sent.slice(14, 42).join()) t.fail("the quotation differs");
    t.counter("ICMP_UNREACHABLE").increased();
    t.countersMayMove("IP_UNKNOWN_PROTOCOL");
  });

  script(`RFC 1122 3.2.2: ${what} by broadcast is not answered`, (t) => {
    for (const destination of ["10.0.0.255", "255.255.255.255"])
      t.send({
        link: { source: PEER_HOST.mac, destination: "ff:ff:ff:ff:ff:ff" },
        ipv4: { source: PEER_HOST.address, destination, protocol },
        payload: pattern(1, 40),
      });
    t.expectNothing();
    t.counter("ICMP_UNREACHABLE").unchanged();
    t.countersMayMove("IP_UNKNOWN_PROTOCOL", "IP_NOT_OURS");
  });

  script(`RFC 1122 3.2.2: ${what} to our address in a broadcast frame is not answered`, (t) => {
    t.send({
      link: { source: PEER_HOST.mac, destination: "ff:ff:ff:ff:ff:ff" },
      ipv4: { ...TO_DEVICE, protocol },
      payload: pattern(1, 40),
    });
    t.expectNothing();
    t.countersMayMove("IP_UNKNOWN_PROTOCOL", "IP_NOT_OURS");
  });
}

script("RFC 1122 3.2.2: a fragment is not answered", (t) => {
  t.send({ ipv4: { ...TO_DEVICE, protocol: IpProtocol.UDP, moreFragments: true }, payload: pattern(1, 40) });
  t.expectNothing();
  t.counter("IP_FRAGMENT").increased();
});

script("RFC 1122 3.2.2: an ICMP error is never answered with another", (t) => {
  sendError(t, { code: 3, seq: 0, payload: quote(t, 0) });
  sendError(t, { type: 11, code: 0, seq: 0, payload: quote(t, 0) });
  t.expectNothing();
  t.counter("ICMP_STRAY").increased(2);
});

for (const [what, send, counter] of [
  [
    "echo replies",
    (t: Stage) => t.send({ ipv4: TO_DEVICE, icmp: { type: IcmpType.ECHO_REQUEST } }),
    "ICMP_ECHO",
  ],
  [
    "unreachable messages",
    (t: Stage) => t.send({ ipv4: { ...TO_DEVICE, protocol: IpProtocol.UDP }, payload: pattern(1, 8) }),
    "ICMP_UNREACHABLE",
  ],
] as const)
  script(`RFC 1812 4.3.2.8: ${what} are limited: about 50 at once, then 100 a second`, (t) => {
    t.after(10000);
    let answered = 0;
    const flood = (count: number) => {
      answered = 0;
      for (let copy = 0; copy < count; copy++) {
        send(t);
        for (; t.frames > 0; answered++) t.next("icmp");
      }
    };
    flood(200);
    if (answered < 40 || answered > 60)
      t.fail(`${answered} of 200 at once were answered, should be about 50`);
    t.counter(counter).increased(answered);
    t.counter("REPLY_LIMITED").increased(200 - answered);
    t.countersMayMove("IP_UNKNOWN_PROTOCOL");
    t.after(200);
    flood(200);
    if (answered < 15 || answered > 25) t.fail(`${answered} were answered after 200 ms, should be about 20`);
    t.countersMayMove("REPLY_LIMITED", "IP_UNKNOWN_PROTOCOL", counter);
    t.after(5000);
    flood(1);
    if (answered !== 1) t.fail("a single one is not answered after five quiet seconds");
    t.countersMayMove("IP_UNKNOWN_PROTOCOL", counter);
  });
