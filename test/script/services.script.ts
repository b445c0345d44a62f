// Hostile frames for the DHCP client and the resolver: each moves a counter and nothing else, and what is right is taken
// after it. Whole lives of both are in test/services/ and test/dns/.

import { SocketKind } from "../../host/abi.js";
import { concat } from "../../host/packet/index.js";
import {
  a,
  decodeQuery,
  encodeMessage,
  encodeName,
  type MessageSpec,
  pointer,
  QUESTION_AT,
  Type,
} from "../dns/codec.js";
import { type DhcpSpec, decodeDhcp, encodeDhcp, quad, u32 } from "../services/dhcp_codec.js";
import { script } from "./script.js";
import { DEVICE, PEER_HOST, type Stage, type StageOptions } from "./stage.js";

const OTHER_HOST = { mac: "02:00:00:00:00:03", address: "10.0.0.3" };
const NAME = "www.example.com";
const ANSWER = "192.0.2.80";
const DNS: StageOptions = {
  build: "standard",
  config: { queries: 1, cacheEntries: 1, dnsServers: [PEER_HOST.address] },
};

/** A query that waits for its answer. */
interface Asked {
  /** Gives the device an answer: the right one, but for what is said. */
  answer(
    change?: Partial<MessageSpec> & {
      octets?: Uint8Array;
      from?: string;
      fromPort?: number;
      toPort?: number;
    },
  ): void;
  /** The right answer's octets. */
  readonly right: Uint8Array;
  /** The device has the address, and the query is over. */
  expectAnswer(): void;
  expectNone(): void;
}

function ask(t: Stage): Asked {
  const handle = t.call(`resolve(${NAME})`, (core) => {
    const query = core.open(SocketKind.QUERY);
    core.resolve(query, NAME);
    return query;
  });
  const { udp } = t.next("udp");
  const { id, name } = decodeQuery(udp.payload);
  if (udp.destinationPort !== 53 || name !== NAME) t.fail(`it asks for ${name}`);
  const spec: MessageSpec = { id, questions: [{ name: NAME }], answers: [a(NAME, ANSWER)] };
  const found = () => t.core.addresses(handle)?.join();
  return {
    right: encodeMessage(spec),
    answer({ octets, from = PEER_HOST.address, fromPort = 53, toPort = udp.sourcePort, ...change } = {}) {
      t.send({
        ipv4: { source: from, destination: DEVICE.address },
        udp: {
          sourcePort: fromPort,
          destinationPort: toPort,
          payload: octets ?? encodeMessage({ ...spec, ...change }),
        },
      });
    },
    expectAnswer() {
      if (found() !== ANSWER) t.fail(`the answer is ${found()}`);
      t.call("close()", (core) => core.close(handle));
    },
    expectNone() {
      if (found() !== undefined) t.fail(`there is an answer: ${found()}`);
    },
  };
}

script("RFC 1035 4.2.1: an answer is taken as far as it is whole, and none that is cut", DNS, (t) => {
  const query = ask(t);
  const { right } = query;
  for (let length = 0; length < right.length; length++) {
    query.answer({ octets: right.subarray(0, length) });
    t.expectNothing();
    query.expectNone();
  }
  t.countersMayMove("DNS_MALFORMED", "DNS_IGNORED");
  query.answer();
  query.expectAnswer();
});

for (const [what, name] of [
  ["points at itself", pointer(QUESTION_AT + 4 + encodeName(NAME).length)],
  ["points forward", pointer(200)],
  ["points behind the message", pointer(0x3fff)],
  ["points into the header", pointer(0)],
  ["has a label of a reserved kind", Uint8Array.of(0x40, 1, 0)],
  ["has a label that goes on behind the message", Uint8Array.of(63, 1, 2, 3)],
  [
    "has more than 255 octets",
    concat(...Array.from({ length: 5 }, () => encodeName("x".repeat(63)).slice(0, -1)), new Uint8Array(1)),
  ],
  ["never ends", pointer(QUESTION_AT + 4 + encodeName(NAME).length, "again")],
] as const)
  script(`RFC 1035 4.1.4: an answer is dropped whose name ${what}`, DNS, (t) => {
    const query = ask(t);
    query.answer({ answers: [a(name, "203.0.113.66")] });
    t.expectNothing();
    query.expectNone();
    t.counter("DNS_MALFORMED").increased();
    query.answer();
    query.expectAnswer();
  });

for (const [what, counts] of [
  ["more answers", [1, 2]],
  ["65535 answers", [1, 0xffff]],
  ["authorities", [1, 1, 9]],
] as const)
  script(`RFC 1035 4.1.1: an answer is dropped that promises ${what} and has none`, DNS, (t) => {
    const query = ask(t);
    query.answer({ counts });
    query.expectNone();
    t.counter("DNS_MALFORMED").increased();
    query.answer();
    query.expectAnswer();
  });

script("RFC 1035 3.4.1: an address of another length is none", DNS, (t) => {
  const query = ask(t);
  for (const length of [0, 3, 5, 16]) {
    query.answer({ answers: [{ name: NAME, type: Type.A, data: new Uint8Array(length).fill(9) }] });
    query.expectNone();
  }
  t.counter("DNS_MALFORMED").increased(4);
  query.answer();
  query.expectAnswer();
});

script("RFC 5452 9.1: an answer to what was not asked is dropped", DNS, (t) => {
  const query = ask(t);
  const bad = [a(NAME, "203.0.113.66")];
  const id = ((query.right[0] as number) << 8) | (query.right[1] as number);
  const forged: readonly Partial<MessageSpec>[] = [
    { id: id ^ 1 },
    { id: ((id << 8) | (id >> 8)) & 0xffff },
    { questions: [{ name: "www.example.org" }] },
    { questions: [{ name: NAME, type: 28 }] },
    { questions: [{ name: NAME, class: 3 }] },
    { questions: [] },
    { answer: false },
    { opcode: 2 },
  ];
  for (const change of forged) query.answer({ answers: bad, ...change });
  query.expectNone();
  t.counter("DNS_IGNORED").increased(forged.length);
  query.answer();
  query.expectAnswer();
});

script("RFC 5452 9.2: an answer from elsewhere, or to another port, is for nobody", DNS, (t) => {
  const query = ask(t);
  const bad = { answers: [a(NAME, "203.0.113.66")] };
  t.newPeer({ host: OTHER_HOST });
  // Who counts "port unreachable" does not learn which of the ephemeral ports is ours.
  query.answer({ ...bad, fromPort: 5353 });
  query.answer({ ...bad, from: OTHER_HOST.address });
  query.answer({ ...bad, toPort: 53 });
  t.next("icmp");
  query.expectNone();
  t.counter("UDP_NO_SOCKET").increased(3);
  t.counter("ICMP_UNREACHABLE").increased();
  query.answer();
  query.expectAnswer();
  // The query's port is nobody's any more.
  query.answer();
  t.counter("UDP_NO_SOCKET").increased();
});

const DHCP: StageOptions = { build: "standard", config: { address: "0.0.0.0" } };
const SERVER = "10.0.0.2";
const LEASED = "10.0.0.100";

interface Discovered {
  readonly xid: number;
  /** Gives the device an offer: the right one, but for what is said. */
  offer(change?: Partial<DhcpSpec>, octets?: Uint8Array): void;
}

/** Starts the client, which asks after a second at most. */
function discover(t: Stage): Discovered {
  t.call("open(DHCP_CLIENT)", (core) => core.openDhcp());
  if (t.frames === 0) t.waitBetween(0, 10_000);
  const message = decodeDhcp(t.next("udp").frame);
  if (message?.type !== "DISCOVER") return t.fail(`it sends ${message?.type}`);
  const { xid } = message;
  const offer = (change: Partial<DhcpSpec> = {}, octets?: Uint8Array) => {
    const spec = { xid, chaddr: DEVICE.mac, yiaddr: LEASED, options: OFFER, ...change };
    t.send({
      link: { source: PEER_HOST.mac, destination: "ff:ff:ff:ff:ff:ff" },
      ipv4: { source: SERVER, destination: "255.255.255.255" },
      udp: { sourcePort: 67, destinationPort: 68, payload: octets ?? encodeDhcp(spec) },
    });
  };
  return { xid, offer };
}

const TYPE_OFFER = [53, [2]] as const;
const LEASE = [51, u32(3600)] as const;
const SERVER_ID = [54, quad(SERVER)] as const;
const OFFER: DhcpSpec["options"] = [TYPE_OFFER, LEASE, SERVER_ID];

/** The right offer is still taken. */
function expectRequest(t: Stage, { offer }: Discovered): void {
  offer();
  const message = decodeDhcp(t.next("udp").frame);
  const asked = message?.options.get(50)?.join(".");
  if (message?.type !== "REQUEST" || asked !== LEASED) t.fail(`it sends ${message?.type} for ${asked}`);
}

for (const [what, change] of [
  ["another transaction's", { xid: 1 }],
  ["another device's", { chaddr: "02:00:00:00:00:09" }],
  ["one of no server", { options: [TYPE_OFFER, LEASE] }],
  ["an ACK that nobody asked for", { options: [[53, [5]], LEASE, SERVER_ID] }],
  ["a NAK that nobody asked for", { options: [[53, [6]], SERVER_ID] }],
] as const satisfies readonly (readonly [string, Partial<DhcpSpec>])[])
  script(`RFC 2131 4.4.1: an offer is ignored that is ${what}`, DHCP, (t) => {
    const discovered = discover(t);
    discovered.offer({ ...change, ...("xid" in change && { xid: discovered.xid ^ change.xid }) });
    t.expectNothing();
    t.counter("DHCP_IGNORED").increased();
    expectRequest(t, discovered);
  });

for (const [what, change] of [
  ["without a type", { options: [LEASE, SERVER_ID] }],
  ["that is a request", { op: 1 }],
  ["of another kind of network", { htype: 6 }],
  ["with hardware addresses of another length", { hlen: 8 }],
  ["without the magic cookie", { cookie: 0x63825364 }],
  ["whose option overruns it", { options: [TYPE_OFFER, LEASE, [54, quad(SERVER)], [12, [65]]], end: false }],
] as const satisfies readonly (readonly [string, Partial<DhcpSpec>])[])
  script(`RFC 2131 2: an offer ${what} is malformed`, DHCP, (t) => {
    const discovered = discover(t);
    const { xid } = discovered;
    const right: DhcpSpec = { xid, chaddr: DEVICE.mac, yiaddr: LEASED, options: OFFER };
    const octets = encodeDhcp({ ...right, ...change });
    // The last option promises more than there is.
    if (what.includes("overruns")) octets[octets.length - 2] = 200;
    discovered.offer({}, octets);
    t.expectNothing();
    t.counter("DHCP_MALFORMED").increased();
    expectRequest(t, discovered);
  });

script("RFC 2131 2: an offer that is cut anywhere starts nothing", DHCP, (t) => {
  const discovered = discover(t);
  const { xid } = discovered;
  const whole = encodeDhcp({ xid, chaddr: DEVICE.mac, yiaddr: LEASED, options: OFFER });
  // The end option may be missing, and so may what comes before the server's.
  for (let length = 0; length < whole.length - 1; length++) {
    discovered.offer({}, whole.subarray(0, length));
    t.expectNothing();
  }
  t.countersMayMove("DHCP_MALFORMED", "DHCP_IGNORED", "DHCP_REFUSED");
  expectRequest(t, discovered);
});

for (const yiaddr of ["0.0.0.0", "127.0.0.1", "224.0.0.1", "255.255.255.255"])
  script(`RFC 2131 4.4.1: an offer of ${yiaddr} is refused, and so is one for no time`, DHCP, (t) => {
    const discovered = discover(t);
    discovered.offer({ yiaddr });
    discovered.offer({ options: [TYPE_OFFER, [51, u32(0)], SERVER_ID] });
    t.expectNothing();
    t.counter("DHCP_REFUSED").increased(2);
    expectRequest(t, discovered);
  });
