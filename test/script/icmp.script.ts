import { IcmpType } from "../../host/packet/index.js";
import { script } from "./script.js";
import { pattern } from "./segment.js";
import { DEVICE, PEER_HOST } from "./stage.js";

const TO_DEVICE = { source: PEER_HOST.address, destination: DEVICE.address };

for (const [what, length] of [
  ["no data", 0],
  ["one byte", 1],
  ["an odd length, padded on the wire", 3],
  ["56 bytes", 56],
  ["an odd length", 1001],
  ["as much as a packet holds", 1472],
] as const)
  script(`RFC 792: an echo request with ${what} gets its data back, without padding`, (t) => {
    const payload = pattern(1, length);
    t.send({
      ipv4: TO_DEVICE,
      icmp: { type: IcmpType.ECHO_REQUEST, identifier: 0xbeef, sequence: 0x0102, payload },
    });
    const { ethernet, ipv4, icmp, padding } = t.next("icmp");
    const is = [
      ethernet.destination,
      ipv4.destination,
      ipv4.totalBytes,
      icmp.type,
      icmp.code,
      icmp.identifier,
      icmp.sequence,
    ];
    const should = [PEER_HOST.mac, PEER_HOST.address, 28 + length, 0, 0, 0xbeef, 0x0102];
    if (is.join() !== should.join()) t.fail(`the reply is ${is}, should be ${should}`);
    if (icmp.payload.join() !== payload.join()) t.fail("the reply's data differ");
    if (padding.length > 0 && 14 + ipv4.totalBytes >= 60) t.fail(`${padding.length} bytes behind the reply`);
    t.counter("ICMP_ECHO").increased();
  });

script("RFC 1624 3: an echo reply's checksum is right where a sum is all ones or all zeros", (t) => {
  // The sums of these requests and replies, without their type, lie on both sides of each carry.
  const identifiers = [0, 1, 0xf7fe, 0xf7ff, 0xf800, 0xfffe, 0xffff];
  for (const identifier of identifiers) {
    t.send({ ipv4: TO_DEVICE, icmp: { type: IcmpType.ECHO_REQUEST, identifier } });
    const { icmp } = t.next("icmp");
    if (icmp.identifier !== identifier) t.fail(`reply to ${icmp.identifier}, should be to ${identifier}`);
  }
  t.counter("ICMP_ECHO").increased(identifiers.length);
});

script("RFC 1122 3.2.2: a message with a wrong checksum is dropped", (t) => {
  t.send({ ipv4: TO_DEVICE, icmp: { type: IcmpType.ECHO_REQUEST, payload: pattern(1, 9), checksum: 1 } });
  t.expectNothing();
  t.counter("ICMP_CHECKSUM").increased();
});

script("RFC 792: a message shorter than its header is dropped", (t) => {
  for (const length of [0, 1, 4, 7]) t.send({ ipv4: TO_DEVICE, payload: new Uint8Array(length) });
  t.expectNothing();
  t.counter("ICMP_MALFORMED").increased(4);
});

script("RFC 1122 3.2.2: types that we do not act on are dropped", (t) => {
  for (const type of [IcmpType.ECHO_REPLY, IcmpType.SOURCE_QUENCH, IcmpType.REDIRECT, 13, 17, 255])
    t.send({ ipv4: TO_DEVICE, icmp: { type, payload: pattern(1, 28) } });
  t.expectNothing();
  t.counter("ICMP_IGNORED").increased(6);
});

script("an echo reply that waits for the driver gives way to the frame that comes next", (t) => {
  // The request stands in the input slot until its reply is taken.
  t.holdOutput(() => {
    t.send({ ipv4: TO_DEVICE, icmp: { type: IcmpType.ECHO_REQUEST, sequence: 1 } });
    t.send({ ipv4: TO_DEVICE, icmp: { type: IcmpType.ECHO_REQUEST, sequence: 2 } });
  });
  const { icmp } = t.next("icmp");
  if (icmp.sequence !== 2) t.fail(`reply to ${icmp.sequence}, should be to 2`);
  t.expectNothing();
  t.counter("REPLY_DROPPED").increased();
  t.holdOutput(() => {
    t.send({ ipv4: TO_DEVICE, icmp: { type: IcmpType.ECHO_REQUEST, sequence: 3 } });
    t.send({ ipv4: { ...TO_DEVICE, destination: "10.0.0.9" }, icmp: { type: IcmpType.ECHO_REQUEST } });
  });
  t.expectNothing();
  t.counter("REPLY_DROPPED").increased();
  t.counter("IP_NOT_OURS").increased();
});

script("of two resets that fall due before the first was taken, the first is dropped", (t) => {
  t.holdOutput(() => {
    t.newPeer({ port: 1001, devicePort: 81, isn: 5 }).send({ flags: "S", seq: 0 });
    t.newPeer({ port: 1002, devicePort: 81, isn: 6 }).send({ flags: "S", seq: 0 });
  });
  const { tcp } = t.next("tcp");
  if (tcp.destinationPort !== 1002 || tcp.ack !== 7) t.fail(`reset to port ${tcp.destinationPort}`);
  t.expectNothing();
  t.counter("REPLY_DROPPED").increased();
  t.counter("TCP_NO_CONNECTION").increased(2);
});
