// Announcing and defending our address (RFC 5227), and entries that are asked for anew (RFC 1122 section 2.3.2.1).

import { ArpOperation, BROADCAST_MAC } from "../../host/packet/index.js";
import { script } from "./script.js";
import { DEVICE, PEER_HOST, type Stage } from "./stage.js";

const THIEF = "02:00:00:00:00:66";

/** The next frame is an announcement: a request for our own address, to everybody. */
function expectAnnouncement(t: Stage): void {
  const { ethernet, arp } = t.next("arp");
  const is = [ethernet.destination, arp.operation, arp.senderMac, arp.senderIp, arp.targetIp].join(" ");
  const should = [BROADCAST_MAC, ArpOperation.REQUEST, DEVICE.mac, DEVICE.address, DEVICE.address].join(" ");
  if (is !== should) t.fail(`the announcement is ${is}, should be ${should}`);
}

/** Another host claims our address. */
function steal(
  t: Stage,
  operation: number = ArpOperation.REQUEST,
  targetIp: string = PEER_HOST.address,
): void {
  t.send({
    link: { source: THIEF, destination: BROADCAST_MAC },
    arp: { operation, senderMac: THIEF, senderIp: DEVICE.address, targetIp },
  });
}

script("RFC 5227 2.3: when the link comes up our address is announced twice, two seconds apart", (t) => {
  t.linkChanged(true);
  expectAnnouncement(t);
  t.expectNothing();
  t.at(2000);
  expectAnnouncement(t);
  t.after(600000);
  t.counter("ARP_ANNOUNCEMENTS").increased(2);
});

script(
  "RFC 5227 2.3: the second announcement is on time across the clock's wrap",
  { clock: 2 ** 32 - 1000 },
  (t) => {
    t.linkChanged(true);
    expectAnnouncement(t);
    t.at(2000);
    expectAnnouncement(t);
    t.counter("ARP_ANNOUNCEMENTS").increased(2);
  },
);

script("RFC 5227 2.3: a link that comes up again is announced again", (t) => {
  t.linkChanged(true);
  expectAnnouncement(t);
  t.at(2000);
  expectAnnouncement(t);
  t.after(1000);
  t.linkChanged(false);
  t.expectNothing();
  t.linkChanged(true);
  expectAnnouncement(t);
  t.after(2000);
  expectAnnouncement(t);
  t.counter("ARP_ANNOUNCEMENTS").increased(4);
});

script("RFC 1122 2.3.2.1: when the link comes up neighbours are asked for anew", (t) => {
  const socket = t.connected();
  const before = t.arpRequests;
  t.linkChanged(true);
  expectAnnouncement(t);
  socket.write(10);
  t.expect({ flags: "PA", seq: 1, ack: 1, len: 10 });
  if (t.arpRequests === before) t.fail("the neighbour was not asked for");
  t.peer.send({ flags: "A", seq: 1, ack: 11 });
  t.after(2000);
  expectAnnouncement(t);
  t.counter("ARP_ANNOUNCEMENTS").increased(2);
});

script(
  "RFC 5227 2.1.1: without an address there is nothing to announce",
  { config: { address: "0.0.0.0" } },
  (t) => {
    t.linkChanged(true);
    t.expectNothing();
    t.after(10000);
  },
);

for (const [what, operation] of [
  ["request", ArpOperation.REQUEST],
  ["reply", ArpOperation.REPLY],
] as const)
  script(`RFC 5227 2.4: a ${what} of another host with our address is a conflict, and defended`, (t) => {
    t.after(60000);
    steal(t, operation);
    expectAnnouncement(t);
    t.counter("ARP_CONFLICTS").increased();
    t.counter("ARP_ANNOUNCEMENTS").increased();
    t.countersMayMove("ARP_IGNORED");
    t.after(60000);
  });

script("RFC 5227 2.4: a conflict is defended at most once in ten seconds", (t) => {
  t.after(60000);
  steal(t);
  expectAnnouncement(t);
  t.after(9999);
  steal(t);
  t.expectNothing();
  t.after(1);
  steal(t);
  expectAnnouncement(t);
  t.counter("ARP_CONFLICTS").increased(3);
  t.counter("ARP_ANNOUNCEMENTS").increased(2);
  t.countersMayMove("ARP_IGNORED");
});

script("RFC 5227 2.4: connections live through a conflict, and the thief is not learnt", (t) => {
  const socket = t.connected();
  steal(t, ArpOperation.REQUEST, DEVICE.address);
  t.countersMayMove("ARP_IGNORED", "ARP_CONFLICTS", "ARP_ANNOUNCEMENTS", "ARP_REPLIES");
  while (t.frames > 0) t.next("arp");
  socket.write(10);
  t.expect({ flags: "PA", seq: 1, ack: 1, len: 10 });
  t.peer.send({ flags: "A", seq: 1, ack: 11 });
});

script(
  "RFC 1122 2.3.2.1: a neighbour in use is asked again by unicast before its entry goes, and nothing waits",
  { answerArp: false },
  (t) => {
    const { socket } = withNeighbour(t);
    let asked = 0;
    for (let second = 1; second <= 200; second++) {
      t.waitBetween(t.timeMs, second * 1000);
      while (t.frames > 0) {
        const { ethernet, arp } = t.next("arp");
        if (ethernet.destination !== PEER_HOST.mac) t.fail(`the request went to ${ethernet.destination}`);
        if (arp.targetIp !== PEER_HOST.address) t.fail(`the request asks for ${arp.targetIp}`);
        asked++;
        t.arpReply();
      }
      t.at(Math.max(t.timeMs, second * 1000));
      socket.write(1);
      // The segment leaves at once; a request may go along with it.
      const packets = t.frames;
      let sent = 0;
      for (let count = 0; count < packets; count++) sent += takeEither(t, () => asked++);
      if (sent !== 1) t.fail(`${sent} segments left at once, should be 1`);
      t.peer.send({ flags: "A", seq: 1, ack: 1 + second });
    }
    if (asked < 2 || asked > 20) t.fail(`${asked} requests in 200 s, should be 2 to 20`);
  },
);

/** Takes a segment or a unicast request, which is answered; 1 for a segment. */
function takeEither(t: Stage, onRequest: () => void): number {
  const packet = t.nextOf("tcp", "arp");
  if (packet.kind === "tcp") return 1;
  if (packet.kind !== "arp" || packet.ethernet.destination !== PEER_HOST.mac)
    return t.fail(`the device sent ${packet.kind}, should be a segment or a unicast request`);
  onRequest();
  t.arpReply();
  return 0;
}

script(
  "RFC 1122 2.3.2.1: a neighbour that nobody uses is forgotten in silence",
  { answerArp: false },
  (t) => {
    withNeighbour(t);
    // It was in use in the first minute, and not in the second.
    t.waitBetween(0, 70000);
    if (t.frames > 0) {
      t.next("arp");
      t.arpReply();
    }
    t.after(600000);
  },
);

script(
  "RFC 1122 2.3.2.1: a unicast request that is not answered becomes a broadcast one, and the data follow",
  { answerArp: false },
  (t) => {
    const { socket } = withNeighbour(t);
    t.after(30000);
    socket.write(1);
    t.expect({ flags: "PA", seq: 1, ack: 1, len: 1 });
    t.peer.send({ flags: "A", seq: 1, ack: 2 });
    const targets = new Set<string>();
    for (let second = 31; second <= 200; second++) {
      t.waitBetween(t.timeMs, second * 1000);
      while (t.frames > 0) targets.add(t.next("arp").ethernet.destination);
    }
    t.countersMayMove("ARP_FAILED");
    if (!targets.has(PEER_HOST.mac)) t.fail("no unicast request");
    socket.write(1);
    const { ethernet } = t.next("arp");
    if (ethernet.destination !== BROADCAST_MAC) t.fail(`the request went to ${ethernet.destination}`);
    t.arpReply();
    t.expect({ flags: "PA", seq: 2, ack: 1, len: 1 });
    t.peer.send({ flags: "A", seq: 1, ack: 3 });
  },
);

/** A connection whose neighbour was learnt at time 0. */
function withNeighbour(t: Stage) {
  const socket = t.connect(80);
  t.next("arp");
  t.arpReply();
  t.expect({ flags: "S", seq: 0 });
  t.peer.send({ flags: "SA", seq: 0, ack: 1, mss: 1460 });
  t.expect({ flags: "A", seq: 1, ack: 1 });
  return { socket };
}
