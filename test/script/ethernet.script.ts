import { EtherType, encode, IcmpType, type LinkSpec } from "../../host/packet/index.js";
import { script } from "./script.js";
import { type CounterName, DEVICE, PEER_HOST, type Stage } from "./stage.js";

/** A frame with an echo request that would be answered, but for what is forged in its link header. */
function ping(t: Stage, forged: Partial<LinkSpec>): void {
  t.send({
    link: { source: PEER_HOST.mac, destination: DEVICE.mac, ...forged },
    ipv4: { source: PEER_HOST.address, destination: DEVICE.address },
    icmp: { type: IcmpType.ECHO_REQUEST },
  });
}

const DROPPED: readonly (readonly [string, Partial<LinkSpec>, CounterName])[] = [
  ["another host's address", { destination: "02:00:00:00:00:09" }, "LINK_NOT_OURS"],
  ["a multicast group that is not ours", { destination: "01:00:5e:00:00:fb" }, "LINK_NOT_OURS"],
  ["our own address as source", { source: DEVICE.mac }, "LINK_BAD_SOURCE"],
  ["a group address as source", { source: "03:00:00:00:00:02" }, "LINK_BAD_SOURCE"],
  ["a VLAN tag", { type: EtherType.VLAN }, "LINK_UNKNOWN_TYPE"],
  ["IPv6 inside", { type: EtherType.IPV6 }, "LINK_UNKNOWN_TYPE"],
  ["a length of IEEE 802.3 for a type", { type: 46 }, "LINK_UNKNOWN_TYPE"],
];

for (const [what, forged, counter] of DROPPED)
  script(`a frame with ${what} is dropped`, (t) => {
    ping(t, forged);
    t.expectNothing();
    t.counter(counter).increased();
  });

script("frames of 0 to 13 bytes are dropped", (t) => {
  for (let length = 0; length < 14; length++) t.input(new Uint8Array(length).fill(2));
  t.expectNothing();
  t.counter("LINK_TOO_SHORT").increased(14);
});

script("a frame longer than the MTU allows is dropped, and the longest is taken", (t) => {
  const longest = encode({
    link: { source: PEER_HOST.mac, destination: DEVICE.mac, minimumBytes: 1514 },
    ipv4: { source: PEER_HOST.address, destination: DEVICE.address },
    icmp: { type: IcmpType.ECHO_REQUEST },
  });
  t.input(longest);
  t.next("icmp");
  const longer = new Uint8Array(1515);
  longer.set(longest);
  t.input(longer);
  t.expectNothing();
  t.counter("LINK_TOO_LONG").increased();
});
