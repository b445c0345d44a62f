// Segments that are wrong in themselves: each is dropped, counted by name, and harms nobody.

import { script } from "./script.js";
import type { SegmentSpec } from "./segment.js";
import { type CounterName, DEVICE, PEER_HOST } from "./stage.js";

const IP = { source: PEER_HOST.address, destination: DEVICE.address } as const;

for (const [what, dataOffset] of [
  ["0", 0],
  ["4", 4],
  ["beyond the segment", 6],
  ["15", 15],
] as const)
  script(`RFC 9293 3.1: a segment with a data offset of ${what} is dropped`, (t) => {
    const socket = t.connected();
    t.peer.send({ flags: "A", seq: 1, ack: 1, forge: { dataOffset } });
    t.expectNothing();
    t.counter("TCP_MALFORMED").increased();
    socket.expectState("ESTABLISHED");
  });

script("RFC 9293 3.1: a segment cut short in its header is dropped", (t) => {
  for (const length of [0, 1, 4, 12, 19])
    t.send({ ipv4: { ...IP, protocol: 6 }, payload: new Uint8Array(length) });
  t.expectNothing();
  t.counter("TCP_MALFORMED").increased(5);
});

for (const [what, forge] of [
  ["source port 0", { sourcePort: 0 }],
  ["destination port 0", { destinationPort: 0 }],
] as const)
  script(`RFC 9293 3.1: a SYN with ${what} is dropped`, (t) => {
    t.listen(80);
    t.peer.send({ flags: "S", seq: 0, forge });
    t.expectNothing();
    t.counter("TCP_BAD_ADDRESS").increased();
    t.expectRecords({});
  });

// MSS 1000 stands in front of what is wrong: the options before the lie count, those behind it do not.
for (const [what, options] of [
  ["length 0", [2, 4, 0x03, 0xe8, 8, 0, 2, 4]],
  ["length 1", [2, 4, 0x03, 0xe8, 8, 1, 2, 4]],
  ["a length beyond the header", [2, 4, 0x03, 0xe8, 1, 1, 8, 10]],
  ["no length at all", [2, 4, 0x03, 0xe8, 1, 1, 1, 8]],
] as const)
  script(`RFC 9293 3.1: an option with ${what} ends the list, and the SYN is taken`, (t) => {
    const listener = t.listen(80);
    t.peer.send({ flags: "S", seq: 0, options: Uint8Array.from(options) });
    t.expect({ flags: "SA", seq: 0, ack: 1 });
    t.counter("TCP_BAD_OPTION").increased();
    t.peer.send({ flags: "A", seq: 1, ack: 1 });
    listener.accept().write(2000);
    t.expect({ flags: "A", seq: 1, ack: 1, len: 1000 });
    t.expect({ flags: "PA", seq: 1001, ack: 1, len: 1000 });
    t.peer.send({ flags: "A", seq: 1, ack: 2001 });
  });

for (const [what, options] of [
  ["behind the end of the list", [0, 2, 4, 0x03]],
  ["of a wrong length", [2, 3, 0x03, 1]],
] as const)
  script(`RFC 9293 3.1: an MSS option ${what} does not count`, (t) => {
    const listener = t.listen(80);
    t.peer.send({ flags: "S", seq: 0, options: Uint8Array.from(options) });
    t.expect({ flags: "SA", seq: 0, ack: 1 });
    t.peer.send({ flags: "A", seq: 1, ack: 1 });
    listener.accept().write(1072);
    t.expect({ flags: "A", seq: 1, ack: 1, len: 536 });
    t.expect({ flags: "PA", seq: 537, ack: 1, len: 536 });
    t.peer.send({ flags: "A", seq: 1, ack: 1073 });
  });

script("RFC 9293 3.1: unknown options are passed over, at any alignment", (t) => {
  const listener = t.listen(80);
  const options = Uint8Array.from([
    254, 3, 9, 1, 253, 2, 2, 4, 0x03, 0xe8, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 3, 3, 7, 0,
  ]);
  t.peer.send({ flags: "S", seq: 0, options });
  t.expect({ flags: "SA", seq: 0, ack: 1 });
  const timestamps = { value: 2, echo: 0 };
  t.peer.send({ flags: "A", seq: 1, ack: 1, timestamps });
  listener.accept().write(988);
  t.expect({ flags: "PA", seq: 1, ack: 1, len: 988 });
  t.peer.send({ flags: "A", seq: 1, ack: 989, timestamps });
});

for (const mss of [1, 2, 47])
  script(`an MSS of ${mss} does not make us send segments of ${mss}`, (t) => {
    const listener = t.listen(80);
    t.peer.send({ flags: "S", seq: 0, mss });
    t.expect({ flags: "SA", seq: 0, ack: 1 });
    // Linux's floor: below it the headers would be most of what is sent.
    t.peer.noteMss(48);
    t.peer.send({ flags: "A", seq: 1, ack: 1 });
    listener.accept().write(96);
    t.expect({ flags: "A", seq: 1, ack: 1, len: 48 });
    t.expect({ flags: "PA", seq: 49, ack: 1, len: 48 });
    t.peer.send({ flags: "A", seq: 1, ack: 97 });
  });

script("RFC 9293 3.7.1: an MSS of 65535 is bounded by our MTU", { config: { mtu: 576 } }, (t) => {
  const socket = t.connected({ mss: 65535 });
  socket.write(1072);
  t.expect({ flags: "A", seq: 1, ack: 1, len: 536 });
  t.expect({ flags: "PA", seq: 537, ack: 1, len: 536 });
  t.peer.send({ flags: "A", seq: 1, ack: 1073 });
});

const TO_LISTENER: readonly (readonly [string, SegmentSpec, CounterName])[] = [
  ["SYN and FIN", { flags: "SF", seq: 0 }, "TCP_BAD_FLAGS"],
  ["FIN alone", { flags: "F", seq: 0 }, "TCP_BAD_FLAGS"],
  ["no flags", { flags: "", seq: 0 }, "TCP_BAD_FLAGS"],
  ["SYN and RST", { flags: "SR", seq: 0 }, "TCP_NO_CONNECTION"],
];

for (const [what, segment, counter] of TO_LISTENER)
  script(`RFC 9293 3.10.7.2: a segment with ${what} opens nothing`, (t) => {
    t.listen(80);
    t.peer.send(segment);
    t.expectNothing();
    t.counter(counter).increased();
    t.expectRecords({});
  });

script("a segment with all flags opens nothing, and is not answered", (t) => {
  t.listen(80);
  t.peer.send({ flags: "FSRPAUECN", seq: 0, ack: 5 });
  t.expectNothing();
  t.counter("TCP_NO_CONNECTION").increased();
  t.expectRecords({});
});

script("a SYN from our own address and port opens nothing (LAND)", (t) => {
  t.listen(80);
  t.peer.send({ flags: "S", seq: 0, forge: { sourcePort: 80 } }, { ipv4: { source: DEVICE.address } });
  t.expectNothing();
  t.counter("IP_BAD_SOURCE").increased();
  t.expectRecords({});
});

script("RFC 1122 4.2.3.10: a SYN to a broadcast address opens nothing", (t) => {
  t.listen(80);
  for (const destination of ["255.255.255.255", "10.0.0.255", "224.0.0.1"])
    t.peer.send({ flags: "S", seq: 0 }, { ipv4: { destination } });
  t.counter("IP_NOT_OURS").increased(3);
  // And one to our address in a broadcast frame (RFC 1122 section 3.3.6).
  t.peer.send({ flags: "S", seq: 0 }, { link: { destination: "ff:ff:ff:ff:ff:ff" } });
  t.counter("IP_NOT_OURS").increased();
  t.expectNothing();
  t.expectRecords({});
});

script("RFC 6093: urgent data stays in the stream, whatever the pointer says", (t) => {
  const socket = t.connected();
  let seq = 1;
  for (const urgent of [0, 1, 5, 65535]) {
    t.peer.send({ flags: "PAU", seq, ack: 1, len: 10, urgent });
    seq += 10;
    t.expectBetween(t.timeMs, t.timeMs + 40, { flags: "A", seq: 1, ack: seq });
  }
  socket.read(40);
});

script("the connection beside a storm of wrong segments goes on", (t) => {
  const socket = t.connected();
  for (let round = 0; round < 20; round++) {
    t.peer.send({ flags: "PA", seq: 1 + round * 10, ack: 1, len: 10, forge: { checksum: 1 } });
    t.peer.send({ flags: "PA", seq: 1 + round * 10, ack: 1, len: 10, forge: { dataOffset: 3 } });
    t.peer.send({ flags: "PA", seq: 1 + round * 10, ack: 1, len: 10, options: Uint8Array.of(8, 0, 0, 0) });
    t.expectBetween(t.timeMs, t.timeMs + 40, { flags: "A", seq: 1, ack: 11 + round * 10 });
  }
  t.counter("TCP_CHECKSUM").increased(20);
  t.counter("TCP_MALFORMED").increased(20);
  t.counter("TCP_BAD_OPTION").increased(20);
  socket.read(200);
});
