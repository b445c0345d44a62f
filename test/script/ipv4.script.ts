import { IcmpType, type Ipv4Spec } from "../../host/packet/index.js";
import { script } from "./script.js";
import { type CounterName, DEVICE, PEER_HOST, type Stage } from "./stage.js";

/** An echo request that would be answered, but for what is forged in its IP header. */
function ping(t: Stage, forged: Partial<Ipv4Spec> = {}): void {
  t.send({
    ipv4: { source: PEER_HOST.address, destination: DEVICE.address, ...forged },
    icmp: { type: IcmpType.ECHO_REQUEST, payload: new Uint8Array(40) },
  });
}

const DROPPED: readonly (readonly [string, Partial<Ipv4Spec>, CounterName])[] = [
  ["RFC 791 3.1: version 6", { version: 6 }, "IP_MALFORMED"],
  ["RFC 791 3.1: a header length below 20", { ihl: 4 }, "IP_MALFORMED"],
  ["RFC 791 3.1: a header length of 0", { ihl: 0 }, "IP_MALFORMED"],
  ["RFC 791 3.1: a total length below the header's", { totalBytes: 19 }, "IP_MALFORMED"],
  ["RFC 791 3.1: a total length of 0", { totalBytes: 0 }, "IP_MALFORMED"],
  ["RFC 791 3.1: a total length beyond the frame", { totalBytes: 69 }, "IP_MALFORMED"],
  ["RFC 791 3.1: a total length of 65535", { totalBytes: 65535 }, "IP_MALFORMED"],
  ["RFC 1122 3.2.1.2: a wrong header checksum", { checksum: 0xbad }, "IP_CHECKSUM"],
  ["RFC 791 3.2: a first fragment", { moreFragments: true }, "IP_FRAGMENT"],
  ["RFC 791 3.2: a later fragment", { fragmentOffset: 1480 }, "IP_FRAGMENT"],
  ["RFC 1122 3.2.1.3: another host's address", { destination: "10.0.0.9" }, "IP_NOT_OURS"],
  ["RFC 1122 3.2.1.3: source 0.0.0.0", { source: "0.0.0.0" }, "IP_BAD_SOURCE"],
  ["RFC 1122 3.2.1.3: a multicast source", { source: "224.0.0.1" }, "IP_BAD_SOURCE"],
  ["RFC 1122 3.2.1.3: a broadcast source", { source: "255.255.255.255" }, "IP_BAD_SOURCE"],
  ["RFC 1122 3.2.1.3: our network's broadcast as source", { source: "10.0.0.255" }, "IP_BAD_SOURCE"],
  ["RFC 1122 3.2.1.3: a loopback source", { source: "127.0.0.1" }, "IP_BAD_SOURCE"],
  ["RFC 1122 3.2.1.3: our own address as source", { source: DEVICE.address }, "IP_BAD_SOURCE"],
];

for (const [what, forged, counter] of DROPPED)
  script(`${what} is dropped`, (t) => {
    ping(t, forged);
    t.expectNothing();
    t.counter(counter).increased();
  });

script("RFC 1122 3.2.2.1: a protocol that is not there is answered by protocol unreachable", (t) => {
  ping(t, { protocol: 99 });
  const { icmp } = t.next("icmp");
  if (icmp.type !== 3 || icmp.code !== 2) t.fail(`type ${icmp.type} code ${icmp.code}, should be 3 and 2`);
  t.counter("IP_UNKNOWN_PROTOCOL").increased();
  t.counter("ICMP_UNREACHABLE").increased();
});

script("RFC 791 3.1: a header with options is read behind them", (t) => {
  ping(t, { options: Uint8Array.of(7, 11, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0) });
  t.next("icmp");
  ping(t, { options: new Uint8Array(40).fill(1) });
  t.next("icmp");
});

script("RFC 791 3.1: a header that is longer than its datagram is dropped", (t) => {
  // 20 bytes of header are there, 60 are claimed; the frame's padding is not the datagram's.
  t.send({
    ipv4: { source: PEER_HOST.address, destination: DEVICE.address, ihl: 15, totalBytes: 20 },
    payload: new Uint8Array(0),
  });
  t.expectNothing();
  t.counter("IP_MALFORMED").increased();
});

script("RFC 791 3.1: a datagram cut short in its header is dropped", (t) => {
  for (const length of [0, 1, 19])
    t.send({
      link: { source: PEER_HOST.mac, destination: DEVICE.mac, minimumBytes: 0 },
      payload: new Uint8Array(length).fill(0x45),
    });
  t.expectNothing();
  t.counter("IP_MALFORMED").increased(3);
});
