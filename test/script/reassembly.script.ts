import { script } from "./script.js";
import type { Socket } from "./socket.js";
import type { Stage } from "./stage.js";

type Piece = readonly [from: number, to: number];

/** Sends pieces of the stream, in this order, from `base` on, and expects what each has to bring about. */
function sendPieces(t: Stage, socket: Socket, base: number, pieces: readonly Piece[]): void {
  const received = new Set<number>();
  let next = 0;
  for (const [from, to] of pieces) {
    const ahead = from > next;
    const holes = [...received].some((place) => place >= next);
    for (let place = from; place < to; place++) received.add(place);
    while (received.has(next)) next++;
    t.peer.send({ flags: "A", seq: base + from, ack: 1, len: to - from });
    const wanted = { flags: "A", seq: 1, ack: base + next } as const;
    if (ahead || holes) t.expect(wanted);
    else t.expectBetween(t.timeMs, t.timeMs + 40, wanted);
  }
  socket.read(next);
  socket.expectNothingToRead();
  t.counter("TCP_OUT_OF_ORDER").increased(pieces.length - inOrder(pieces));
}

/** How many of the pieces begin where everything before them is there. */
function inOrder(pieces: readonly Piece[]): number {
  const received = new Set<number>();
  let next = 0;
  return pieces.filter(([from, to]) => {
    const fits = from <= next;
    for (let place = from; place < to; place++) received.add(place);
    while (received.has(next)) next++;
    return fits;
  }).length;
}

function permutations<T>(items: readonly T[]): T[][] {
  if (items.length <= 1) return [[...items]];
  return items.flatMap((item, index) =>
    permutations([...items.slice(0, index), ...items.slice(index + 1)]).map((rest) => [item, ...rest]),
  );
}

const APART: readonly Piece[] = [
  [0, 100],
  [100, 200],
  [200, 300],
  [300, 400],
  [400, 500],
];

// Five pieces leave at most three ranges behind the first hole. The last sequence numbers lie before, in and behind
// the pieces.
for (const [name, peerIsn] of [
  ["", 1000000],
  [", across the end of sequence space in the first", 2 ** 32 - 51],
  [", across it in the third", 2 ** 32 - 251],
  [", across it between two", 2 ** 32 - 201],
  [", across it in the last", 2 ** 32 - 451],
] as const)
  script(`RFC 9293 3.10.7.4: five segments in any order make one stream${name}`, { peerIsn }, (t) => {
    for (const pieces of permutations(APART)) {
      const again = t.again({ isn: peerIsn });
      sendPieces(t, again, 1, pieces);
      again.abort();
      t.expect({ flags: "RA", seq: 1, ack: 501 });
    }
  });

const OVERLAPPING: readonly Piece[] = [
  [0, 60],
  [50, 160],
  [100, 110],
  [150, 260],
  [40, 300],
];

script("RFC 9293 3.10.7.4: five segments that overlap, in any order, make one stream", (t) => {
  for (const pieces of permutations(OVERLAPPING)) {
    const socket = t.again();
    // What lies before RCV.NXT altogether is another script's matter.
    let next = 0;
    const fresh = pieces.filter(([, to], index) => {
      const received = new Set(pieces.slice(0, index).flatMap(([a, b]) => places(a, b)));
      next = 0;
      while (received.has(next)) next++;
      return to > next;
    });
    sendOverlapping(t, socket, fresh);
    socket.abort();
    t.expect({ flags: "RA", seq: 1, ack: 301 });
  }
});

function places(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, index) => from + index);
}

/** As `sendPieces`, but when an ACK leaves is left open: at once, or delayed. */
function sendOverlapping(t: Stage, socket: Socket, pieces: readonly Piece[]): void {
  const received = new Set<number>();
  let next = 0;
  for (const [from, to] of pieces) {
    for (const place of places(from, to)) received.add(place);
    while (received.has(next)) next++;
    t.peer.send({ flags: "A", seq: 1 + from, ack: 1, len: to - from });
    t.expectBetween(t.timeMs, t.timeMs + 40, { flags: "A", seq: 1, ack: 1 + next });
  }
  socket.read(next);
  socket.expectNothingToRead();
}

script("data that would make one range too many is dropped", { config: { reassemblyRanges: 2 } }, (t) => {
  const socket = t.connected();
  for (const seq of [101, 301, 501]) {
    t.peer.send({ flags: "A", seq, ack: 1, len: 100 });
    t.expect({ flags: "A", seq: 1, ack: 1 });
  }
  t.counter("TCP_RANGES_FULL").increased();
  // What touches a range that is there needs no new one.
  t.peer.send({ flags: "A", seq: 401, ack: 1, len: 100 });
  t.expect({ flags: "A", seq: 1, ack: 1 });
  t.peer.send({ flags: "A", seq: 1, ack: 1, len: 100 });
  t.expect({ flags: "A", seq: 1, ack: 201 });
  t.peer.send({ flags: "A", seq: 201, ack: 1, len: 100 });
  t.expect({ flags: "A", seq: 1, ack: 501 });
  t.peer.send({ flags: "A", seq: 501, ack: 1, len: 100 });
  t.expectBetween(t.timeMs, t.timeMs + 40, { flags: "A", seq: 1, ack: 601 });
  socket.read(600);
});

script(
  "RFC 5681 4.2: each segment out of order gets its own duplicate ACK, also when the driver is late",
  (t) => {
    t.connected();
    t.holdOutput(() => {
      for (const seq of [1461, 2921, 4381]) t.peer.send({ flags: "A", seq, ack: 1, len: 1460 });
    });
    for (let copy = 0; copy < 3; copy++) t.expect({ flags: "A", seq: 1, ack: 1 });
  },
);

script(
  "RFC 9293 3.10.7.4: a FIN beyond our window is not taken, with the data that were cut off",
  { config: { receiveRingBytes: 2048 } },
  (t) => {
    const socket = t.connected();
    t.peer.send({ flags: "A", seq: 1, ack: 1, len: 1024 });
    t.peer.send({ flags: "FPA", seq: 1025, ack: 1, len: 1460 });
    t.expect({ flags: "A", seq: 1, ack: 2049, window: 0 });
    t.counter("TCP_OUTSIDE_WINDOW").increased();
    socket.expectState("ESTABLISHED");
    socket.read(2048);
    t.expect({ flags: "A", seq: 1, ack: 2049, window: 2048 });
    t.peer.send({ flags: "FPA", seq: 2049, ack: 1, len: 436 });
    t.expect({ flags: "A", seq: 1, ack: 2486 });
    socket.read(436);
    socket.expectEnd();
  },
);

script("RFC 9293 3.10.7.4: data behind the peer's FIN is not taken, and its end still comes", (t) => {
  const socket = t.connected();
  t.peer.send({ flags: "FA", seq: 101, ack: 1 });
  t.expect({ flags: "A", seq: 1, ack: 1 });
  t.peer.send({ flags: "A", seq: 102, ack: 1, len: 50 });
  t.expect({ flags: "A", seq: 1, ack: 1 });
  t.peer.send({ flags: "A", seq: 1, ack: 1, len: 120 });
  t.expect({ flags: "A", seq: 1, ack: 102 });
  socket.read(100);
  socket.expectEnd();
});
