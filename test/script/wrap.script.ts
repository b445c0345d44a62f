import { script } from "./script.js";
import { Stage } from "./stage.js";

/** Initial sequence numbers advance by 250 each millisecond, RFC 6528 section 3. */
const ISN_STEP = 250;

/**
 * Lets time pass until the device's next initial sequence number comes within one step before `target`. `isnOf` opens
 * a connection on another stage like this one, and says what number that got at time 0.
 */
function waitForIsn(t: Stage, target: number, isnOf: (probe: Stage) => number): void {
  const isn = isnOf(new Stage(t.wasm, t.engine, t.options));
  t.at(Math.floor(((target - isn) >>> 0) / ISN_STEP));
}

function activeIsn(probe: Stage): number {
  probe.connect(80);
  return probe.next("tcp").tcp.seq;
}

function passiveIsn(probe: Stage): number {
  probe.listen(80);
  probe.peer.send({ flags: "S", seq: 0 });
  return probe.next("tcp").tcp.seq;
}

script("RFC 9293 3.4: what we receive crosses the end of sequence space", { peerIsn: 0xffffff00 }, (t) => {
  const socket = t.connected();
  t.peer.send({ flags: "A", seq: 1, ack: 1, len: 200 });
  // A hole that begins before the wrap and ends behind it.
  t.peer.send({ flags: "A", seq: 301, ack: 1, len: 100 });
  t.expect({ flags: "A", seq: 1, ack: 201 });
  t.peer.send({ flags: "A", seq: 201, ack: 1, len: 100 });
  t.expect({ flags: "A", seq: 1, ack: 401 });
  socket.read(400);
  t.peer.send({ flags: "FA", seq: 401, ack: 1 });
  t.expect({ flags: "A", seq: 1, ack: 402 });
  socket.expectEnd();
});

for (const [name, peerIsn] of [
  ["SYN", 0xffffffff],
  ["last byte", 0xfffffffe],
  ["FIN", 0xfffffffd],
] as const)
  script(`RFC 9293 3.4: the peer's ${name} is the last of sequence space`, { peerIsn }, (t) => {
    const socket = t.connected();
    t.peer.send({ flags: "PA", seq: 1, ack: 1, len: 1 });
    socket.read(1);
    t.expectAt(t.timeMs + 40, { flags: "A", seq: 1, ack: 2 });
    t.peer.send({ flags: "FA", seq: 2, ack: 1 });
    t.expect({ flags: "A", seq: 1, ack: 3 });
    t.peer.send({ flags: "R", seq: 2 });
    t.counter("TCP_RST_OUTSIDE").increased();
    t.peer.send({ flags: "R", seq: 3 });
    t.counter("TCP_RESETS_IN").increased();
    socket.expectEvents("READABLE", "PEER_CLOSED", "FAILED");
  });

script("RFC 9293 3.4: what we send crosses the end of sequence space, and is sent again across it", (t) => {
  waitForIsn(t, 0xfffffe00, activeIsn);
  const socket = t.connected({ mss: 1000, rttMs: 100 });
  const isn = t.peer.deviceIsn ?? 0;
  if (isn < 0xfffffd00 || isn > 0xffffff00) t.fail(`the initial sequence number is ${isn}`);
  const start = t.timeMs;
  socket.write(2000);
  t.expect({ flags: "A", seq: 1, ack: 1, len: 1000 });
  t.expect({ flags: "PA", seq: 1001, ack: 1, len: 1000 });
  t.expectAt(start + 300, { flags: "A", seq: 1, ack: 1, len: 1000 });
  t.peer.send({ flags: "A", seq: 1, ack: 2001 });
  socket.write(1000);
  t.expect({ flags: "PA", seq: 2001, ack: 1, len: 1000 });
  t.peer.send({ flags: "A", seq: 1, ack: 2501 });
  socket.shutdown();
  t.peer.send({ flags: "A", seq: 1, ack: 3001 });
  t.expect({ flags: "FA", seq: 3001, ack: 1 });
  t.peer.send({ flags: "A", seq: 1, ack: 3002 });
  socket.expectState("FIN_WAIT_2");
});

script("RFC 9293 3.4: a passive open's sequence numbers cross the end of sequence space", (t) => {
  waitForIsn(t, 0xfffffff0, passiveIsn);
  const socket = t.accepted();
  socket.write(1000);
  t.expect({ flags: "PA", seq: 1, ack: 1, len: 1000 });
  t.peer.send({ flags: "A", seq: 1, ack: 1001 });
  t.after(60000);
});

for (const before of [1, 50, 101, 400, 1500])
  script(
    `the clock's wrap ${before} ms after boot changes nothing for timers`,
    { clock: 2 ** 32 - before },
    (t) => {
      const socket = t.connected({ rttMs: 100 });
      socket.write(100);
      t.expect({ flags: "PA", seq: 1, ack: 1, len: 100 });
      for (const timeMs of [400, 1000, 2200]) t.expectAt(timeMs, { flags: "PA", seq: 1, ack: 1, len: 100 });
      t.peer.send({ flags: "A", seq: 1, ack: 101 });
      t.peer.send({ flags: "PA", seq: 1, ack: 101, len: 10 });
      socket.read(10);
      t.expectAt(2240, { flags: "A", seq: 101, ack: 11 });
      t.after(100000);
    },
  );

script(
  "a day of idleness, with the clock's wrap in it, ends no connection",
  { clock: 2 ** 32 - 43200000 },
  (t) => {
    const socket = t.connected();
    t.after(86400000);
    socket.write(10);
    t.expect({ flags: "PA", seq: 1, ack: 1, len: 10 });
    t.peer.send({ flags: "A", seq: 1, ack: 11 });
  },
);

script(
  "of two timers, one before and one behind the clock's wrap, the earlier runs first",
  { clock: 2 ** 32 - 350 },
  (t) => {
    const socket = t.connected({ rttMs: 100 });
    socket.write(100);
    t.expect({ flags: "PA", seq: 1, ack: 1, len: 100 });
    t.peer.send({ flags: "PA", seq: 1, ack: 1, len: 10 });
    socket.read(10);
    t.expectAt(140, { flags: "A", seq: 101, ack: 11 });
    t.expectAt(400, { flags: "PA", seq: 1, ack: 11, len: 100 });
    t.peer.send({ flags: "A", seq: 11, ack: 101 });
  },
);

for (const days of [1, 25, 40])
  script(`a host that slept for ${days} days finds its connection, and what was due leaves once`, (t) => {
    const socket = t.connected({ rttMs: 100 });
    socket.write(100);
    t.expect({ flags: "PA", seq: 1, ack: 1, len: 100 });
    t.jump(days * 86400000);
    t.expect({ flags: "PA", seq: 1, ack: 1, len: 100 });
    t.expectNothing();
    t.peer.send({ flags: "A", seq: 1, ack: 101 });
    t.peer.send({ flags: "PA", seq: 1, ack: 101, len: 10 });
    socket.read(10);
    t.expectAt(t.timeMs + 40, { flags: "A", seq: 101, ack: 11 });
  });

script("a clock that is set back a little stands still, and timers go on from there", (t) => {
  const socket = t.connected({ rttMs: 100 });
  socket.write(100);
  t.expect({ flags: "PA", seq: 1, ack: 1, len: 100 });
  t.after(100);
  t.jump(-50);
  // 100 ms of the RTO of 300 are over, and 50 more pass before the clock is where it was: the core's does not go back.
  t.expectBetween(t.timeMs + 200, t.timeMs + 250, { flags: "PA", seq: 1, ack: 1, len: 100 });
  t.peer.send({ flags: "A", seq: 1, ack: 101 });
});
