import {
  decodeUdp,
  encodeUdp,
  formatIp,
  IcmpType,
  type Ipv4Spec,
  type LinkSpec,
  type UdpSpec,
} from "../../host/packet/index.js";
import type { Host } from "./peer.js";
import { script } from "./script.js";
import { pattern } from "./segment.js";
import { DEVICE, PEER_HOST, type Stage, type StageOptions } from "./stage.js";

const QUEUE_BYTES = 2048;
const OPTIONS: StageOptions = {
  build: "standard",
  config: { datagramSockets: 3, datagramQueueBytes: QUEUE_BYTES },
};

const PORT = 4000;
const PEER = { address: PEER_HOST.address, port: 5000 };
const OTHER_HOST = { mac: "02:00:00:00:00:03", address: "10.0.0.3" };
const GROUP = "239.1.2.3";
const GROUP_MAC = "01:00:5e:01:02:03";
const BROADCAST_MAC = "ff:ff:ff:ff:ff:ff";

/** Longest data of a datagram at an MTU of 1,500. */
const DATA_MAX = 1472;

interface Below {
  readonly host?: Host;
  readonly link?: Partial<LinkSpec>;
  readonly ipv4?: Partial<Ipv4Spec>;
}

/** A host, the default peer's unless it says, sends a datagram from PEER's port to PORT. */
function send(
  t: Stage,
  data: Uint8Array | string,
  udp: Partial<UdpSpec> = {},
  { host = PEER_HOST, link, ipv4 }: Below = {},
): void {
  const payload = typeof data === "string" ? new TextEncoder().encode(data) : data;
  t.send({
    link: { source: host.mac, destination: DEVICE.mac, ...link },
    ipv4: { source: host.address, destination: DEVICE.address, ...ipv4 },
    udp: { sourcePort: PEER.port, destinationPort: PORT, payload, ...udp },
  });
}

/** The device's next frame is this datagram. */
function expectDatagram(
  t: Stage,
  data: Uint8Array | string,
  wanted: { fromPort?: number; to?: { address: string; port: number }; mac?: string; ttl?: number } = {},
): void {
  const { ethernet, ipv4, udp } = t.next("udp");
  const { fromPort = PORT, to = PEER, mac = PEER_HOST.mac, ttl = 64 } = wanted;
  const is = [ethernet.destination, ipv4.destination, ipv4.ttl, udp.sourcePort, udp.destinationPort];
  const should = [mac, to.address, ttl, fromPort, to.port];
  if (is.join() !== should.join()) t.fail(`the datagram is ${is}, should be ${should}`);
  if (Buffer.from(udp.payload).toString("hex") !== Buffer.from(data).toString("hex"))
    t.fail(`its data are ${Buffer.from(udp.payload).toString("hex")}`);
  if (udp.checksum === 0) t.fail("it has no checksum");
}

/** The device's next frame says to the default peer that nobody has this port, and quotes what came. */
function expectUnreachable(t: Stage, port: number): void {
  const { icmp, ethernet } = t.next("icmp");
  if (icmp.type !== IcmpType.UNREACHABLE || icmp.code !== 3 || ethernet.destination !== PEER_HOST.mac)
    t.fail(`type ${icmp.type} code ${icmp.code} to ${ethernet.destination}`);
  const addresses = [icmp.payload.subarray(12, 16), icmp.payload.subarray(16, 20)].map(formatIp);
  if (addresses.join() !== [PEER.address, DEVICE.address].join()) t.fail(`it quotes ${addresses}`);
  const quoted = new DataView(icmp.payload.buffer, icmp.payload.byteOffset + 20, 8);
  if (quoted.getUint16(2) !== port) t.fail(`it quotes port ${quoted.getUint16(2)}`);
}

script("RFC 768: a datagram comes with its source, and the answer goes back there", OPTIONS, (t) => {
  const socket = t.datagram(PORT);
  send(t, "hello");
  socket.expectEvents("READABLE");
  socket.receive({ ...PEER, data: "hello" });
  socket.expectNothing();
  socket.send("well?", PEER);
  expectDatagram(t, "well?");
});

script("RFC 768: datagrams keep their bounds and their order, empty ones included", OPTIONS, (t) => {
  const socket = t.datagram(PORT);
  const all = ["one", "", "three", pattern(1, 1001), ""];
  for (const data of all) send(t, data);
  for (const data of all) socket.receive({ ...PEER, data });
  socket.expectNothing();
  t.holdOutput(() => {
    for (const data of all) socket.send(data, PEER);
  });
  for (const data of all) expectDatagram(t, data);
});

script("RFC 1122 4.1.3.4: no checksum is right, and a wrong one is not", OPTIONS, (t) => {
  const socket = t.datagram(PORT);
  send(t, "without", { checksum: 0 });
  socket.receive({ ...PEER, data: "without" });
  for (const checksum of [1, 0xffff]) send(t, "wrong", { checksum });
  socket.expectNothing();
  t.counter("UDP_CHECKSUM").increased(2);
});

script("RFC 768: a checksum that comes to zero is sent as ones, and taken as such", OPTIONS, (t) => {
  const socket = t.datagram(PORT);
  socket.send(new Uint8Array(2), PEER);
  const { checksum } = t.next("udp").udp;
  const data = Uint8Array.of(checksum >> 8, checksum & 255);
  socket.send(data, PEER);
  const { udp } = t.next("udp");
  if (udp.checksum !== 0xffff) t.fail(`the checksum is ${udp.checksum}`);
  // The same the other way round: the same addresses, ports and data.
  send(t, data, { checksum: 0xffff });
  socket.receive({ ...PEER, data });
});

script(
  "RFC 768: a length that lies is dropped; what is behind the length is not the datagram's",
  OPTIONS,
  (t) => {
    const socket = t.datagram(PORT);
    for (const totalBytes of [0, 7, 13, 1500, 65535]) send(t, "1234", { totalBytes, checksum: 0 });
    for (const length of [0, 1, 4, 7])
      t.send({
        ipv4: { source: PEER.address, destination: DEVICE.address, protocol: 17 },
        payload: new Uint8Array(length),
      });
    send(t, "1234", { destinationPort: 0 });
    socket.expectNothing();
    t.expectNothing();
    t.counter("UDP_MALFORMED").increased(10);
    send(t, "12345678", { totalBytes: 12, checksum: 0 });
    socket.receive({ ...PEER, data: "1234" });
  },
);

script("RFC 768: who has no port sends to us all the same", OPTIONS, (t) => {
  const socket = t.datagram(PORT);
  send(t, "no answer", { sourcePort: 0 });
  socket.receive({ address: PEER.address, port: 0, data: "no answer" });
  t.expectRefused(() => socket.send("", { address: PEER.address, port: 0 }), "INVALID_ARGUMENT");
});

script("RFC 1122 4.1.3.1: a port that nobody has is unreachable", OPTIONS, (t) => {
  t.datagram(PORT).close();
  for (const port of [PORT, PORT + 1]) {
    send(t, "anybody?", { destinationPort: port });
    expectUnreachable(t, port);
  }
  t.counter("UDP_NO_SOCKET").increased(2);
  t.counter("ICMP_UNREACHABLE").increased(2);
});

script(
  "RFC 1122 3.2.2: nothing is said about broadcasts and groups, nor to those who are none",
  OPTIONS,
  (t) => {
    const everybody = { link: { destination: BROADCAST_MAC } };
    send(t, "", {}, { ...everybody, ipv4: { destination: "255.255.255.255" } });
    send(t, "", {}, { ...everybody, ipv4: { destination: "10.0.0.255" } });
    send(t, "", {}, everybody);
    t.expectNothing();
    t.counter("UDP_NO_SOCKET").increased(2);
    t.counter("IP_NOT_OURS").increased();
    for (const source of ["255.255.255.255", "10.0.0.255", "224.0.0.1", "127.0.0.1", DEVICE.address])
      send(t, "", {}, { ipv4: { source } });
    t.expectNothing();
    t.counter("IP_BAD_SOURCE").increased(5);
  },
);

script("a connected socket hears its peer, and for others there is nobody", OPTIONS, (t) => {
  const socket = t.datagram(PORT);
  socket.connect(PEER.address, PEER.port);
  send(t, "the peer's");
  socket.receive({ ...PEER, data: "the peer's" });
  send(t, "another port's", { sourcePort: PEER.port + 1 });
  expectUnreachable(t, PORT);
  t.newPeer({ host: OTHER_HOST });
  send(t, "another host's", {}, { host: OTHER_HOST });
  t.next("icmp");
  socket.expectNothing();
  t.counter("UDP_NO_SOCKET").increased(2);
  t.counter("ICMP_UNREACHABLE").increased(2);
  socket.send("to the peer");
  expectDatagram(t, "to the peer");
  t.expectRefused(() => socket.send("", PEER), "ALREADY_CONNECTED");
  socket.disconnect();
  t.expectRefused(() => socket.send(""), "NOT_CONNECTED");
  send(t, "another port's", { sourcePort: PEER.port + 1 });
  socket.receive({ address: PEER.address, port: PEER.port + 1, data: "another port's" });
});

script("what came before a socket was connected is forgotten: others may have sent it", OPTIONS, (t) => {
  const socket = t.datagram(PORT);
  send(t, "early");
  socket.connect(PEER.address, PEER.port);
  socket.expectNothing();
  send(t, "late");
  socket.disconnect();
  socket.expectNothing();
});

script("a port is one socket's until it is closed", OPTIONS, (t) => {
  const socket = t.datagram(PORT);
  t.expectRefused(() => t.datagram(PORT), "ADDRESS_IN_USE");
  socket.close();
  const next = t.datagram(PORT);
  send(t, "hello");
  next.receive({ ...PEER, data: "hello" });
});

script("RFC 6056 3.2: a socket that was not bound sends from an ephemeral port", OPTIONS, (t) => {
  const sockets = [t.datagram(), t.datagram(), t.datagram()];
  const ports = sockets.map(({ port }) => port);
  if (new Set(ports).size !== 3 || ports.some((port) => port < 49152)) t.fail(`the ports are ${ports}`);
  for (const socket of sockets) {
    socket.send("x", PEER);
    expectDatagram(t, "x", { fromPort: socket.port });
  }
});

script(
  "RFC 1122 3.3.2: the longest datagram that goes in one packet, and none that does not",
  OPTIONS,
  (t) => {
    const socket = t.datagram(PORT);
    const data = pattern(1, DATA_MAX);
    socket.send(data, PEER);
    expectDatagram(t, data);
    t.expectRefused(() => socket.send(pattern(1, DATA_MAX + 1), PEER), "TOO_LONG");
    send(t, data);
    socket.receive({ ...PEER, data });
  },
);

script("a full receive queue drops what comes, and takes more when there is room", OPTIONS, (t) => {
  const [socket, other] = [t.datagram(PORT), t.datagram(PORT + 1)];
  // With 8 octets more of each, four fill the queue.
  const data = (number: number) => pattern(number, number < 6 ? 500 : 400);
  for (let number = 0; number < 6; number++) send(t, data(number));
  t.counter("UDP_QUEUE_FULL").increased(2);
  // Another's queue is another's.
  send(t, "other", { destinationPort: PORT + 1 });
  other.receive({ ...PEER, data: "other" });
  socket.receive({ ...PEER, data: data(0) });
  send(t, data(6));
  for (const number of [1, 2, 3, 6]) socket.receive({ ...PEER, data: data(number) });
  socket.expectNothing();
});

script("a full send queue says so, and when there is room again", OPTIONS, (t) => {
  const socket = t.datagram(PORT);
  t.holdOutput(() => {
    socket.send(pattern(1, DATA_MAX), PEER);
    if (socket.trySend(pattern(1, DATA_MAX), PEER)) t.fail("there was room");
    socket.expectEvents();
  });
  expectDatagram(t, pattern(1, DATA_MAX));
  socket.expectEvents("WRITABLE");
  socket.send("more", PEER);
  expectDatagram(t, "more");
});

script("a close lets what was sent leave, and the port is free then", OPTIONS, (t) => {
  const socket = t.datagram(PORT);
  t.holdOutput(() => {
    socket.send("last words", PEER);
    socket.close();
  });
  expectDatagram(t, "last words");
  t.datagram(PORT).send("mine now", PEER);
  expectDatagram(t, "mine now");
});

script("RFC 1122 2.3.2.2: datagrams wait for ARP, in their order", { ...OPTIONS, answerArp: false }, (t) => {
  const socket = t.datagram(PORT);
  socket.send("first", PEER);
  socket.send("second", PEER);
  t.next("arp");
  t.expectNothing();
  t.after(100);
  t.arpReply();
  expectDatagram(t, "first");
  expectDatagram(t, "second");
});

script("a host that does not answer ARP is unreachable, and the socket lives on", OPTIONS, (t) => {
  const socket = t.datagram(PORT);
  const nobody = { address: "10.0.0.77", port: 9 };
  for (const data of ["one", "two"]) socket.send(data, nobody);
  socket.send("to the peer", PEER);
  while (t.arpRequests < 3) {
    t.next("arp");
    t.waitBetween(0, 20_000);
  }
  t.next("arp");
  t.waitBetween(0, 20_000);
  expectDatagram(t, "to the peer");
  socket.expectEvents("FAILED");
  socket.expectError("UNREACHABLE");
  socket.expectError("OK");
  t.counter("UDP_UNSENT").increased(2);
  t.countersMayMove("ARP_FAILED");
});

for (const [what, type, code, status] of [
  ["nobody has the port", IcmpType.UNREACHABLE, 3, "CONNECTION_REFUSED"],
  ["the packet is too long", IcmpType.UNREACHABLE, 4, "TOO_LONG"],
  ["the network cannot be reached", IcmpType.UNREACHABLE, 0, "UNREACHABLE"],
  ["the host cannot be reached", IcmpType.UNREACHABLE, 1, "UNREACHABLE"],
  ["its time to live was over", IcmpType.TIME_EXCEEDED, 0, "UNREACHABLE"],
] as const)
  script(`RFC 1122 4.1.3.3: the application hears that ${what}`, OPTIONS, (t) => {
    const socket = t.datagram(PORT);
    socket.send("hello", PEER);
    const { frame } = t.next("udp");
    const error = (payload: Uint8Array) =>
      t.send({ ipv4: { source: PEER.address, destination: DEVICE.address }, icmp: { type, code, payload } });
    error(frame.subarray(14, 14 + 28));
    socket.expectEvents("FAILED");
    socket.expectError(status);
    socket.expectError("OK");
    t.counter("ICMP_ERRORS").increased();
    // It lives on, and so does what it sends.
    socket.send("again", PEER);
    expectDatagram(t, "again");
  });

script("RFC 5927 4: an error about what we did not send is nobody's", OPTIONS, (t) => {
  const socket = t.datagram(PORT);
  socket.connect(PEER.address, PEER.port);
  socket.send("hello");
  const { frame } = t.next("udp");
  const error = (change: (quoted: Uint8Array) => void, bytes = 28) => {
    const payload = frame.slice(14, 14 + bytes);
    change(payload);
    t.send({
      ipv4: { source: PEER.address, destination: DEVICE.address },
      icmp: { type: IcmpType.UNREACHABLE, code: 3, payload },
    });
  };
  // The source's port, the destination's, its address, ours.
  for (const at of [21, 23, 19, 15])
    error((quoted) => {
      quoted[at] = (quoted[at] as number) ^ 1;
    });
  t.counter("ICMP_STRAY").increased(4);
  // No whole header of UDP.
  error(() => {}, 27);
  t.counter("ICMP_MALFORMED").increased();
  socket.expectEvents();
  socket.expectError("OK");
});

script("RFC 1122 4.1.3.6: broadcasts are sent when that is permitted", OPTIONS, (t) => {
  const socket = t.datagram(PORT);
  const all = ["255.255.255.255", "10.0.0.255"].map((address) => ({ address, port: 9 }));
  for (const to of all) t.expectRefused(() => socket.send("", to), "INVALID_ARGUMENT");
  socket.set("BROADCAST", 1);
  for (const to of all) {
    socket.send("all", to);
    expectDatagram(t, "all", { to, mac: BROADCAST_MAC });
  }
  socket.set("BROADCAST", 0);
  for (const to of all) t.expectRefused(() => socket.send("", to), "INVALID_ARGUMENT");
});

script("RFC 1122 3.3.6: broadcasts are heard", OPTIONS, (t) => {
  const socket = t.datagram(PORT);
  for (const destination of ["255.255.255.255", "10.0.0.255"]) {
    send(t, destination, {}, { link: { destination: BROADCAST_MAC }, ipv4: { destination } });
    socket.receive({ ...PEER, data: destination });
  }
});

script("addresses that nobody can have are refused", OPTIONS, (t) => {
  const socket = t.datagram(PORT);
  for (const address of ["0.0.0.0", "0.1.2.3", "127.0.0.1", "240.0.0.1", DEVICE.address])
    t.expectRefused(() => socket.send("", { address, port: 9 }), "INVALID_ARGUMENT");
});

script("RFC 1112 7: a group is heard by those who have joined it, until they leave", OPTIONS, (t) => {
  const socket = t.datagram(PORT);
  const toGroup = { link: { destination: GROUP_MAC }, ipv4: { destination: GROUP } };
  send(t, "too early", {}, toGroup);
  socket.expectNothing();
  t.countersMayMove("LINK_NOT_OURS", "IP_NOT_OURS");
  socket.member(GROUP, true);
  // Its report.
  t.next("ipv4");
  send(t, "to all of us", {}, toGroup);
  socket.receive({ ...PEER, data: "to all of us" });
  // Another group with the same hardware address.
  send(t, "to others", {}, { ...toGroup, ipv4: { destination: "239.129.2.3" } });
  socket.expectNothing();
  t.counter("IP_NOT_OURS").increased();
  socket.member(GROUP, false);
  t.next("ipv4");
  send(t, "too late", {}, toGroup);
  socket.expectNothing();
  t.countersMayMove("LINK_NOT_OURS", "IP_NOT_OURS");
  t.expectRefused(() => socket.member(GROUP, false), "INVALID_ARGUMENT");
  t.expectRefused(() => socket.member("10.0.0.9", true), "INVALID_ARGUMENT");
});

script(
  "RFC 1112 6.1: what goes to a group lives for one hop, unless the application says otherwise",
  OPTIONS,
  (t) => {
    const socket = t.datagram(PORT);
    const to = { address: GROUP, port: 9 };
    socket.send("near", to);
    expectDatagram(t, "near", { to, mac: GROUP_MAC, ttl: 1 });
    socket.set("TTL", 7);
    socket.send("farther", to);
    expectDatagram(t, "farther", { to, mac: GROUP_MAC, ttl: 7 });
    socket.send("to one", PEER);
    expectDatagram(t, "to one", { ttl: 7 });
  },
);

script(
  "RFC 2131 4.1: without an address nothing is heard but what is for the DHCP client",
  { ...OPTIONS, config: { ...OPTIONS.config, address: "0.0.0.0" } },
  (t) => {
    const [socket, dhcp] = [t.datagram(PORT), t.datagram(68)];
    const everybody = { link: { destination: BROADCAST_MAC }, ipv4: { destination: "255.255.255.255" } };
    send(t, "not yet", {}, everybody);
    socket.expectNothing();
    t.counter("IP_NOT_OURS").increased();
    send(t, "an offer, say", { destinationPort: 68 }, everybody);
    dhcp.receive({ ...PEER, data: "an offer, say" });
  },
);

script(
  "RFC 1122 3.3.2: a datagram in fragments is taken as one, and its checksum is that of the whole",
  { ...OPTIONS, config: { ...OPTIONS.config, fragmentBuffers: 1, fragmentBytes: 3000 } },
  (t) => {
    const socket = t.datagram(PORT);
    const data = pattern(1, 1900);
    const fragments = (checksum?: number) => {
      const addresses = { source: PEER.address, destination: DEVICE.address };
      const whole = encodeUdp(
        {
          sourcePort: PEER.port,
          destinationPort: PORT,
          payload: data,
          ...(checksum !== undefined && { checksum }),
        },
        addresses,
      );
      for (const from of [1000, 0])
        t.send({
          ipv4: {
            ...addresses,
            protocol: 17,
            identification: 5,
            fragmentOffset: from,
            moreFragments: from === 0,
          },
          payload: whole.subarray(from, from === 0 ? 1000 : whole.length),
        });
      return decodeUdp(whole, addresses, []);
    };
    fragments();
    socket.receive({ ...PEER, data });
    fragments(1);
    socket.expectNothing();
    t.counter("UDP_CHECKSUM").increased();
    t.counter("FRAGMENTS_REASSEMBLED").increased(2);
  },
);

script("datagrams and segments take turns", OPTIONS, (t) => {
  const stream = t.accepted();
  const socket = t.datagram(PORT);
  t.holdOutput(() => {
    for (const data of ["one", "two"]) socket.send(data, PEER);
    stream.write(2920);
  });
  const kinds = Array.from({ length: 4 }, () => t.nextOf("udp", "tcp").kind);
  if (kinds.join() !== "udp,tcp,udp,tcp" && kinds.join() !== "tcp,udp,tcp,udp")
    t.fail(`they left as ${kinds}`);
  t.peer.send({ flags: "A", seq: 1, ack: 2921 });
});
