// Requirements of RFC 9293 section 3.9 that no other script shows, by their number in its appendix B.

import { Option, SocketKind, Status } from "../../host/abi.js";
import { encode, IcmpType } from "../../host/packet/index.js";
import { script } from "./script.js";
import { Socket } from "./socket.js";
import { DEVICE, PEER_HOST, type Stage } from "./stage.js";

script("RFC 9293 MUST-41: a second listener on a port is refused, and the first goes on", (t) => {
  const listener = t.listen(80);
  const second = t.core.open(SocketKind.LISTENER);
  t.expectRefused(() => t.core.bind(second, { address: "0.0.0.0", port: 80 }), "ADDRESS_IN_USE");
  t.peer.send({ flags: "S", seq: 0, mss: 1460 });
  t.expect({ flags: "SA", seq: 0, ack: 1 });
  t.peer.send({ flags: "A", seq: 1, ack: 1 });
  listener.accept().expectState("ESTABLISHED");
});

script("RFC 9293 MUST-42: a port can be listened on while a connection from it is opening", (t) => {
  const socket = new Socket(t, t.core.open(SocketKind.STREAM));
  t.peer.port = 80;
  t.core.bind(socket.handle, { address: "0.0.0.0", port: 5000 });
  t.call("connect()", (core) => core.connect(socket.handle, { address: PEER_HOST.address, port: 80 }));
  t.expect({ flags: "S", seq: 0 });
  const listener = t.listen(5000);
  const other = t.newPeer({ devicePort: 5000, port: 40001 });
  other.send({ flags: "S", seq: 0, mss: 1460 });
  other.expect({ flags: "SA", seq: 0, ack: 1 });
  other.send({ flags: "A", seq: 1, ack: 1 });
  listener.accept().expectState("ESTABLISHED");
  socket.expectState("SYN_SENT");
  t.peer.send({ flags: "SA", seq: 0, ack: 1, mss: 1460 });
  t.expect({ flags: "A", seq: 1, ack: 1 });
  socket.expectState("ESTABLISHED");
});

script(
  "RFC 9293 MUST-43, MUST-44, MUST-45: a connection goes out from our address and the port it was bound to",
  (t) => {
    const socket = new Socket(t, t.core.open(SocketKind.STREAM));
    t.core.bind(socket.handle, { address: DEVICE.address, port: 5001 });
    t.call("connect()", (core) => core.connect(socket.handle, { address: PEER_HOST.address, port: 80 }));
    const { ipv4, tcp } = t.next("tcp");
    if (ipv4.source !== DEVICE.address || tcp.sourcePort !== 5001)
      t.fail(`the SYN comes from ${ipv4.source}:${tcp.sourcePort}`);
  },
);

for (const [what, address] of [
  ["the limited broadcast address", "255.255.255.255"],
  ["our network's broadcast address", "10.0.0.255"],
  ["a multicast address", "224.0.0.1"],
  ["the last multicast address", "239.255.255.255"],
  ["address zero", "0.0.0.0"],
] as const)
  script(`RFC 9293 MUST-46: a connection to ${what} is refused`, (t) => {
    const handle = t.core.open(SocketKind.STREAM);
    t.expectRefused(() => t.core.connect(handle, { address, port: 80 }), "INVALID_ARGUMENT");
    t.after(5000);
  });

for (const [what, source] of [
  ["a multicast address", "224.0.0.1"],
  ["the limited broadcast address", "255.255.255.255"],
  ["our network's broadcast address", "10.0.0.255"],
  ["our own address", DEVICE.address],
  ["address zero", "0.0.0.0"],
] as const)
  script(`RFC 9293 MUST-63: a SYN from ${what} is ignored`, (t) => {
    t.listen(80);
    t.peer.send({ flags: "S", seq: 0, mss: 1460 }, { ipv4: { source } });
    t.after(5000);
    t.counter("IP_BAD_SOURCE").increased();
    t.expectRecords({});
  });

for (const [what, destination, mac] of [
  ["the limited broadcast address", "255.255.255.255", "ff:ff:ff:ff:ff:ff"],
  ["our network's broadcast address", "10.0.0.255", "ff:ff:ff:ff:ff:ff"],
  ["a multicast address", "224.0.0.1", "01:00:5e:00:00:01"],
  ["a broadcast address in a frame to us", "10.0.0.255", DEVICE.mac],
  ["our address in a broadcast frame", DEVICE.address, "ff:ff:ff:ff:ff:ff"],
] as const)
  script(`RFC 9293 MUST-57: a SYN to ${what} is discarded in silence`, (t) => {
    t.listen(80);
    t.peer.send({ flags: "S", seq: 0, mss: 1460 }, { ipv4: { destination }, link: { destination: mac } });
    t.after(5000);
    t.countersMayMove("IP_NOT_OURS", "LINK_NOT_OURS");
    t.expectRecords({});
  });

script(
  "RFC 9293 MUST-60, MUST-61, SHLD-27, SHLD-28: the largest segments, and PSH on the last alone",
  (t) => {
    const socket = t.connected();
    t.holdOutput(() => {
      for (let writes = 0; writes < 40; writes++) socket.write(100);
    });
    t.expect({ flags: "A", seq: 1, ack: 1, len: 1460 });
    t.expect({ flags: "A", seq: 1461, ack: 1, len: 1460 });
    t.peer.send({ flags: "A", seq: 1, ack: 2921 });
    t.expect({ flags: "PA", seq: 2921, ack: 1, len: 1080 });
  },
);

script(
  "RFC 9293 MUST-48, SHLD-21, SHLD-22: an application sets the octet of differentiated services, and changes it",
  (t) => {
    const socket = t.connected();
    let seq = 1;
    for (const tos of [0xb8, 0x20, 0]) {
      t.core.setOption(socket.handle, Option.TOS, tos);
      socket.write(10);
      const { ipv4 } = t.next("tcp");
      if (ipv4.tos !== tos) t.fail(`TOS is ${ipv4.tos}, should be ${tos}`);
      seq += 10;
      t.peer.send({ flags: "A", seq: 1, ack: seq });
    }
  },
);

script("RFC 9293 MUST-49: the time to live is the configured one", { config: { ttl: 7 } }, (t) => {
  t.connect(80);
  const { ipv4 } = t.next("tcp");
  if (ipv4.ttl !== 7) t.fail(`TTL is ${ipv4.ttl}, should be 7`);
});

for (const [what, options] of [
  ["a record of the route", Uint8Array.of(7, 7, 4, 0, 0, 0, 0, 0)],
  ["an unknown option", Uint8Array.of(0x9e, 4, 1, 2)],
  ["a loose source route", Uint8Array.of(0x83, 7, 8, 10, 0, 0, 9, 0)],
] as const)
  script(`RFC 9293 MUST-50: a segment behind an IP header with ${what} is taken, the option ignored`, (t) => {
    const socket = t.connected();
    t.peer.send({ flags: "PA", seq: 1, ack: 1, len: 10 }, { ipv4: { options } });
    socket.read(10);
    t.waitBetween(t.timeMs, t.timeMs + 500);
    const { ipv4 } = t.next("tcp");
    if (ipv4.options.length > 0 || ipv4.destination !== PEER_HOST.address)
      t.fail("the answer goes elsewhere");
  });

/** Sends an ICMP error that quotes our segment at `seq` on the default peer's connection. */
function error(t: Stage, type: number, code: number, seq: number, peer = t.peer): void {
  const quoted = encode({
    link: { source: DEVICE.mac, destination: peer.host.mac },
    ipv4: { source: DEVICE.address, destination: peer.host.address },
    tcp: {
      sourcePort: peer.devicePort ?? 0,
      destinationPort: peer.port,
      seq: ((peer.deviceIsn ?? 0) + seq) >>> 0,
      flags: "A",
    },
  }).subarray(14, 14 + 28);
  t.send({
    ipv4: { source: "10.0.0.99", destination: DEVICE.address },
    icmp: { type, code, payload: quoted },
  });
}

/** Type of "parameter problem", RFC 792. */
const PARAMETER_PROBLEM = 12;

script("RFC 9293 MUST-54: an ICMP error reaches the connection that caused it, and no other", (t) => {
  const socket = t.connect(80);
  t.expect({ flags: "S", seq: 0 });
  const second = t.newPeer({ port: 81 });
  const other = t.connect(81, second);
  second.expect({ flags: "S", seq: 0 });
  error(t, IcmpType.UNREACHABLE, 3, 0);
  socket.expectEvents("FAILED");
  socket.expectError("UNREACHABLE");
  other.expectState("SYN_SENT");
  t.counter("ICMP_ERRORS").increased();
});

script("RFC 9293 MUST-55: source quench is discarded in silence", (t) => {
  const socket = t.connected();
  socket.write(1460);
  t.expect({ flags: "PA", seq: 1, ack: 1, len: 1460 });
  const before = t.core.tcpInfo(socket.handle);
  error(t, IcmpType.SOURCE_QUENCH, 0, 1);
  t.expectNothing();
  const { congestionWindow, error: noted } = t.core.tcpInfo(socket.handle);
  if (congestionWindow !== before.congestionWindow || noted !== Status.OK) t.fail("it was not discarded");
  socket.expectEvents();
  t.countersMayMove("ICMP_IGNORED", "ICMP_ERRORS");
});

for (const [what, type, code] of [
  ["network unreachable", IcmpType.UNREACHABLE, 0],
  ["host unreachable", IcmpType.UNREACHABLE, 1],
  ["source route failed", IcmpType.UNREACHABLE, 5],
  ["time to live exceeded", IcmpType.TIME_EXCEEDED, 0],
  ["reassembly time exceeded", IcmpType.TIME_EXCEEDED, 1],
  ["parameter problem", PARAMETER_PROBLEM, 0],
] as const) {
  script(`RFC 9293 MUST-56: "${what}" does not end a connection`, (t) => {
    const socket = t.connected();
    socket.write(10);
    t.expect({ flags: "PA", seq: 1, ack: 1, len: 10 });
    error(t, type, code, 1);
    socket.expectState("ESTABLISHED");
    socket.expectEvents();
    t.peer.send({ flags: "A", seq: 1, ack: 11 });
    t.counter("ICMP_ERRORS").increased();
  });

  script(`RFC 9293 MUST-56: "${what}" does not end an attempt to connect`, (t) => {
    const socket = t.connect(80);
    t.expect({ flags: "S", seq: 0 });
    error(t, type, code, 0);
    socket.expectState("SYN_SENT");
    t.peer.send({ flags: "SA", seq: 0, ack: 1, mss: 1460 });
    t.expect({ flags: "A", seq: 1, ack: 1 });
    socket.expectEvents("CONNECTED");
    t.counter("ICMP_ERRORS").increased();
  });
}

script("RFC 9293 MUST-47, SHLD-25: a soft error can be asked for, and ends nothing", (t) => {
  const socket = t.connected();
  socket.write(10);
  t.expect({ flags: "PA", seq: 1, ack: 1, len: 10 });
  if (t.core.tcpInfo(socket.handle).error !== Status.OK) t.fail("there is an error before any came");
  error(t, IcmpType.UNREACHABLE, 1, 1);
  if (t.core.tcpInfo(socket.handle).error !== Status.UNREACHABLE) t.fail("the error is not told");
  socket.expectState("ESTABLISHED");
  t.counter("ICMP_ERRORS").increased();
});

for (const [what, code] of [
  ["protocol unreachable", 2],
  ["port unreachable", 3],
] as const)
  script(
    `RFC 9293 SHLD-26: "${what}" ends an attempt to connect, and, as RFC 5927 asks, no connection`,
    (t) => {
      const socket = t.connect(80);
      t.expect({ flags: "S", seq: 0 });
      error(t, IcmpType.UNREACHABLE, code, 0);
      socket.expectEvents("FAILED");
      socket.expectError("UNREACHABLE");
      const next = t.again();
      next.write(10);
      t.expect({ flags: "PA", seq: 1, ack: 1, len: 10 });
      error(t, IcmpType.UNREACHABLE, code, 1);
      next.expectState("ESTABLISHED");
      next.expectEvents();
      t.counter("ICMP_ERRORS").increased(2);
    },
  );
