// Frames that nobody expects: damaged ones, and well-formed ones that fit nothing.

import {
  ArpOperation,
  encode,
  IcmpType,
  IpProtocol,
  TcpFlag,
  type TcpOption,
} from "../../host/packet/index.js";
import type { Prng } from "../../host/sim/prng.js";

export const DEVICE = { mac: "02:00:00:00:00:01", address: "10.0.0.1" };
export const PEER = { mac: "02:00:00:00:00:02", address: "10.0.0.2" };

/** Offsets in a frame whose IP header has no options. */
const IP_AT = 14;
const SOURCE_PORT_AT = 34;
const DESTINATION_PORT_AT = 36;
const SEQ_AT = 38;
const ACK_AT = 42;

const LINK = { source: PEER.mac, destination: DEVICE.mac };
const IPV4 = { source: PEER.address, destination: DEVICE.address };

/** What was on the wire before: what somebody who listens knows. */
export interface Heard {
  /** To the device, and from it. */
  readonly toDevice: Uint8Array;
  readonly fromDevice: Uint8Array;
}

/** A frame for the device. */
export function hostileFrame(prng: Prng, heard: Heard): Uint8Array {
  const kinds = [
    () => mutated(prng, heard.toDevice),
    () => prng.bytes(prng.below(200)),
    () => forged(prng, heard.toDevice),
    () => forged(prng, heard.toDevice),
    () => icmp(prng),
    () => icmpError(prng, heard.fromDevice),
    () => strange(prng),
    () => arp(prng),
  ] as const;
  return (kinds[prng.below(kinds.length)] as () => Uint8Array)();
}

/** A frame with a bit flipped, octets drawn anew, or another length. */
export function mutated(prng: Prng, frame: Uint8Array): Uint8Array {
  const changed = frame.slice();
  if (prng.chance(0.2)) return changed.subarray(0, prng.below(changed.length + 1));
  for (let count = 1 + prng.below(3); count > 0; count--) {
    const at = prng.below(changed.length);
    changed[at] = prng.chance(0.5) ? (changed[at] as number) ^ (1 << prng.below(8)) : prng.below(256);
  }
  return changed;
}

/** A segment with right checksums, from nowhere; its numbers are near those of the segment before. */
function forged(prng: Prng, before: Uint8Array): Uint8Array {
  const view = new DataView(before.buffer, before.byteOffset, before.length);
  const far = () => (prng.chance(0.2) ? prng.next() : 0);
  const near = (at: number) =>
    ((before.length >= at + 4 ? view.getUint32(at) : 0) + prng.below(5) - 2 + far()) >>> 0;
  const port = (at: number) => (before.length >= at + 2 && prng.chance(0.9) ? view.getUint16(at) : 80);
  return encode({
    link: LINK,
    ipv4: IPV4,
    tcp: {
      sourcePort: port(SOURCE_PORT_AT),
      destinationPort: port(DESTINATION_PORT_AT),
      seq: near(SEQ_AT),
      ack: near(ACK_AT),
      flags: prng.chance(0.5) ? TcpFlag.ACK : prng.below(256),
      window: prng.below(65536),
      urgent: prng.chance(0.1) ? prng.below(2000) : 0,
      payload: prng.bytes(prng.chance(0.5) ? 0 : prng.below(1400)),
      options: prng.chance(0.2) ? prng.bytes(prng.below(40)) : options(prng),
    },
  });
}

function options(prng: Prng): readonly TcpOption[] {
  const all: readonly TcpOption[] = [
    { kind: "mss", mss: prng.below(2000) },
    { kind: "windowScale", shift: prng.below(16) },
    { kind: "sackPermitted" },
    { kind: "timestamps", value: prng.chance(0.5) ? prng.next() : 1, echo: prng.next() },
    { kind: "nop" },
  ];
  return all.filter(() => prng.chance(0.3));
}

function icmp(prng: Prng): Uint8Array {
  const type = prng.chance(0.5) ? IcmpType.ECHO_REQUEST : prng.below(20);
  const checksum = prng.chance(0.1) ? { checksum: 1 } : {};
  const payload = prng.bytes(prng.below(1473));
  return encode({ link: LINK, ipv4: IPV4, icmp: { type, code: prng.below(2), payload, ...checksum } });
}

/** An error about what the device sent, or says that it did. */
function icmpError(prng: Prng, sent: Uint8Array): Uint8Array {
  const about = prng.chance(0.7) ? sent : mutated(prng, sent);
  const type = prng.chance(0.7) ? IcmpType.UNREACHABLE : IcmpType.TIME_EXCEEDED;
  const quoted = 28 + prng.below(20);
  const payload = about.subarray(IP_AT, IP_AT + quoted);
  return encode({ link: LINK, ipv4: IPV4, icmp: { type, code: prng.below(6), payload } });
}

/** Datagrams that are not for us, from nobody, in pieces, or of a protocol that nobody here speaks. */
function strange(prng: Prng): Uint8Array {
  const payload = prng.bytes(prng.below(600));
  const protocol = prng.chance(0.5) ? IpProtocol.TCP : prng.below(256);
  const oddities = [
    {},
    { moreFragments: true },
    { fragmentOffset: 8 * prng.below(100) },
    { source: ["127.0.0.1", "255.255.255.255", "224.0.0.1", DEVICE.address][prng.below(4)] as string },
    { destination: ["10.0.0.9", "10.0.0.255", "224.0.0.1"][prng.below(3)] as string },
    { options: prng.bytes(4 * prng.below(10)) },
    { ihl: prng.below(16) },
    { totalBytes: prng.below(1600) },
    { version: prng.below(16) },
  ];
  const ipv4 = { ...IPV4, protocol, ...oddities[prng.below(oddities.length)] };
  return encode({ link: LINK, ipv4, payload });
}

function arp(prng: Prng): Uint8Array {
  const operation = prng.chance(0.5) ? ArpOperation.REQUEST : ArpOperation.REPLY;
  const addresses = [DEVICE.address, PEER.address, "10.0.0.77", "0.0.0.0"] as const;
  const senderIp = addresses[prng.below(4)] as string;
  const targetIp = addresses[prng.below(4)] as string;
  return encode({ link: LINK, arp: { operation, senderMac: PEER.mac, senderIp, targetIp } });
}
