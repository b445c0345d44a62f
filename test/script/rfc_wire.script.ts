// Requirements of RFC 9293 sections 3.1 to 3.7 that no other script shows, by their number in its appendix B.

import { TcpFlag, type TcpPacket, tcpOption } from "../../host/packet/index.js";
import { script } from "./script.js";
import { Stage } from "./stage.js";

script("RFC 9293 MUST-1: a window with its highest bit set is a large one", (t) => {
  const socket = t.connected({ window: 0x8000 });
  socket.write(1460);
  t.expect({ flags: "PA", seq: 1, ack: 1, len: 1460 });
  if (t.core.tcpInfo(socket.handle).sndWnd !== 0x8000) t.fail("SND.WND is another");
});

script("RFC 9293 REC-1: a window of more than 16 bits is one", (t) => {
  const socket = t.connect(80);
  t.expect({ flags: "S", seq: 0 });
  t.peer.send({ flags: "SA", seq: 0, ack: 1, mss: 1460, windowScale: 4, window: 65535 });
  t.expect({ flags: "A", seq: 1, ack: 1 });
  const windowOf = () => t.core.tcpInfo(socket.handle).sndWnd;
  if (windowOf() !== 65535) t.fail(`the window of a SYN is not scaled, SND.WND is ${windowOf()}`);
  t.peer.send({ flags: "A", seq: 1, ack: 1, window: 65535 });
  if (windowOf() !== 65535 * 16) t.fail(`SND.WND is ${windowOf()}`);
});

script("RFC 9293 MUST-2: segments of odd and even lengths leave with a right checksum", (t) => {
  const socket = t.connected();
  // The stage refuses a frame whose checksum the independent codec does not find right.
  for (let length = 1, seq = 1; length <= 9; seq += length, length++) {
    socket.write(length);
    t.expect({ flags: "PA", seq, ack: 1, len: length });
    t.peer.send({ flags: "A", seq: 1, ack: seq + length });
  }
});

script("RFC 9293 MUST-4: end of list, no-operation and MSS are understood, in this order or another", (t) => {
  const listener = t.listen(80);
  // NOP, NOP, MSS 600, end, and behind it an MSS of 100 that is only padding.
  t.peer.send({ flags: "S", seq: 0, options: Uint8Array.of(1, 1, 2, 4, 2, 88, 0, 2, 4, 0, 100, 0) });
  t.peer.noteMss(600);
  t.expect({ flags: "SA", seq: 0, ack: 1 });
  t.peer.send({ flags: "A", seq: 1, ack: 1 });
  listener.accept().write(1200);
  t.expect({ flags: "A", seq: 1, ack: 1, len: 600 });
  t.expect({ flags: "PA", seq: 601, ack: 1, len: 600 });
});

/** Octets of options as they stand in the header, by the options that the codec found. */
function optionBytes({ tcp }: TcpPacket): number {
  const bytes = { end: 1, nop: 1, mss: 4, windowScale: 3, sackPermitted: 2, timestamps: 10 };
  return tcp.options.reduce((sum, option) => {
    if (option.kind === "sack") return sum + 2 + option.blocks.length * 8;
    return sum + (option.kind === "unknown" ? Number.NaN : bytes[option.kind]);
  }, 0);
}

script(
  "RFC 9293 MUST-68, MUST-69: our options have their lengths, and fill the header to its last octet",
  (t) => {
    t.connect(80);
    const packet = t.next("tcp");
    if (!(packet.tcp.flags & TcpFlag.SYN)) t.fail("no SYN");
    // Without an end of the list there is no padding behind it, which would have to be zero.
    if (packet.tcp.options.some(({ kind }) => kind === "end")) t.fail("an end of the list needs padding");
    if (optionBytes(packet) !== packet.tcp.headerBytes - 20)
      t.fail(`options of ${optionBytes(packet)} bytes in a header of ${packet.tcp.headerBytes}`);
  },
);

script("RFC 9293 MUST-66: urgent data are announced while our window is shut", (t) => {
  const socket = t.connected();
  for (let seq = 1; seq <= 8192; seq += 1024) t.peer.send({ flags: "A", seq, ack: 1, len: 1024 });
  takeAcks(t, 500);
  socket.expectEvents("READABLE");
  t.peer.send({ flags: "AU", seq: 8193, ack: 1, urgent: 100 });
  socket.expectEvents("URGENT");
  t.peer.send({ flags: "R", seq: 8193 });
  socket.expectEvents("FAILED");
  t.counter("TCP_RESETS_IN").increased();
});

/** Takes ACKs for `ms`. */
function takeAcks(t: Stage, ms: number): void {
  const end = t.timeMs + ms;
  do {
    while (t.frames > 0) t.next("tcp");
    t.waitBetween(t.timeMs, end);
  } while (t.timeMs < end || t.frames > 0);
}

/** Our initial sequence numbers towards the default peer, each asked for `ms` after the last. */
function initialNumbers(t: Stage, waits: readonly number[], port = 40000): number[] {
  const peer = t.newPeer({ devicePort: 80, port });
  return waits.map((ms) => {
    t.after(ms);
    peer.send({ flags: "S", seq: 0, mss: 1460 });
    const { tcp } = t.next("tcp");
    peer.send({ flags: "R", seq: 1 });
    return tcp.seq;
  });
}

script("RFC 9293 MUST-8: a connection's initial numbers follow a clock of 4 microseconds", (t) => {
  t.listen(80);
  const [first = 0, second = 0, third = 0] = initialNumbers(t, [0, 1000, 20000], 41000);
  if ((second - first) >>> 0 !== 250000) t.fail(`a second moved it by ${(second - first) >>> 0}`);
  if ((third - second) >>> 0 !== 5000000) t.fail(`20 seconds moved it by ${(third - second) >>> 0}`);
  t.counter("TCP_RESETS_IN").increased(3);
});

script(
  "RFC 9293 SHLD-1, MUST-9: initial numbers of other ports, and of another secret, lie elsewhere",
  (t) => {
    t.listen(80);
    const numbers = Array.from({ length: 20 }, (_, index) => initialNumbers(t, [0], 42000 + index)[0] ?? 0);
    numbers.sort((a, b) => a - b);
    const gaps = numbers.slice(1).map((number, index) => number - (numbers[index] ?? 0));
    if (Math.min(...gaps) < 1000) t.fail("two lie close together");
    if (Math.max(...gaps) > 2 ** 31) t.fail("they lie in one half of the space");
    // The same ports, and another seed at boot.
    const other = new Stage(t.wasm, t.engine, { config: { seed: new Uint8Array(32).fill(7) } });
    other.listen(80);
    const [mine, others] = [t, other].map((stage) => initialNumbers(stage, [0], 42000)[0] ?? 0);
    if (Math.abs(((mine ?? 0) - (others ?? 0)) | 0) < 1000) t.fail("another secret gives the same numbers");
    t.counter("TCP_RESETS_IN").increased(21);
  },
);

script("RFC 9293 SHLD-2: a reset with data in it is a reset", (t) => {
  const socket = t.connected();
  t.peer.send({ flags: "R", seq: 1, data: "no room for you here" });
  t.expectNothing();
  socket.expectEvents("FAILED");
  socket.expectError("CONNECTION_RESET");
  t.counter("TCP_RESETS_IN").increased();
});

script(
  "RFC 9293 SHLD-4: with timestamps a SYN below the old numbers opens a new connection from TIME-WAIT",
  (t) => {
    const listener = t.listen(80);
    const clock = (value: number, echo: number) => ({ timestamps: { value, echo } });
    t.peer.send({ flags: "S", seq: 0, mss: 1460, ...clock(1000, 0) });
    const value = () => {
      const { tcp } = t.next("tcp");
      return tcpOption(tcp, "timestamps")?.value ?? t.fail("no timestamps");
    };
    t.peer.send({ flags: "A", seq: 1, ack: 1, ...clock(1001, value()) });
    const socket = listener.accept();
    socket.close();
    t.peer.send({ flags: "FA", seq: 1, ack: 2, ...clock(1002, value()) });
    value();
    t.expectRecords({ timeWaitEntries: 1 });
    t.after(100);
    t.peer.send({ flags: "S", seq: -500, mss: 1460, ...clock(1003, 0) });
    t.expect({ flags: "SA", seq: 0, ack: -499 });
    t.expectRecords({ synEntries: 1 });
  },
);

for (const mtu of [576, 1000, 1500])
  script(
    `RFC 9293 MUST-14, MUST-67, SHLD-5: SYN and SYN-ACK name an MSS of ${mtu - 40} where the MTU is ${mtu}`,
    { config: { mtu } },
    (t) => {
      t.connect(80);
      t.expect({ flags: "S", seq: 0, mss: mtu - 40 });
      const other = t.newPeer({ devicePort: 81, port: 40001 });
      t.listen(81);
      other.send({ flags: "S", seq: 0, mss: 1460 });
      other.expect({ flags: "SA", seq: 0, ack: 1, mss: mtu - 40 });
    },
  );

script("RFC 9293 MUST-65: segments without SYN name no MSS", (t) => {
  const socket = t.connect(80);
  t.expect({ flags: "S", seq: 0, mss: 1460 });
  t.peer.send({ flags: "SA", seq: 0, ack: 1, mss: 1460 });
  t.expect({ flags: "A", seq: 1, ack: 1, mss: "none" });
  socket.write(10);
  t.expect({ flags: "PA", seq: 1, ack: 1, len: 10, mss: "none" });
  socket.shutdown();
  t.expect({ flags: "FA", seq: 11, ack: 1, mss: "none" });
  socket.abort();
  t.expect({ flags: "RA", seq: 12, ack: 1, mss: "none" });
});

script(
  "RFC 9293 MUST-16: our own MTU bounds what we send, whatever the peer's MSS",
  { config: { mtu: 600 } },
  (t) => {
    const socket = t.connected({ mss: 1460 });
    socket.write(1120);
    t.expect({ flags: "A", seq: 1, ack: 1, len: 560 });
    t.expect({ flags: "PA", seq: 561, ack: 1, len: 560 });
  },
);
