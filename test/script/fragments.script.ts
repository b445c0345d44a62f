import { decodeIpv4, encodeIcmp, IcmpType, type Ipv4Spec } from "../../host/packet/index.js";
import { script } from "./script.js";
import { pattern } from "./segment.js";
import { DEVICE, PEER_HOST, type Stage, type StageOptions } from "./stage.js";

const OPTIONS: StageOptions = {
  build: "standard",
  config: { fragmentBuffers: 2, fragmentBytes: 4000 },
};

/** RFC 791 section 3.2. */
const TIMEOUT_MS = 15000;

/** Sends octets `from` to `to` of what a datagram carries. */
function fragment(
  t: Stage,
  whole: Uint8Array,
  from: number,
  to: number,
  forged: Partial<Ipv4Spec> = {},
): void {
  t.send({
    ipv4: {
      ...{ source: PEER_HOST.address, destination: DEVICE.address, protocol: 1, identification: 77 },
      ...{ fragmentOffset: from, moreFragments: to < whole.length, ...forged },
    },
    payload: whole.slice(from, to),
  });
}

function echo(length: number): Uint8Array {
  const payload = pattern(1, length);
  return encodeIcmp({ type: IcmpType.ECHO_REQUEST, identifier: 7, sequence: 9, payload });
}

function expectEcho(t: Stage, length: number): void {
  const { icmp } = t.next("icmp");
  if (icmp.type !== IcmpType.ECHO_REPLY || icmp.payload.join() !== pattern(1, length).join())
    t.fail(`type ${icmp.type} with ${icmp.payload.length} bytes, should be an echo of ${length}`);
}

script("RFC 791 3.2: an echo request in fragments is answered once it is whole", OPTIONS, (t) => {
  const whole = echo(1392);
  for (const order of [
    [0, 1, 2],
    [2, 1, 0],
    [1, 2, 0],
  ]) {
    for (const index of order) {
      t.expectNothing();
      fragment(t, whole, index * 504, Math.min(index * 504 + 504, whole.length));
    }
    expectEcho(t, 1392);
  }
  t.counter("FRAGMENTS_REASSEMBLED").increased(3);
});

script("RFC 1122 3.2.2.6: an echo that is longer than a packet is cut off", OPTIONS, (t) => {
  const whole = echo(3000);
  fragment(t, whole, 0, 1480);
  fragment(t, whole, 1480, 2960);
  fragment(t, whole, 2960, whole.length);
  expectEcho(t, 1472);
  t.counter("FRAGMENTS_REASSEMBLED").increased();
});

script("RFC 1122 3.3.2: who sent fragment zero hears when the rest does not come", OPTIONS, (t) => {
  fragment(t, echo(1000), 0, 504);
  t.waitBetween(TIMEOUT_MS, TIMEOUT_MS);
  const { icmp, ethernet } = t.next("icmp");
  if (icmp.type !== 11 || icmp.code !== 1 || ethernet.destination !== PEER_HOST.mac)
    t.fail(`type ${icmp.type} code ${icmp.code} to ${ethernet.destination}`);
  const quoted = decodeIpv4(icmp.payload, []);
  if (quoted?.identification !== 77 || icmp.payload.length !== 28) t.fail("it quotes something else");
  fragment(t, echo(1000), 504, 1008);
  t.after(2 * TIMEOUT_MS);
  t.counter("FRAGMENT_EXPIRED").increased(2);
  t.counter("ICMP_UNREACHABLE").increased();
});

script("RFC 5722 4: an overlap ends a datagram, and those of its fragments that still come", OPTIONS, (t) => {
  const whole = echo(1000);
  fragment(t, whole, 504, 1008);
  fragment(t, whole, 0, 512);
  fragment(t, whole, 0, 504);
  t.after(2 * TIMEOUT_MS);
  t.counter("FRAGMENT_OVERLAP").increased(2);
  fragment(t, whole, 504, 1008);
  fragment(t, whole, 0, 504);
  expectEcho(t, 1000);
  t.counter("FRAGMENTS_REASSEMBLED").increased();
});

script("RFC 8200 4.5: a fragment that comes twice is no overlap", OPTIONS, (t) => {
  const whole = echo(1000);
  for (const [from, to] of [
    [504, 1008],
    [504, 1008],
    [0, 504],
  ] as const)
    fragment(t, whole, from, to);
  expectEcho(t, 1000);
  t.counter("FRAGMENT_DUPLICATE").increased();
  t.counter("FRAGMENTS_REASSEMBLED").increased();
});

script("RFC 791 3.1: fragments beyond 65535 octets are dropped", OPTIONS, (t) => {
  fragment(t, pattern(1, 65528 + 1400), 65528, 65528 + 1400);
  fragment(t, pattern(1, 66000), 65520, 65520 + 480);
  t.after(2 * TIMEOUT_MS);
  t.counter("IP_FRAGMENT").increased(2);
});

script(
  "RFC 1858 3: a first fragment with a part of a TCP header is dropped, and so is the other part",
  OPTIONS,
  (t) => {
    t.listen(80);
    const segment = new Uint8Array(40);
    segment.set([0x9c, 0x40, 0, 80, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 2, 9, 9]);
    fragment(t, segment, 0, 8, { protocol: 6 });
    fragment(t, segment, 8, 40, { protocol: 6 });
    t.after(2 * TIMEOUT_MS);
    t.counter("FRAGMENT_BAD").increased(2);
  },
);

script("more datagrams in fragments than buffers: the oldest makes way", OPTIONS, (t) => {
  const whole = echo(1000);
  for (const identification of [1, 2, 3]) {
    fragment(t, whole, 504, 1008, { identification });
    t.after(10);
  }
  t.counter("FRAGMENT_EVICTED").increased();
  for (const identification of [2, 3]) {
    fragment(t, whole, 0, 504, { identification });
    expectEcho(t, 1000);
  }
  t.counter("FRAGMENTS_REASSEMBLED").increased(2);
});

script("a segment in fragments is taken as one", OPTIONS, (t) => {
  const socket = t.accepted();
  const data = pattern(1, 600);
  t.cutting(200, () => t.peer.send({ flags: "PA", seq: 1, ack: 1, data }));
  t.expectBetween(100, 200, { flags: "A", seq: 1, ack: 601 });
  socket.read(data);
  t.counter("FRAGMENTS_REASSEMBLED").increased();
});
