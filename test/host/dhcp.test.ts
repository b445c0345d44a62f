// host/dhcp.ts between a device and the tests' own DHCP server.

import { expect, test } from "vitest";
import { type DhcpClient as Client, DhcpClient } from "../../host/dhcp.js";
import type { Host } from "../../host/host.js";
import { Wire } from "../../host/link/wire.js";
import { Net } from "../../host/net.js";
import { VirtualClock } from "../../host/sim/clock.js";
import { quad, text } from "../services/dhcp_codec.js";
import { DhcpServer } from "../services/dhcp_server.js";
import { createHost, standardWasm } from "./support.js";

const MAC = "02:00:00:00:00:01";

function createNetwork() {
  const clock = new VirtualClock();
  const wire = new Wire();
  const options: [number, number[]][] = [
    [1, [255, 255, 255, 0]],
    [3, quad("10.0.0.254")],
    [6, [...quad("10.0.0.53"), ...quad("10.0.0.54")]],
    [15, text("lab.example")],
  ];
  const server = new DhcpServer({ options });
  const link = wire.port();
  link.onReady = () => {
    for (let frame = link.receive(); frame; frame = link.receive())
      for (const answer of server.receive(frame.slice(), clock.now())) link.send(answer);
  };
  const host: Host = createHost(wire.port(), clock, { mac: MAC }, standardWasm);
  return { clock, server, host };
}

function record(client: Client): string[] {
  const events: string[] = [];
  client.on("lease", ({ address }) => events.push(`lease ${address}`));
  client.on("lost", () => events.push("lost"));
  client.on("close", () => events.push("close"));
  return events;
}

test("a lease comes, is renewed, and is released", async () => {
  const { clock, server, host } = createNetwork();
  const client = new DhcpClient(host, { hostName: "kettle" });
  const events = record(client);
  expect([client.lease(), client.state]).toEqual([undefined, "SELECTING"]);
  await clock.settle(20_000);
  expect(events).toEqual(["lease 10.0.0.100"]);
  expect(client.lease()).toEqual({
    address: "10.0.0.100",
    isLinkLocal: false,
    netmask: "255.255.255.0",
    router: "10.0.0.254",
    dnsServers: ["10.0.0.53", "10.0.0.54"],
    ntpServer: undefined,
    server: "10.0.0.2",
    domain: "lab.example",
    mtu: undefined,
    leaseSeconds: 3600,
    renewSeconds: 1800,
    rebindSeconds: 3150,
  });
  expect(Buffer.from(server.heard[0]?.options.get(12) ?? []).toString()).toBe("kettle");
  // What asks for the device's address hears of the lease.
  const listening = new Net(host).createServer().listen({ port: 80, host: "10.0.0.100" });
  await clock.settle(10);
  expect(listening.address()?.address).toBe("10.0.0.100");
  listening.close();
  await clock.settle(2_000_000);
  expect(events).toEqual(["lease 10.0.0.100", "lease 10.0.0.100"]);
  client.release();
  await clock.settle(20_000);
  expect([events.at(-1), client.state, client.lease()]).toEqual(["close", "CLOSED", undefined]);
  expect(server.heard.at(-1)?.type).toBe("RELEASE");
  expect(server.leases.size).toBe(0);
  // The client may be opened again.
  const again = new DhcpClient(host);
  expect(() => new DhcpClient(host)).toThrow(/ENOBUFS/);
  await clock.settle(20_000);
  expect(again.lease()?.address).toBe("10.0.0.100");
});

test("a lease that nobody renews is lost", async () => {
  const { clock, server, host } = createNetwork();
  const client = new DhcpClient(host);
  const events = record(client);
  await clock.settle(20_000);
  server.on = false;
  await clock.settle(3_700_000);
  expect(events).toEqual(["lease 10.0.0.100", "lost"]);
  expect(client.lease()).toBe(undefined);
});

test("a link-local address stands in while no server answers, when that is wanted", async () => {
  const { clock, server, host } = createNetwork();
  server.on = false;
  const client = new DhcpClient(host, { linkLocal: true });
  const events = record(client);
  await clock.settle(60_000);
  expect(events).toEqual([expect.stringMatching(/^lease 169\.254\./)]);
  expect(client.lease()).toMatchObject({ isLinkLocal: true, server: undefined, dnsServers: [] });
  server.on = true;
  await clock.settle(300_000);
  expect(client.lease()).toMatchObject({ address: "10.0.0.100", isLinkLocal: false });
});
