// Half-open passive connections: a SYN-cache entry each (RFC 4987 section 3.5), and no connection record.

import { Event } from "../../host/abi.js";
import type { Peer } from "./peer.js";
import { script } from "./script.js";
import type { Stage } from "./stage.js";

/** Peers of one host, ports 40001 on. */
function peers(t: Stage, count: number, devicePort = 80): Peer[] {
  return Array.from({ length: count }, (_, index) => t.newPeer({ devicePort, port: 40001 + index }));
}

function syn(peer: Peer): void {
  peer.send({ flags: "S", seq: 0, mss: 1460 });
}

function handshake(peer: Peer): void {
  syn(peer);
  peer.expect({ flags: "SA", seq: 0, ack: 1 });
  peer.send({ flags: "A", seq: 1, ack: 1 });
}

/** Lets `ms` pass, in which the SYN-ACK may come again; the peer's ACK answers it. */
function repeats(t: Stage, peer: Peer, ms: number): void {
  for (const end = t.timeMs + ms; t.timeMs < end; ) {
    t.waitBetween(t.timeMs, end);
    if (t.frames === 0) return;
    peer.expect({ flags: "SA", seq: 0, ack: 1, window: 0 });
    peer.send({ flags: "A", seq: 1, ack: 1 });
  }
}

script("RFC 4987 3.5: a lone SYN takes an entry and no connection record", (t) => {
  const listener = t.listen(80);
  syn(t.peer);
  t.expect({ flags: "SA", seq: 0, ack: 1 });
  t.expectRecords({ synEntries: 1 });
  t.peer.send({ flags: "A", seq: 1, ack: 1 });
  t.expectRecords({ connections: 1 });
  listener.expectEvents("ACCEPTABLE");
  listener.accept();
  t.counter("TCP_PASSIVE_OPENS").increased();
});

script("the SYN-ACK goes straight back to where the SYN came from", { answerArp: false }, (t) => {
  t.listen(80);
  syn(t.peer);
  t.expect({ flags: "SA", seq: 0, ack: 1 });
});

script(
  "RFC 9293 3.8.1: an unanswered SYN-ACK comes again after 1, 3, 7 s, then the entry expires",
  { config: { synRetries: 2 } },
  (t) => {
    const listener = t.listen(80);
    syn(t.peer);
    for (const timeMs of [0, 1000, 3000]) t.expectAt(timeMs, { flags: "SA", seq: 0, ack: 1, mss: 1460 });
    t.at(6999);
    t.expectRecords({ synEntries: 1 });
    t.at(7000);
    t.expectRecords({});
    t.counter("TCP_SYN_EXPIRED").increased();
    listener.expectEvents();
    listener.expectNoneToAccept();
    // What comes later meets a listener without a handshake.
    t.peer.send({ flags: "A", seq: 1, ack: 1 });
    t.expect({ flags: "R", seq: 1 });
    t.counter("TCP_NO_CONNECTION").increased();
  },
);

script(
  "RFC 9293 3.8.1: a SYN-ACK's repeats come on time across the clock's wrap",
  { clock: 2 ** 32 - 1500, config: { synRetries: 2 } },
  (t) => {
    t.listen(80);
    syn(t.peer);
    for (const timeMs of [0, 1000, 3000]) t.expectAt(timeMs, { flags: "SA", seq: 0, ack: 1 });
    t.at(7000);
    t.counter("TCP_SYN_EXPIRED").increased();
    t.expectRecords({});
  },
);

script(
  "a full cache makes way for a new SYN: of those that repeated as often, the oldest",
  { config: { synEntries: 2 } },
  (t) => {
    const listener = t.listen(80);
    const [first, second, third] = peers(t, 3) as [Peer, Peer, Peer];
    syn(first);
    first.expect({ flags: "SA", seq: 0, ack: 1 });
    t.after(50);
    syn(second);
    second.expect({ flags: "SA", seq: 0, ack: 1 });
    t.after(50);
    syn(third);
    third.expect({ flags: "SA", seq: 0, ack: 1 });
    t.counter("TCP_SYN_EVICTED").increased();
    t.expectRecords({ synEntries: 2 });
    second.send({ flags: "A", seq: 1, ack: 1 });
    third.send({ flags: "A", seq: 1, ack: 1 });
    listener.accept();
    listener.accept();
    first.send({ flags: "A", seq: 1, ack: 1 });
    first.expect({ flags: "R", seq: 1 });
    t.counter("TCP_NO_CONNECTION").increased();
  },
);

script(
  "a full cache makes way for a new SYN: the one that repeated most goes before older ones",
  { config: { synEntries: 2 } },
  (t) => {
    const listener = t.listen(80);
    const [silent, other, third] = peers(t, 3) as [Peer, Peer, Peer];
    syn(other);
    other.expect({ flags: "SA", seq: 0, ack: 1 });
    t.after(500);
    syn(silent);
    silent.expect({ flags: "SA", seq: 0, ack: 1 });
    // Only the first has repeated.
    t.at(1000);
    other.expect({ flags: "SA", seq: 0, ack: 1 });
    t.at(1100);
    syn(third);
    third.expect({ flags: "SA", seq: 0, ack: 1 });
    t.counter("TCP_SYN_EVICTED").increased();
    silent.send({ flags: "A", seq: 1, ack: 1 });
    listener.accept();
    other.send({ flags: "A", seq: 1, ack: 1 });
    other.expect({ flags: "R", seq: 1 });
    t.counter("TCP_NO_CONNECTION").increased();
  },
);

script("RFC 4987 3.5: a flood of SYNs keeps no real client out", { config: { synEntries: 4 } }, (t) => {
  const listener = t.listen(80);
  const client = t.newPeer({ devicePort: 80, port: 50000 });
  for (const [index, peer] of peers(t, 200).entries()) {
    t.after(20);
    syn(peer);
    peer.expect({ flags: "SA", seq: 0, ack: 1 });
    if (index === 100) handshake(client);
  }
  listener.accept().expectState("ESTABLISHED");
  t.expectRecords({ connections: 1, synEntries: 4 });
  t.counter("TCP_SYN_EVICTED").increased(196);
});

script(
  "a full cache leaves each handshake 50 ms: a SYN that comes sooner is dropped",
  { config: { synEntries: 1 } },
  (t) => {
    const listener = t.listen(80);
    const [first, second] = peers(t, 2) as [Peer, Peer];
    syn(first);
    first.expect({ flags: "SA", seq: 0, ack: 1 });
    t.after(49);
    syn(second);
    t.expectNothing();
    t.counter("TCP_SYN_CACHE_FULL").increased();
    first.send({ flags: "A", seq: 1, ack: 1 });
    listener.accept();
    syn(second);
    second.expect({ flags: "SA", seq: 0, ack: 1 });
    t.after(50);
    const third = t.newPeer({ devicePort: 80, port: 50001 });
    syn(third);
    third.expect({ flags: "SA", seq: 0, ack: 1 });
    t.counter("TCP_SYN_EVICTED").increased();
  },
);

script("the backlog counts what is not accepted, and not what is half open", (t) => {
  const listener = t.listen(80, 1);
  const [first, second, third] = peers(t, 3) as [Peer, Peer, Peer];
  syn(first);
  first.expect({ flags: "SA", seq: 0, ack: 1 });
  syn(second);
  second.expect({ flags: "SA", seq: 0, ack: 1 });
  t.expectRecords({ synEntries: 2 });
  first.send({ flags: "A", seq: 1, ack: 1 });
  syn(third);
  t.expectNothing();
  t.counter("TCP_BACKLOG_FULL").increased();
  listener.accept();
  syn(third);
  third.expect({ flags: "SA", seq: 0, ack: 1 });
});

script("a handshake that finishes while the backlog is full waits for accept", (t) => {
  const listener = t.listen(80, 1);
  const [first, second] = peers(t, 2) as [Peer, Peer];
  for (const peer of [first, second]) {
    syn(peer);
    peer.expect({ flags: "SA", seq: 0, ack: 1 });
  }
  first.send({ flags: "A", seq: 1, ack: 1 });
  second.send({ flags: "A", seq: 1, ack: 1 });
  t.counter("TCP_BACKLOG_FULL").increased();
  t.expectRecords({ connections: 1, synEntries: 1 });
  listener.accept();
  t.expectRecords({ connections: 2 });
  listener.accept().expectState("ESTABLISHED");
});

script(
  "a handshake that finds no record waits for one, with a window of 0 until then",
  { config: { connections: 1 } },
  (t) => {
    const listener = t.listen(80);
    const [first, second] = peers(t, 2) as [Peer, Peer];
    handshake(first);
    const socket = listener.accept();
    syn(second);
    second.expect({ flags: "SA", seq: 0, ack: 1, window: 0 });
    second.send({ flags: "A", seq: 1, ack: 1 });
    t.counter("TCP_NO_RECORD").increased();
    listener.expectNoneToAccept();
    t.expectRecords({ connections: 1, synEntries: 1 });
    // The SYN-ACK may come again meanwhile.
    repeats(t, second, 5000);
    t.countersMayMove("TCP_NO_RECORD");
    socket.abort();
    first.expect({ flags: "RA", seq: 1, ack: 1 });
    second.expect({ flags: "A", seq: 1, ack: 1, window: 8192 });
    const late = listener.accept();
    second.send({ flags: "PA", seq: 1, ack: 1, len: 10 });
    late.read(10);
    second.expectBetween(t.timeMs, t.timeMs + 40, { flags: "A", seq: 1, ack: 11 });
  },
);

script(
  "the SYN-ACK announces a window only while there are records for all that are half open",
  { config: { connections: 2 } },
  (t) => {
    t.listen(80);
    const [first, second, third] = peers(t, 3) as [Peer, Peer, Peer];
    for (const peer of [first, second]) {
      syn(peer);
      peer.expect({ flags: "SA", seq: 0, ack: 1, window: 8192 });
    }
    syn(third);
    third.expect({ flags: "SA", seq: 0, ack: 1, window: 0 });
  },
);

script(
  "a handshake that waits does not make way for a SYN: the SYN is dropped",
  { config: { connections: 1, synEntries: 2 } },
  (t) => {
    const listener = t.listen(80);
    const [first, second, third, fourth] = peers(t, 4) as [Peer, Peer, Peer, Peer];
    handshake(first);
    const socket = listener.accept();
    for (const peer of [second, third]) handshake(peer);
    t.countersMayMove("TCP_NO_RECORD");
    t.expectRecords({ connections: 1, synEntries: 2 });
    syn(fourth);
    t.expectNothing();
    t.counter("TCP_SYN_CACHE_FULL").increased();
    socket.abort();
    first.expect({ flags: "RA", seq: 1, ack: 1 });
    const { tcp } = t.next("tcp");
    if (tcp.destinationPort !== second.port)
      t.fail("the record did not go to the handshake that waited longest");
    listener.accept();
  },
);

script("data and FIN on the ACK that completes the handshake are taken", (t) => {
  const listener = t.listen(80);
  syn(t.peer);
  t.expect({ flags: "SA", seq: 0, ack: 1 });
  t.peer.send({ flags: "FPA", seq: 1, ack: 1, len: 20 });
  t.expect({ flags: "A", seq: 1, ack: 22 });
  const socket = listener.accept();
  socket.expectState("CLOSE_WAIT");
  socket.read(20);
  socket.expectEnd();
});

script("RFC 9293 3.10.7.4: a repeated SYN gets the same SYN-ACK, also when it names other options", (t) => {
  const listener = t.listen(80);
  syn(t.peer);
  t.expect({ flags: "SA", seq: 0, ack: 1 });
  t.after(100);
  syn(t.peer);
  t.expect({ flags: "SA", seq: 0, ack: 1 });
  t.countersMayMove("TCP_OUTSIDE_WINDOW", "TCP_SYN_CHALLENGED");
  t.expectRecords({ synEntries: 1 });
  t.peer.send({ flags: "A", seq: 1, ack: 1 });
  listener.accept();
});

script("RFC 9293 3.10.7.4: in SYN-RECEIVED data outside the window is answered, and changes nothing", (t) => {
  const listener = t.listen(80);
  syn(t.peer);
  t.expect({ flags: "SA", seq: 0, ack: 1 });
  t.peer.send({ flags: "A", seq: 9000, ack: 1, len: 10 });
  t.expect({ flags: "A", seq: 1, ack: 1 });
  t.counter("TCP_OUTSIDE_WINDOW").increased();
  listener.expectNoneToAccept();
  t.expectRecords({ synEntries: 1 });
});

script("RFC 9293 3.10.7.4: in SYN-RECEIVED a segment without ACK is dropped", (t) => {
  const listener = t.listen(80);
  syn(t.peer);
  t.expect({ flags: "SA", seq: 0, ack: 1 });
  t.peer.send({ flags: "P", seq: 1, len: 10 });
  t.expectNothing();
  t.counter("TCP_NO_ACK").increased();
  listener.expectNoneToAccept();
});

script("RFC 5961 3.2: in SYN-RECEIVED a reset counts at RCV.NXT only", (t) => {
  t.listen(80);
  syn(t.peer);
  t.expect({ flags: "SA", seq: 0, ack: 1 });
  t.peer.send({ flags: "R", seq: 0 });
  t.expectNothing();
  t.counter("TCP_RST_OUTSIDE").increased();
  t.peer.send({ flags: "R", seq: 9000 });
  t.expectNothing();
  t.counter("TCP_RST_OUTSIDE").increased();
  t.expectRecords({ synEntries: 1 });
  t.peer.send({ flags: "R", seq: 1 });
  t.expectNothing();
  t.counter("TCP_RESETS_IN").increased();
  t.expectRecords({});
});

script("a listener that closes takes its half-open handshakes with it", (t) => {
  const listener = t.listen(80);
  syn(t.peer);
  t.expect({ flags: "SA", seq: 0, ack: 1 });
  listener.close();
  t.countersMayMove("TCP_UNACCEPTED");
  while (t.frames > 0) if ((t.next("tcp").tcp.flags & 4) === 0) t.fail("something else than a reset");
  t.expectRecords({});
  t.after(100000);
});

script("two listeners' handshakes do not mix", (t) => {
  const eighty = t.listen(80);
  const other = t.listen(81);
  const peer = t.newPeer({ devicePort: 81, port: 40000 });
  syn(t.peer);
  t.expect({ flags: "SA", seq: 0, ack: 1 });
  syn(peer);
  peer.expect({ flags: "SA", seq: 0, ack: 1 });
  peer.send({ flags: "A", seq: 1, ack: 1 });
  eighty.expectNoneToAccept();
  other.accept();
  t.peer.send({ flags: "A", seq: 1, ack: 1 });
  other.expectNoneToAccept();
  eighty.accept();
});

script(
  "a handshake that waits is told to its listener when it becomes a connection",
  { config: { connections: 1 } },
  (t) => {
    const listener = t.listen(80);
    const [first, second] = peers(t, 2) as [Peer, Peer];
    handshake(first);
    const socket = listener.accept();
    t.takeEvents(listener.handle);
    handshake(second);
    t.counter("TCP_NO_RECORD").increased();
    if (t.takeEvents(listener.handle) & Event.ACCEPTABLE) t.fail("there is nothing to accept yet");
    socket.abort();
    first.expect({ flags: "RA", seq: 1, ack: 1 });
    second.expect({ flags: "A", seq: 1, ack: 1, window: 8192 });
    listener.expectEvents("ACCEPTABLE");
  },
);

script(
  "RFC 9293 3.10.7.1: the SYN-ACK to a forged SYN that a host did not send is ended by that host's reset",
  (t) => {
    t.listen(80);
    syn(t.peer);
    t.expect({ flags: "SA", seq: 0, ack: 1 });
    t.peer.send({ flags: "R", seq: 1 });
    t.expectRecords({});
    t.counter("TCP_RESETS_IN").increased();
  },
);

// RFC 5961 section 7: challenge ACKs are limited.

for (const [what, spec, counter] of [
  ["SYNs", { flags: "S", seq: 100 }, "TCP_SYN_CHALLENGED"],
  ["resets in the window", { flags: "R", seq: 100 }, "TCP_RST_CHALLENGED"],
  ["acknowledgments of what was not sent", { flags: "A", seq: 1, ack: 100 }, "TCP_ACK_UNACCEPTABLE"],
] as const)
  script(`RFC 5961 7: challenge ACKs to ${what} are limited, and come again later`, (t) => {
    const socket = t.connected();
    let answered = 0;
    for (let copy = 0; copy < 50; copy++) {
      t.peer.send(spec);
      while (t.frames > 0) {
        t.expect({ flags: "A", seq: 1, ack: 1 });
        answered++;
      }
    }
    t.counter(counter).increased(50);
    if (answered < 8 || answered > 16) t.fail(`${answered} challenge ACKs at once, should be 8 to 16`);
    t.counter("TCP_CHALLENGE_LIMITED").increased(50 - answered);
    t.after(5000);
    t.peer.send(spec);
    t.expect({ flags: "A", seq: 1, ack: 1 });
    t.counter(counter).increased();
    socket.expectState("ESTABLISHED");
  });

script("RFC 5961 7: in the long run there are no more than four challenge ACKs a second", (t) => {
  t.connected();
  let answered = 0;
  const start = t.timeMs;
  for (let copy = 1; copy <= 1000; copy++) {
    t.at(start + copy * 20);
    t.peer.send({ flags: "S", seq: 100 });
    while (t.frames > 0) {
      t.expect({ flags: "A", seq: 1, ack: 1 });
      answered++;
    }
  }
  // 20 s: 8 to 16 at once, then one each 0.25 to 0.75 s.
  if (answered < 26 || answered > 96) t.fail(`${answered} challenge ACKs in 20 s, should be 26 to 96`);
  t.countersMayMove("TCP_SYN_CHALLENGED", "TCP_CHALLENGE_LIMITED");
});

script("RFC 5961 7: the limit is each connection's own", (t) => {
  t.connected();
  for (let copy = 0; copy < 50; copy++) t.peer.send({ flags: "S", seq: 100 });
  while (t.frames > 0) t.next("tcp");
  t.countersMayMove("TCP_SYN_CHALLENGED", "TCP_CHALLENGE_LIMITED");
  const other = t.newPeer({ port: 81 });
  t.connect(81, other);
  other.expect({ flags: "S", seq: 0 });
  other.send({ flags: "SA", seq: 0, ack: 1, mss: 1460 });
  other.expect({ flags: "A", seq: 1, ack: 1 });
  other.send({ flags: "S", seq: 100 });
  other.expect({ flags: "A", seq: 1, ack: 1 });
  t.counter("TCP_SYN_CHALLENGED").increased();
});

script("RFC 9293 3.10.7.4: segments with data outside the window are answered without a limit", (t) => {
  t.connected();
  for (let copy = 0; copy < 50; copy++) {
    t.peer.send({ flags: "A", seq: 20000, ack: 1, len: 1 });
    t.expect({ flags: "A", seq: 1, ack: 1 });
  }
  t.counter("TCP_OUTSIDE_WINDOW").increased(50);
});

script(
  "RFC 9293 3.8.6.1: a handshake that waits answers probes of its window: the peer goes on to wait",
  { config: { connections: 1 } },
  (t) => {
    const listener = t.listen(80);
    t.peer.send({ flags: "S", seq: 0 });
    t.expect({ flags: "SA", seq: 0, ack: 1 });
    t.peer.send({ flags: "A", seq: 1, ack: 1 });
    const first = listener.accept();
    const second = t.newPeer({ devicePort: 80, port: 40001 });
    second.send({ flags: "S", seq: 0, mss: 1460 });
    second.expect({ flags: "SA", seq: 0, ack: 1, window: 0 });
    second.send({ flags: "A", seq: 1, ack: 1 });
    t.expectNothing();
    second.send({ flags: "PA", seq: 1, ack: 1, len: 1 });
    second.expect({ flags: "A", seq: 1, ack: 1, window: 0 });
    t.counter("TCP_NO_RECORD").increased(2);
    first.abort();
    t.expect({ flags: "RA", seq: 1, ack: 1 });
    second.expect({ flags: "A", seq: 1, ack: 1, window: 8192 });
    second.send({ flags: "PA", seq: 1, ack: 1, len: 1 });
    listener.accept().read(1);
    second.expectBetween(t.timeMs, t.timeMs + 40, { flags: "A", seq: 1, ack: 2 });
  },
);
