import { BROADCAST_MAC } from "../../host/packet/index.js";
import { script } from "./script.js";
import { PEER_HOST } from "./stage.js";

script("RFC 6298 2: unacknowledged data is sent again after the RTO, which doubles each time", (t) => {
  // One round trip of 100 ms: SRTT is 100, RTTVAR 50, and the RTO 100 + 4 * 50.
  const socket = t.connected({ rttMs: 100 });
  const start = t.timeMs;
  socket.write(100);
  t.expect({ flags: "PA", seq: 1, ack: 1, len: 100 });
  for (const timeMs of [300, 900, 2100, 4500, 9300])
    t.expectAt(start + timeMs, { flags: "PA", seq: 1, ack: 1, len: 100 });
  t.counter("TCP_RETRANSMITS").increased(5);
  t.counter("TCP_TIMEOUTS").increased(5);
  t.peer.send({ flags: "A", seq: 1, ack: 101 });
  t.after(600000);
});

script("RFC 6298 5.1: new data that finds no timer running starts one", (t) => {
  const socket = t.connected({ rttMs: 100 });
  t.after(10000);
  const start = t.timeMs;
  socket.write(100);
  t.expect({ flags: "PA", seq: 1, ack: 1, len: 100 });
  t.expectAt(start + 300, { flags: "PA", seq: 1, ack: 1, len: 100 });
  t.peer.send({ flags: "A", seq: 1, ack: 101 });
});

script(
  "RFC 6298 5.4: a time-out sends the earliest unacknowledged segment, and an ACK lets the rest follow",
  (t) => {
    const socket = t.connected({ mss: 1000, rttMs: 100 });
    const start = t.timeMs;
    socket.write(2000);
    t.expect({ flags: "A", seq: 1, ack: 1, len: 1000 });
    t.expect({ flags: "PA", seq: 1001, ack: 1, len: 1000 });
    t.expectAt(start + 300, { flags: "A", seq: 1, ack: 1, len: 1000 });
    t.expectNothing();
    t.after(100);
    t.peer.send({ flags: "A", seq: 1, ack: 1001 });
    t.expect({ flags: "PA", seq: 1001, ack: 1, len: 1000 });
    t.peer.send({ flags: "A", seq: 1, ack: 2001 });
    t.after(600000);
  },
);

script(
  "RFC 9293 3.8.3: data that nobody acknowledges is given up after the limit of retransmissions",
  { config: { dataRetries: 3 } },
  (t) => {
    const socket = t.connected({ rttMs: 100 });
    const start = t.timeMs;
    socket.write(100);
    t.expect({ flags: "PA", seq: 1, ack: 1, len: 100 });
    for (const timeMs of [300, 900, 2100])
      t.expectAt(start + timeMs, { flags: "PA", seq: 1, ack: 1, len: 100 });
    t.at(start + 4499);
    socket.expectEvents();
    t.at(start + 4500);
    socket.expectEvents("FAILED");
    socket.expectError("TIMED_OUT");
    t.counter("TCP_GIVEN_UP").increased();
    socket.close();
    t.expectRecords({});
  },
);

script("RFC 9293 3.8.1: a FIN that is lost is sent again", (t) => {
  const socket = t.connected({ rttMs: 100 });
  const start = t.timeMs;
  socket.shutdown();
  t.expect({ flags: "FA", seq: 1, ack: 1 });
  t.expectAt(start + 300, { flags: "FA", seq: 1, ack: 1 });
  t.peer.send({ flags: "A", seq: 1, ack: 2 });
  socket.expectState("FIN_WAIT_2");
});

script("RFC 5681 3.2: three duplicate ACKs send the missing segment again, before the timer", (t) => {
  const socket = t.connected({ mss: 1000, rttMs: 100 });
  socket.write(5000);
  for (const seq of [1, 1001, 2001, 3001]) t.expect({ flags: "A", seq, ack: 1, len: 1000 });
  t.expect({ flags: "PA", seq: 4001, ack: 1, len: 1000 });
  // The first segment is lost; the next three each bring a duplicate ACK.
  t.after(100);
  t.peer.send({ flags: "A", seq: 1, ack: 1 });
  t.peer.send({ flags: "A", seq: 1, ack: 1 });
  t.expectNothing();
  t.peer.send({ flags: "A", seq: 1, ack: 1 });
  t.expect({ flags: "A", seq: 1, ack: 1, len: 1000 });
  t.peer.send({ flags: "A", seq: 1, ack: 1 });
  t.peer.send({ flags: "A", seq: 1, ack: 5001 });
  t.expectNothing();
  t.counter("TCP_FAST_RETRANSMITS").increased();
  t.after(600000);
});

script("RFC 6298 5.3: an ACK of some data starts the timer anew for the rest", (t) => {
  const socket = t.connected({ mss: 1000, rttMs: 100 });
  socket.write(2000);
  t.expect({ flags: "A", seq: 1, ack: 1, len: 1000 });
  t.expect({ flags: "PA", seq: 1001, ack: 1, len: 1000 });
  t.after(100);
  t.peer.send({ flags: "A", seq: 1, ack: 1001 });
  // A second sample of 100 ms: RTTVAR is 37.5, and the RTO 250.
  t.expectAt(t.timeMs + 250, { flags: "PA", seq: 1001, ack: 1, len: 1000 });
  t.peer.send({ flags: "A", seq: 1, ack: 2001 });
});

script("RFC 6298 3: an ACK of data that was sent again is no round-trip sample (Karn)", (t) => {
  const socket = t.connected({ rttMs: 100 });
  socket.write(100);
  t.expect({ flags: "PA", seq: 1, ack: 1, len: 100 });
  t.expectAt(t.timeMs + 300, { flags: "PA", seq: 1, ack: 1, len: 100 });
  t.after(5);
  t.peer.send({ flags: "A", seq: 1, ack: 101 });
  const { rttMs, rttVarMs } = t.core.tcpInfo(socket.handle);
  if (rttMs !== 100 || rttVarMs !== 50) t.fail(`SRTT ${rttMs}, RTTVAR ${rttVarMs}: should be 100 and 50`);
});

script("RFC 6298 5: the backed-off RTO stays until there is a new sample (Karn)", (t) => {
  const socket = t.connected({ rttMs: 100 });
  socket.write(100);
  t.expect({ flags: "PA", seq: 1, ack: 1, len: 100 });
  t.expectAt(t.timeMs + 300, { flags: "PA", seq: 1, ack: 1, len: 100 });
  t.after(5);
  // Which of the two does it answer? It says nothing about the round trip.
  t.peer.send({ flags: "A", seq: 1, ack: 101 });
  socket.write(100);
  t.expect({ flags: "PA", seq: 101, ack: 1, len: 100 });
  t.expectAt(t.timeMs + 600, { flags: "PA", seq: 101, ack: 1, len: 100 });
  t.peer.send({ flags: "A", seq: 1, ack: 201 });
});

script(
  "RFC 6298 5: a path slower than the RTO gets samples in the end, and then no more retransmissions",
  (t) => {
    // The handshake was fast; since then each segment takes two seconds to be acknowledged.
    const socket = t.connected({ rttMs: 100 });
    let retransmissions = 0;
    for (let at = 1; at < 1001; at += 100) {
      socket.write(100);
      t.expect({ flags: "PA", seq: at, ack: 1, len: 100 });
      retransmissions += t.takeRepeats(t.timeMs + 2000, { flags: "PA", seq: at, ack: 1, len: 100 });
      t.peer.send({ flags: "A", seq: 1, ack: at + 100 });
    }
    // The first segment is sent again after 300 and 600 ms more, the second after 1,200; the third waits for 2,400,
    // long enough for a sample.
    if (retransmissions !== 3)
      t.fail(`${retransmissions} retransmissions of what was never lost, should be 3`);
  },
);

script("RFC 6582 3.2: in fast recovery a partial ACK sends the next missing segment at once", (t) => {
  const socket = t.connected({ mss: 1000, rttMs: 100 });
  socket.write(6000);
  for (const seq of [1, 1001, 2001, 3001, 4001]) t.expect({ flags: "A", seq, ack: 1, len: 1000 });
  t.expect({ flags: "PA", seq: 5001, ack: 1, len: 1000 });
  t.after(100);
  // The first and the third are lost.
  for (let copy = 0; copy < 3; copy++) t.peer.send({ flags: "A", seq: 1, ack: 1 });
  t.expect({ flags: "A", seq: 1, ack: 1, len: 1000 });
  t.peer.send({ flags: "A", seq: 1, ack: 1 });
  t.after(100);
  t.peer.send({ flags: "A", seq: 1, ack: 2001 });
  t.expect({ flags: "A", seq: 2001, ack: 1, len: 1000 });
  t.after(100);
  t.peer.send({ flags: "A", seq: 1, ack: 6001 });
  t.counter("TCP_FAST_RETRANSMITS").increased();
  t.after(600000);
});

for (const [what, segments] of [
  [
    "data",
    [
      { len: 10, seq: 1 },
      { len: 10, seq: 11 },
      { len: 10, seq: 21 },
      { len: 10, seq: 31 },
    ],
  ],
  ["another window", [{ window: 60000 }, { window: 50000 }, { window: 60000 }, { window: 50000 }]],
] as const)
  script(`RFC 5681 2: an ACK with ${what} is no duplicate, however many there are`, (t) => {
    const socket = t.connected({ mss: 1000, rttMs: 100 });
    socket.write(3000);
    for (const seq of [1, 1001]) t.expect({ flags: "A", seq, ack: 1, len: 1000 });
    t.expect({ flags: "PA", seq: 2001, ack: 1, len: 1000 });
    for (const segment of segments) t.peer.send({ flags: "A", seq: 1, ack: 1, ...segment });
    while (t.frames > 0) if (t.next("tcp").tcp.payload.length > 0) t.fail("a segment was sent again");
    t.peer.send({ flags: "A", seq: what === "data" ? 41 : 1, ack: 3001 });
  });

script("RFC 6298 2.4: the RTO is at least the configured least", { config: { rtoMinMs: 1000 } }, (t) => {
  const socket = t.connected({ rttMs: 10 });
  socket.write(10);
  t.expect({ flags: "PA", seq: 1, ack: 1, len: 10 });
  t.expectAt(t.timeMs + 1000, { flags: "PA", seq: 1, ack: 1, len: 10 });
  t.peer.send({ flags: "A", seq: 1, ack: 11 });
});

script("RFC 6298 2.5: the RTO is at most a minute", (t) => {
  const socket = t.connected({ rttMs: 100 });
  socket.write(10);
  t.expect({ flags: "PA", seq: 1, ack: 1, len: 10 });
  let waitMs = 300;
  for (let count = 0; count < 12; count++) {
    t.expectAt(t.timeMs + Math.min(waitMs, 60000), { flags: "PA", seq: 1, ack: 1, len: 10 });
    waitMs *= 2;
  }
  t.peer.send({ flags: "A", seq: 1, ack: 11 });
});

script(
  "RFC 9293 3.8.3: from the third time-out in a row (R1) on, the way to the peer is asked for again",
  (t) => {
    const socket = t.connected({ rttMs: 100 });
    const start = t.timeMs;
    const requests = t.arpRequests;
    socket.write(100);
    t.expect({ flags: "PA", seq: 1, ack: 1, len: 100 });
    for (const timeMs of [300, 900]) t.expectAt(start + timeMs, { flags: "PA", seq: 1, ack: 1, len: 100 });
    if (t.arpRequests !== requests) t.fail("the way was doubted before R1");
    for (const timeMs of [2100, 4500, 9300])
      t.expectAt(start + timeMs, { flags: "PA", seq: 1, ack: 1, len: 100 });
    if (t.arpRequests !== requests + 1) t.fail(`asked ${t.arpRequests - requests} times, should be once`);
    t.peer.send({ flags: "A", seq: 1, ack: 101 });
  },
);

script(
  "RFC 9293 3.8.3: a neighbour whose address has moved is found again, and the connection goes on",
  { answerArp: false },
  (t) => {
    const socket = t.connect(80);
    t.next("arp");
    t.arpReply();
    t.expect({ flags: "S", seq: 0 });
    t.after(100);
    t.peer.send({ flags: "SA", seq: 0, ack: 1, mss: 1460 });
    t.expect({ flags: "A", seq: 1, ack: 1 });
    const start = t.timeMs;
    socket.write(100);
    t.expect({ flags: "PA", seq: 1, ack: 1, len: 100 });
    for (const timeMs of [300, 900, 2100])
      t.expectAt(start + timeMs, { flags: "PA", seq: 1, ack: 1, len: 100 });
    // The old place does not answer; then everybody is asked.
    const destinations: string[] = [];
    while (destinations.at(-1) !== BROADCAST_MAC) {
      if (t.timeMs > start + 20000) t.fail(`asked only ${destinations}`);
      if (t.frames === 0) t.waitBetween(t.timeMs, t.timeMs + 5000);
      const frame = t.nextOf("arp", "tcp");
      if (frame.kind === "arp") destinations.push(frame.ethernet.destination);
    }
    t.counter("ARP_FAILED").increased();
    const moved = "02:00:00:00:00:77";
    t.peer.host = { mac: moved, address: PEER_HOST.address };
    t.arpReply();
    const { ethernet, tcp } = t.next("tcp");
    if (ethernet.destination !== moved || tcp.payload.length !== 100)
      t.fail(`${tcp.payload.length} bytes went to ${ethernet.destination}`);
    t.peer.send({ flags: "A", seq: 1, ack: 101 });
    socket.expectState("ESTABLISHED");
  },
);
