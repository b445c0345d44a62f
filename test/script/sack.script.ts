// SACK blocks that we send: RFC 2018 section 4, RFC 2883.

import { script } from "./script.js";
import type { Socket } from "./socket.js";
import type { Stage } from "./stage.js";

function connected(t: Stage, timestamps?: number): Socket {
  return t.connected({ sackPermitted: true, ...(timestamps === undefined ? {} : { timestamps }) });
}

/** Sends 100 octets of the stream. */
function send(t: Stage, seq: number, len = 100): void {
  t.peer.send({ flags: "A", seq, ack: 1, len });
}

type Blocks = readonly (readonly [number, number])[];

function expectSack(t: Stage, ack: number, sack: Blocks | "none"): void {
  t.expect({ flags: "A", seq: 1, ack, sack });
}

script("RFC 2018 4: data behind a hole is reported, until the hole is filled", (t) => {
  const socket = connected(t);
  send(t, 101);
  expectSack(t, 1, [[101, 201]]);
  send(t, 1);
  expectSack(t, 201, "none");
  socket.read(200);
});

script("RFC 2018 4: a segment that goes on where a block ends makes the block longer", (t) => {
  connected(t);
  send(t, 101);
  expectSack(t, 1, [[101, 201]]);
  send(t, 201);
  expectSack(t, 1, [[101, 301]]);
  send(t, 301, 50);
  expectSack(t, 1, [[101, 351]]);
});

script("RFC 2018 4: a segment right before a block makes the block longer", (t) => {
  connected(t);
  send(t, 301);
  expectSack(t, 1, [[301, 401]]);
  send(t, 201);
  expectSack(t, 1, [[201, 401]]);
});

script(
  "RFC 2018 4: the first block is the newest arrival's, and the others are the newest before it",
  (t) => {
    connected(t);
    send(t, 201);
    expectSack(t, 1, [[201, 301]]);
    send(t, 401);
    expectSack(t, 1, [
      [401, 501],
      [201, 301],
    ]);
    send(t, 601);
    expectSack(t, 1, [
      [601, 701],
      [401, 501],
      [201, 301],
    ]);
  },
);

script("RFC 2018 4: an older block that grows is the first again", (t) => {
  connected(t);
  send(t, 201);
  expectSack(t, 1, [[201, 301]]);
  send(t, 401);
  expectSack(t, 1, [
    [401, 501],
    [201, 301],
  ]);
  send(t, 301, 50);
  expectSack(t, 1, [
    [201, 351],
    [401, 501],
  ]);
});

script("RFC 2018 4: a segment that joins two blocks leaves one", (t) => {
  const socket = connected(t);
  send(t, 201);
  expectSack(t, 1, [[201, 301]]);
  send(t, 401);
  expectSack(t, 1, [
    [401, 501],
    [201, 301],
  ]);
  send(t, 301);
  expectSack(t, 1, [[201, 501]]);
  send(t, 1, 200);
  expectSack(t, 501, "none");
  socket.read(500);
});

script(
  "RFC 2018 4: when the first of two holes is filled, what lies behind the second is still reported",
  (t) => {
    connected(t);
    send(t, 101);
    expectSack(t, 1, [[101, 201]]);
    send(t, 301);
    expectSack(t, 1, [
      [301, 401],
      [101, 201],
    ]);
    send(t, 1);
    expectSack(t, 201, [[301, 401]]);
  },
);

script("RFC 2018 3: four blocks fit where there are no timestamps", (t) => {
  connected(t);
  const blocks: [number, number][] = [];
  for (const seq of [201, 401, 601, 801]) {
    send(t, seq);
    blocks.unshift([seq, seq + 100]);
    expectSack(t, 1, blocks);
  }
});

script("RFC 2018 3: three blocks fit beside timestamps, and the oldest is left out", (t) => {
  connected(t, 5000);
  const blocks: [number, number][] = [];
  for (const seq of [201, 401, 601, 801]) {
    send(t, seq);
    blocks.unshift([seq, seq + 100]);
    expectSack(t, 1, blocks.slice(0, 3));
  }
});

script(
  "RFC 2018 4: a range too many is dropped and not reported",
  { config: { reassemblyRanges: 2 } },
  (t) => {
    connected(t);
    send(t, 201);
    expectSack(t, 1, [[201, 301]]);
    send(t, 401);
    expectSack(t, 1, [
      [401, 501],
      [201, 301],
    ]);
    send(t, 601);
    const { tcp } = t.next("tcp");
    if (tcp.options.some((option) => option.kind === "sack" && option.blocks.some(isDropped(t))))
      t.fail("a block tells of what was dropped");
    t.counter("TCP_RANGES_FULL").increased();
  },
);

function isDropped(t: Stage) {
  return ({ left }: { left: number }) => (left - t.peer.isn) >>> 0 === 601;
}

script("RFC 2018 4: data that we send while there is a hole carries the blocks", (t) => {
  const socket = connected(t);
  send(t, 101);
  expectSack(t, 1, [[101, 201]]);
  socket.write(100);
  t.expect({ flags: "PA", seq: 1, ack: 1, len: 100, sack: [[101, 201]] });
  t.peer.send({ flags: "A", seq: 1, ack: 101 });
});

script("RFC 2018 4: a full segment leaves room for the blocks", (t) => {
  const socket = connected(t);
  send(t, 101);
  expectSack(t, 1, [[101, 201]]);
  socket.write(1460);
  // 1460 less the 12 octets of a block with its padding.
  t.expect({ flags: "A", seq: 1, ack: 1, len: 1448, sack: [[101, 201]] });
  t.peer.send({ flags: "A", seq: 1, ack: 1449 });
  t.expect({ flags: "PA", seq: 1449, ack: 1, len: 12, sack: [[101, 201]] });
  t.peer.send({ flags: "A", seq: 1, ack: 1461 });
});

script("RFC 2018 2: without SACK-permitted no block is sent", (t) => {
  t.connected();
  send(t, 101);
  expectSack(t, 1, "none");
});

script("RFC 2018 3: SACK blocks cross the end of sequence space", { peerIsn: 0xffffff80 }, (t) => {
  connected(t);
  send(t, 101);
  expectSack(t, 1, [[101, 201]]);
  send(t, 301);
  expectSack(t, 1, [
    [301, 401],
    [101, 201],
  ]);
});

script("RFC 2018 4: a FIN ahead of a hole takes part in its block", (t) => {
  const socket = connected(t);
  t.peer.send({ flags: "FA", seq: 101, ack: 1, len: 100 });
  const { tcp } = t.next("tcp");
  const [block] = tcp.options.flatMap((option) => (option.kind === "sack" ? option.blocks : []));
  const edge = block && (block.right - t.peer.isn) >>> 0;
  if (edge !== 201 && edge !== 202) t.fail(`the block ends at ${edge}`);
  send(t, 1);
  expectSack(t, 202, "none");
  socket.read(200);
  socket.expectEnd();
});

// D-SACK.

script("RFC 2883 4.1.1: a segment that came before is reported once as first block", (t) => {
  connected(t);
  send(t, 1);
  t.expectBetween(t.timeMs, t.timeMs + 40, { flags: "A", seq: 1, ack: 101, sack: "none" });
  send(t, 1);
  expectSack(t, 101, [[1, 101]]);
  t.countersMayMove("TCP_OUTSIDE_WINDOW");
  send(t, 201);
  expectSack(t, 101, [[201, 301]]);
});

script("RFC 2883 4.1.3: a duplicate of data behind a hole is reported before the block that has it", (t) => {
  connected(t);
  send(t, 101, 200);
  expectSack(t, 1, [[101, 301]]);
  send(t, 151, 50);
  expectSack(t, 1, [
    [151, 201],
    [101, 301],
  ]);
  send(t, 401);
  expectSack(t, 1, [
    [401, 501],
    [101, 301],
  ]);
});

script("RFC 2883 4.1.1: the duplicate below a hole comes before the blocks behind it", (t) => {
  connected(t);
  send(t, 1);
  t.expectBetween(t.timeMs, t.timeMs + 40, { flags: "A", seq: 1, ack: 101, sack: "none" });
  send(t, 201);
  expectSack(t, 101, [[201, 301]]);
  send(t, 1);
  expectSack(t, 101, [
    [1, 101],
    [201, 301],
  ]);
  t.countersMayMove("TCP_OUTSIDE_WINDOW");
});

script("RFC 2883 4: without SACK-permitted a duplicate is not reported", (t) => {
  t.connected();
  send(t, 1);
  t.expectBetween(t.timeMs, t.timeMs + 40, { flags: "A", seq: 1, ack: 101 });
  send(t, 1);
  expectSack(t, 101, "none");
  t.countersMayMove("TCP_OUTSIDE_WINDOW");
});

script("RFC 2883 4.2.1: of a segment that is partly old, the part that was received is reported", (t) => {
  const socket = connected(t);
  send(t, 1);
  t.expectBetween(t.timeMs, t.timeMs + 40, { flags: "A", seq: 1, ack: 101 });
  send(t, 51);
  t.waitBetween(t.timeMs, t.timeMs + 40);
  const { tcp } = t.next("tcp");
  const blocks = tcp.options.flatMap((option) => (option.kind === "sack" ? option.blocks : []));
  const text = blocks.map(({ left, right }) => `${left - t.peer.isn}-${right - t.peer.isn}`).join();
  if (text !== "51-101") t.fail(`the blocks are ${text}, should be 51-101`);
  t.countersMayMove("TCP_OUTSIDE_WINDOW");
  socket.read(150);
});
