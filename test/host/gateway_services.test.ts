// What the gateway has for a device without an address: its DHCP server, and its relay to a name server.

import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { once } from "node:events";
import { afterEach, describe, expect, it, test } from "vitest";
import { Dgram } from "../../host/dgram.js";
import { DhcpClient } from "../../host/dhcp.js";
import { answerTo, leaseOn } from "../../host/link/gateway_dhcp.js";
import { machineNameServer, relayDns } from "../../host/link/gateway_dns.js";
import { Wire } from "../../host/link/wire.js";
import { encode } from "../../host/packet/index.js";
import { VirtualClock } from "../../host/sim/clock.js";
import { encodeDhcp, quad } from "../services/dhcp_codec.js";
import { createHost, createStandardPair, LEFT, RIGHT, standardWasm } from "./support.js";

const LEASE = {
  address: "10.0.0.9",
  netmask: "255.255.255.0",
  router: LEFT.address,
  mac: LEFT.mac,
  leaseSeconds: 100,
};

describe("the DHCP server", () => {
  test("leases and renews; other frames go on to the host", async () => {
    const clock = new VirtualClock();
    const wire = new Wire();
    const sockets = { datagramSockets: 1, datagramQueueBytes: 4096 };
    const gateway = createHost(
      leaseOn(wire.port(), LEASE),
      clock,
      { ...LEFT, ...sockets, connections: 1 },
      standardWasm,
    );
    const device = createHost(wire.port(), clock, { mac: RIGHT.mac, ...sockets }, standardWasm);
    const client = new DhcpClient(device);
    let leases = 0;
    client.on("lease", () => leases++);
    await clock.settleUntil(() => leases === 1, 60_000);
    expect(client.lease()).toMatchObject({
      ...{ address: "10.0.0.9", netmask: "255.255.255.0", router: LEFT.address, server: LEFT.address },
      ...{ dnsServers: [LEFT.address], leaseSeconds: 100 },
    });
    await clock.settleUntil(() => leases === 3, 200_000);
    expect([leases, client.state]).toEqual([3, "BOUND"]);
    const heard: string[] = [];
    new Dgram(gateway).createSocket("udp4", (data) => heard.push(`${data}`)).bind(53);
    const sender = new Dgram(device).createSocket("udp4");
    sender.send("hello", 53, LEFT.address);
    await clock.settleUntil(() => heard.length > 0, 10_000);
    expect(heard).toEqual(["hello"]);
    // Whoever looks like a client, but says nothing that can be understood, is not answered.
    sender.send("hello", 67, LEFT.address);
    await clock.settle(1000);
    expect([leases, client.state]).toEqual([3, "BOUND"]);
  });

  const said = (type: number, more: Partial<Parameters<typeof encodeDhcp>[0]> = {}) =>
    encodeDhcp({ op: 1, xid: 7, chaddr: RIGHT.mac, options: [[53, [type]]], ...more });
  const typeOf = (message: Uint8Array) => answerTo(message, LEASE)?.[242];
  const wanting = (address: string): [number, number[]][] => [
    // Two octets that pad.
    [0, []],
    [53, [3]],
    [50, quad(address)],
  ];

  it.each([
    ["DISCOVER: OFFER", said(1), 2],
    ["REQUEST of its address: ACK", said(3, { options: wanting("10.0.0.9") }), 5],
    ["REQUEST of another: NAK", said(3, { options: wanting("10.0.0.8") }), 6],
    ["REQUEST with its address: ACK", said(3, { ciaddr: "10.0.0.9" }), 5],
    ["REQUEST of nothing: NAK", said(3), 6],
    ["RELEASE: nothing", said(7), undefined],
    [
      "for another server: nothing",
      said(1, {
        options: [
          [53, [1]],
          [54, quad("10.0.0.3")],
        ],
      }),
      undefined,
    ],
    ["a reply: nothing", said(1, { op: 2 }), undefined],
    ["another cookie: nothing", said(1, { cookie: 1 }), undefined],
    ["no type: nothing", said(1, { options: [] }), undefined],
    ["an option that is cut off: nothing", said(1, { options: [] }).fill(53, 240), undefined],
    ["too short: nothing", said(1).subarray(0, 239), undefined],
  ])("%s", (_name, message, type) => {
    expect(typeOf(message)).toBe(type);
  });

  test("a NAK has no address", () => {
    expect([...(answerTo(said(3), LEASE)?.subarray(16, 20) ?? [])]).toEqual([0, 0, 0, 0]);
    expect([...(answerTo(said(1), LEASE)?.subarray(16, 20) ?? [])]).toEqual(quad("10.0.0.9"));
  });
});

describe("the relay to a name server", () => {
  const sockets: Socket[] = [];

  afterEach(() => {
    for (const socket of sockets.splice(0)) socket.close();
  });

  async function createNetwork() {
    const { clock, wire, left, right } = createStandardPair();
    const server = createSocket("udp4");
    sockets.push(server);
    const asked: { query: string; from: RemoteInfo }[] = [];
    server.on("message", (query, from) => asked.push({ query: `${query}`, from }));
    server.bind(0, "127.0.0.1");
    await once(server, "listening");
    const { address, port } = server.address();
    const relay = relayDns(right, { address, port }, clock);
    const heard: string[] = [];
    const client = new Dgram(left).createSocket("udp4", (data) => heard.push(`${data}`));
    const ask = (query: string) => client.send(query, 53, RIGHT.address);
    /** Lets both worlds go on, ours by a millisecond a step. */
    const until = async (done: () => boolean) => {
      const limit = performance.now() + 20_000;
      while (!done() && performance.now() < limit) {
        await clock.settle(1);
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
      expect(done(), `${done}`).toBe(true);
    };
    return { clock, wire, relay, server, asked, heard, ask, until };
  }

  test("a query goes on, and its answer back", async () => {
    const { server, asked, heard, ask, until } = await createNetwork();
    ask("a query");
    await until(() => asked.length === 1);
    const [first] = asked;
    expect(first?.query).toBe("a query");
    server.send("an answer", first?.from.port, "127.0.0.1");
    await until(() => heard.length === 1);
    expect(heard).toEqual(["an answer"]);
  });

  test("what comes from port 0 is nobody's query, and what is answered too late nobody's answer", async () => {
    const { clock, wire, relay, server, asked, heard, ask, until } = await createNetwork();
    wire.port().send(
      encode({
        link: { source: LEFT.mac, destination: RIGHT.mac },
        ipv4: { source: LEFT.address, destination: RIGHT.address },
        udp: { sourcePort: 0, destinationPort: 53, payload: Buffer.from("from nobody") },
      }),
    );
    await clock.settle(1);
    ask("a query");
    await until(() => asked.some(({ query }) => query === "a query"));
    for (const { from } of asked) server.send("an answer", from.port, "127.0.0.1");
    await until(() => heard.length === 1);
    expect(asked.length).toBe(1);
    ask("another");
    await until(() => asked.length === 2);
    relay.close();
    await clock.settle(1);
    server.send("too late", asked[1]?.from.port, "127.0.0.1");
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(heard).toEqual(["an answer"]);
  });

  test("so many are under way at most, and each for so long", async () => {
    const { clock, asked, ask, until } = await createNetwork();
    for (let index = 0; index < 17; index++) {
      ask(`query ${index}`);
      await clock.settle(1);
    }
    await until(() => asked.length === 16);
    ask("no room");
    await clock.settle(6000);
    ask("room again");
    await until(() => asked.length === 17);
    expect(asked.at(-1)?.query).toBe("room again");
  });

  it.each([
    [[], undefined],
    [["192.0.2.1", "192.0.2.2"], { address: "192.0.2.1", port: 53 }],
    [["192.0.2.1:5353"], { address: "192.0.2.1", port: 5353 }],
    [["2001:db8::1"], { address: "2001:db8::1", port: 53 }],
    [["[2001:db8::1]:5353"], { address: "2001:db8::1", port: 5353 }],
  ])("of %j the first", (servers, first) => {
    expect(machineNameServer(servers)).toEqual(first);
  });
});
