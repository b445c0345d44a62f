import { ArpOperation, BROADCAST_MAC } from "../../host/packet/index.js";
import { script } from "./script.js";
import { DEVICE, PEER_HOST, type Stage } from "./stage.js";

function ask(t: Stage, targetIp: string, senderIp: string = PEER_HOST.address): void {
  t.send({
    link: { source: PEER_HOST.mac },
    arp: { operation: ArpOperation.REQUEST, senderMac: PEER_HOST.mac, senderIp, targetIp },
  });
}

function expectRequest(t: Stage): void {
  const { ethernet, arp } = t.next("arp");
  const { operation, senderMac, senderIp, targetMac, targetIp } = arp;
  const is = [ethernet.destination, operation, senderMac, senderIp, targetMac, targetIp].join(" ");
  const zero = "00:00:00:00:00:00";
  const should = [BROADCAST_MAC, 1, DEVICE.mac, DEVICE.address, zero, PEER_HOST.address].join(" ");
  if (is !== should) t.fail(`the request is ${is}, should be ${should}`);
}

function expectReply(t: Stage, targetIp: string): void {
  const { ethernet, arp } = t.next("arp");
  const is = [
    ethernet.destination,
    arp.operation,
    arp.senderMac,
    arp.senderIp,
    arp.targetMac,
    arp.targetIp,
  ].join(" ");
  const should = [PEER_HOST.mac, 2, DEVICE.mac, DEVICE.address, PEER_HOST.mac, targetIp].join(" ");
  if (is !== should) t.fail(`the reply is ${is}, should be ${should}`);
}

script(
  "RFC 826: a request for our address is answered, and who asked is learnt",
  { answerArp: false },
  (t) => {
    ask(t, DEVICE.address);
    expectReply(t, PEER_HOST.address);
    t.counter("ARP_REPLIES").increased();
    t.connect(80);
    t.expect({ flags: "S", seq: 0 });
  },
);

script("RFC 826: a request for another address is not answered", { answerArp: false }, (t) => {
  ask(t, "10.0.0.77");
  t.expectNothing();
  t.counter("ARP_IGNORED").increased();
});

script(
  "RFC 826: an unknown neighbour is asked for, and the SYN follows the reply",
  { answerArp: false },
  (t) => {
    t.connect(80);
    expectRequest(t);
    t.counter("ARP_REQUESTS").increased();
    t.expectNothing();
    t.arpReply();
    t.expect({ flags: "S", seq: 0 });
  },
);

script("RFC 1122 2.3.2.2: a second connection asks no second time", { answerArp: false }, (t) => {
  t.connect(80);
  expectRequest(t);
  const second = t.newPeer({ port: 81 });
  t.connect(81, second);
  t.expectNothing();
  t.arpReply();
  const ports = [t.next("tcp"), t.next("tcp")].map(({ tcp }) => tcp.destinationPort);
  if (ports.sort().join() !== "80,81") t.fail(`SYNs to the ports ${ports}, should be to 80 and 81`);
});

script(
  "RFC 1122 2.3.2.1: a neighbour that never answers is asked three times, once a second, then given up",
  { answerArp: false },
  (t) => {
    const socket = t.connect(80);
    expectRequest(t);
    t.at(1000);
    expectRequest(t);
    t.at(2000);
    expectRequest(t);
    t.at(2999);
    socket.expectEvents();
    t.at(3000);
    t.expectNothing();
    socket.expectEvents("FAILED");
    socket.expectError("UNREACHABLE");
    t.counter("ARP_REQUESTS").increased(3);
    t.counter("ARP_FAILED").increased();
    socket.close();
    t.expectRecords({});
    t.after(100000);
  },
);

script(
  "RFC 1122 2.3.2.1: after a neighbour was given up, a new connection asks again",
  { answerArp: false },
  (t) => {
    const socket = t.connect(80);
    expectRequest(t);
    for (const timeMs of [1000, 2000]) {
      t.at(timeMs);
      expectRequest(t);
    }
    t.at(3000);
    socket.expectEvents("FAILED");
    t.counter("ARP_FAILED").increased();
    t.at(60000);
    t.connect(80);
    expectRequest(t);
    t.arpReply();
    t.expect({ flags: "S", seq: 0 });
  },
);

script("RFC 5227 2.1.1: a probe from 0.0.0.0 is answered, and teaches nothing", { answerArp: false }, (t) => {
  ask(t, DEVICE.address, "0.0.0.0");
  expectReply(t, "0.0.0.0");
  t.counter("ARP_IGNORED").increased();
  t.connect(80);
  expectRequest(t);
});

for (const [what, forged] of [
  ["another hardware type", { hardware: 6 }],
  ["another protocol type", { protocol: 0x86dd }],
  ["another hardware address length", { hardwareBytes: 8 }],
  ["another protocol address length", { protocolBytes: 16 }],
] as const)
  script(`RFC 826: a packet with ${what} is dropped`, (t) => {
    t.send({
      link: { source: PEER_HOST.mac },
      arp: {
        operation: ArpOperation.REQUEST,
        senderMac: PEER_HOST.mac,
        senderIp: PEER_HOST.address,
        targetIp: DEVICE.address,
        ...forged,
      },
    });
    t.expectNothing();
    t.counter("ARP_MALFORMED").increased();
  });

script("RFC 826: a packet cut short is dropped", (t) => {
  for (const length of [0, 1, 8, 27])
    t.send({
      link: { source: PEER_HOST.mac, type: 0x0806, minimumBytes: 0 },
      payload: Uint8Array.of(0, 1, 8, 0, 6, 4, 0, 1, ...Array(19).fill(2)).subarray(0, length),
    });
  t.expectNothing();
  t.counter("ARP_MALFORMED").increased(4);
});

script(
  "RFC 1122 2.3.2.2: a SYN from a neighbour that never answers ARP is answered once, and forgotten",
  { answerArp: false },
  (t) => {
    t.listen(80);
    t.peer.send({ flags: "S", seq: 0 });
    // The way back is the frame's; only a repeat has to ask.
    t.expect({ flags: "SA", seq: 0, ack: 1 });
    t.at(1000);
    let requests = 0;
    for (let timeMs = 1000; timeMs <= 63000; timeMs += 500) {
      t.at(timeMs);
      while (t.frames > 0) {
        t.next("arp");
        requests++;
      }
    }
    if (requests < 3 || requests > 15) t.fail(`${requests} requests left, should be 3 for each of 5 repeats`);
    t.counter("TCP_SYN_EXPIRED").increased();
    t.countersMayMove("ARP_FAILED");
    t.expectRecords({});
  },
);

script(
  "connections to more silent neighbours than the ARP cache holds all come to an end",
  { config: { arpEntries: 2 } },
  (t) => {
    const sockets = ["10.0.0.11", "10.0.0.12", "10.0.0.13"].map((address) =>
      t.connectTo({ address, port: 80 }),
    );
    while (t.frames > 0) t.next("arp");
    for (let timeMs = 1000; timeMs <= 120000; timeMs += 1000) {
      t.at(timeMs);
      while (t.frames > 0) t.next("arp");
    }
    for (const socket of sockets) {
      socket.expectEvents("FAILED");
      socket.expectError("UNREACHABLE");
    }
    t.countersMayMove("ARP_FAILED", "ARP_EVICTED");
  },
);

script(
  "RFC 1122 3.3.1.1: another network is reached through the router",
  { config: { gateway: "10.0.0.2" }, answerArp: false },
  (t) => {
    t.connectTo({ address: "192.0.2.1", port: 80 });
    expectRequest(t);
    t.arpReply();
    const { ethernet, ipv4, tcp } = t.next("tcp");
    const is = [ethernet.destination, ipv4.destination, tcp.destinationPort].join(" ");
    if (is !== `${PEER_HOST.mac} 192.0.2.1 80`) t.fail(`the SYN went to ${is}`);
  },
);

script("RFC 1122 2.3.2.1: an answer is asked for anew after a minute, and the connection goes on", (t) => {
  const socket = t.connected();
  const before = t.arpRequests;
  t.after(59000);
  socket.write(1);
  t.expect({ flags: "PA", seq: 1, ack: 1, len: 1 });
  t.peer.send({ flags: "A", seq: 1, ack: 2 });
  if (t.arpRequests !== before) t.fail("the neighbour was asked for too early");
  t.after(2000);
  socket.write(1);
  t.expect({ flags: "PA", seq: 2, ack: 1, len: 1 });
  t.peer.send({ flags: "A", seq: 1, ack: 3 });
  if (t.arpRequests !== before + 1) t.fail(`the neighbour was asked for ${t.arpRequests - before} times`);
});

script("an ARP packet from a group address is dropped", { answerArp: false }, (t) => {
  t.send({
    link: { source: PEER_HOST.mac },
    arp: {
      operation: ArpOperation.REQUEST,
      senderMac: "01:00:5e:00:00:01",
      senderIp: PEER_HOST.address,
      targetIp: DEVICE.address,
    },
  });
  t.expectNothing();
  t.counter("ARP_MALFORMED").increased();
  t.connect(80);
  expectRequest(t);
});

script("A SYN from where no route leads back to is refused, and leaves no record", (t) => {
  t.listen(80);
  const far = t.newPeer({ host: { mac: PEER_HOST.mac, address: "192.0.2.1" }, devicePort: 80 });
  far.send({ flags: "S", seq: 0, mss: 1460 });
  t.next("tcp");
  t.expectRecords({});
  t.counter("TCP_NO_CONNECTION").increased();
});

script(
  "RFC 1122 2.3.2.1: a neighbour that is away for a while ends no connection that only receives",
  { answerArp: false },
  (t) => {
    ask(t, DEVICE.address);
    expectReply(t, PEER_HOST.address);
    const socket = t.accepted();
    // The entry was used: it is asked for again, where it was, and is good meanwhile.
    for (const timeMs of [60000, 61000, 62000]) {
      t.at(timeMs);
      const { ethernet, arp } = t.next("arp");
      if (ethernet.destination !== PEER_HOST.mac || arp.targetIp !== PEER_HOST.address)
        t.fail(`the request goes to ${ethernet.destination} for ${arp.targetIp}`);
    }
    t.peer.send({ flags: "PA", seq: 1, ack: 1, len: 1 });
    t.expectAt(62040, { flags: "A", seq: 1, ack: 2 });
    t.at(63000);
    t.counter("ARP_FAILED").increased();
    t.peer.send({ flags: "PA", seq: 2, ack: 1, len: 1 });
    const away = t.timeMs;
    for (let tries = 0; tries < 3; tries++) {
      t.at(away + 1000 * tries + 40);
      expectRequest(t);
    }
    t.at(away + 4000);
    t.counter("ARP_FAILED").increased();
    socket.expectState("ESTABLISHED");
    ask(t, DEVICE.address);
    expectReply(t, PEER_HOST.address);
    t.after(600000);
    socket.expectState("ESTABLISHED");
  },
);

script(
  "RFC 1122 2.3.2.1: a question that is open keeps nobody out of the table's other places",
  { config: { arpEntries: 2, connections: 4 }, answerArp: false },
  (t) => {
    // The first asks for somebody who does not answer.
    t.connectTo({ address: "10.0.0.77", port: 80 });
    t.next("arp");
    for (const address of ["10.0.0.3", "10.0.0.4", "10.0.0.5"]) {
      t.connectTo({ address, port: 80 });
      const { arp } = t.next("arp");
      if (arp.targetIp !== address) t.fail(`asked for ${arp.targetIp}, should be ${address}`);
      t.arpReply({ mac: "02:00:00:00:00:33", address });
      const { ipv4 } = t.next("tcp");
      if (ipv4.destination !== address) t.fail(`the SYN went to ${ipv4.destination}`);
    }
    t.countersMayMove("ARP_EVICTED");
  },
);
