// DHCP and DNS with servers that others have written, dnsmasq and nginx, over a TAP interface of the Linux kernel. They run in
// the test's own network namespace, and end with it.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { DhcpLease } from "../../host/dhcp.js";
import { ENGINE, ENGINE_PROOF, missingEngine } from "../report/engine.js";
import { missingTools } from "../report/tools.js";
import { ferrule, ferruleGet, sha256 } from "./device.js";
import { Namespace, type Running } from "./namespace.js";
import { makeWire, SERVER, startDnsmasq, startNginx } from "./servers.js";

/** Addresses of the name with many: more than a datagram holds. */
const MANY = 200;

let network: Namespace;
let folder: string;

beforeEach(async () => {
  network = await Namespace.create();
  folder = mkdtempSync(join(tmpdir(), "ferrule-services-"));
  await makeWire(network);
});

afterEach(async () => {
  await network.remove();
  rmSync(folder, { recursive: true, force: true });
});

function startServer(...options: string[]): Promise<Running> {
  const many = Array.from({ length: MANY }, (_, i) => `10.0.9.${i + 1} many.test`);
  return startDnsmasq(network, folder, many, ...options);
}

/** A device under test, and what it said so far. */
class Device {
  readonly #program: Running;

  constructor(...dnsServers: string[]) {
    this.#program = network.start(process.execPath, [
      ...["test/kernel/services_device.mjs", ENGINE, "wire", ...dnsServers],
    ]);
  }

  tell(command: string): void {
    this.#program.child.stdin.write(`${command}\n`);
  }

  /** All lines that have this property. */
  said<T>(property: string): T[] {
    const lines = this.#program
      .output()
      .split("\n")
      .filter((line) => line.startsWith("{"));
    // The last one may not be whole yet.
    const whole = this.#program.output().endsWith("\n") ? lines : lines.slice(0, -1);
    return whole.map((line) => JSON.parse(line)).filter((line) => property in line);
  }

  /** Waits until `count` lines have this property; returns the last of them. */
  async says<T>(property: string, count = 1): Promise<T> {
    const limit = performance.now() + 60_000;
    for (;;) {
      const said = this.said<T>(property);
      if (said.length >= count) return said[count - 1] as T;
      if (performance.now() > limit || this.#program.child.exitCode !== null)
        expect.fail(`no ${count} x ${property}, but:\n${this.#program.output()}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  async resolve(name: string): Promise<{ addresses?: string[]; code?: string }> {
    const before = this.said("name").length;
    this.tell(`resolve ${name}`);
    return await this.says("name", before + 1);
  }

  async lease(count = 1): Promise<DhcpLease> {
    return (await this.says<{ lease: DhcpLease }>("lease", count)).lease;
  }

  async counters(): Promise<Record<string, number>> {
    const before = this.said("counters").length;
    this.tell("counters");
    return (await this.says<{ counters: Record<string, number> }>("counters", before + 1)).counters;
  }

  async end(): Promise<void> {
    this.tell("end");
    expect(await this.#program.ended(), this.#program.output()).toBe(0);
  }
}

const times = (text: string, pattern: RegExp) => [...text.matchAll(pattern)].length;

const needs = missingEngine ?? missingTools("namespaces", "dnsmasq");

describe.skipIf(needs)("DHCP with dnsmasq", () => {
  test("leases, renews at T1, and gives back", async () => {
    const server = await startServer("--dhcp-range=10.0.0.50,10.0.0.60,120");
    const device = new Device();
    expect((await device.says<{ up: string }>("up")).up).toMatch(ENGINE_PROOF);
    device.tell("dhcp");
    const lease = await device.lease();
    expect(lease).toMatchObject({
      ...{ netmask: "255.255.255.0", router: SERVER, dnsServers: [SERVER], server: SERVER, domain: "test" },
      ...{ leaseSeconds: 120, renewSeconds: 5, rebindSeconds: 6, isLinkLocal: false },
    });
    expect(lease.address).toMatch(/^10\.0\.0\.(5\d|60)$/);
    expect(server.output()).toContain("client provides name: ferrule-test");
    await network.runWell("ping", ["-c", "3", "-i", "0.2", lease.address]);
    // By unicast, with the address that it has.
    await server.says(new RegExp(`(DHCPACK\\(wire\\) ${lease.address}[^]*){3}`));
    expect(times(server.output(), /DHCPDISCOVER/g)).toBe(1);
    expect((await device.lease(3)).address).toBe(lease.address);
    device.tell("release");
    await server.says(`DHCPRELEASE(wire) ${lease.address}`);
    expect(device.said("lost")).toEqual([]);
    await device.end();
  });

  test("a server that refuses the address ends the lease; the next one is another", async () => {
    const before = await startServer("--dhcp-range=10.0.0.50,10.0.0.60,120");
    const device = new Device();
    device.tell("dhcp");
    const { address } = await device.lease();
    await before.interrupt();
    const after = await startServer("--dhcp-range=10.0.0.100,10.0.0.110,120");
    await after.says(`DHCPNAK(wire) ${address}`);
    await device.says("lost");
    const next = await device.lease(device.said("lease").length + 1);
    expect(next.address).toMatch(/^10\.0\.0\.1[01]\d$/);
    await network.runWell("ping", ["-c", "1", next.address]);
    await device.end();
  });

  test("an address that somebody has is declined, and another one taken", async () => {
    const server = await startServer("--dhcp-range=10.0.0.50,10.0.0.51,120");
    const device = new Device();
    device.tell("dhcp");
    const { address } = await device.lease();
    device.tell("release");
    await server.says(`DHCPRELEASE(wire) ${address}`);
    // The kernel answers ARP for it from now on.
    await network.runWell("ip", ["addr", "add", `${address}/32`, "dev", "lo"]);
    device.tell("dhcp");
    await server.says(`DHCPDECLINE(wire) ${address}`);
    const next = await device.lease(device.said("lease").length + 1);
    expect(next.address).not.toBe(address);
    await device.end();
  });
});

describe.skipIf(needs)("DNS with dnsmasq", () => {
  test("names, aliases, what is not there, and the cache", async () => {
    const server = await startServer(
      "--dhcp-range=10.0.0.50,10.0.0.60,120",
      "--neg-ttl=60",
      "--local-ttl=60",
    );
    const device = new Device();
    device.tell("dhcp");
    await device.lease();
    for (const name of ["web.test", "alias.test", "other.test", "WEB.test", "web.test."])
      expect(await device.resolve(name), name).toMatchObject({ addresses: [SERVER] });
    expect(await device.resolve("none.test")).toMatchObject({ code: "ENOTFOUND" });
    expect(times(server.output(), /query\[A\] web\.test/gi)).toBe(1);
    await device.end();
  });
  test(`a truncated answer is fetched by TCP: ${MANY} addresses`, async () => {
    const server = await startServer("--dhcp-range=10.0.0.50,10.0.0.60,120", "--local-ttl=60");
    const device = new Device(SERVER);
    device.tell("dhcp");
    await device.lease();
    const { addresses = [] } = await device.resolve("many.test");
    expect(addresses.length).toBe(4);
    for (const address of addresses) expect(address).toMatch(/^10\.0\.9\.\d+$/);
    expect(times(server.output(), /query\[A\] many\.test/g)).toBe(2);
    expect((await device.counters()).TCP_ACTIVE_OPENS).toBe(1);
    // From the cache.
    expect(new Set((await device.resolve("many.test")).addresses)).toEqual(new Set(addresses));
    expect(times(server.output(), /query\[A\] many\.test/g)).toBe(2);
    await device.end();
  });
});

describe.skipIf(needs ?? missingTools("nginx"))("the web of nginx", () => {
  test("a page by name, with an address from DHCP; and with a DNS server alone", async () => {
    await startServer("--dhcp-range=10.0.0.50,10.0.0.60,120");
    const page = Buffer.from("<h1>a page of nginx</h1>\n".repeat(10_000));
    await startNginx(network, folder, page);
    const recording = ["--record", join(folder, "get.pcapng")] as const;
    const leased = await ferruleGet(network, "http://web.test/", "--dhcp", "--tap", "wire", ...recording);
    expect(leased.output).toContain(`SHA-256 ${sha256(page)}`);
    expect(leased.output).toMatch(/^leased 10\.0\.0\.\d+ for 120 s, router 10\.0\.0\.1, DNS 10\.0\.0\.1$/m);
    // It knows by itself which build that was.
    const replayed = await ferrule("replay", recording[1]);
    expect([replayed.code, replayed.output]).toEqual([0, expect.stringMatching(/: no difference\n$/)]);
    const asked = await ferruleGet(network, "http://alias.test/", "--dns", SERVER, "--tap", "wire");
    expect(asked.output).toContain(`SHA-256 ${sha256(page)}`);
    const none = await ferruleGet(network, "http://none.test/", "--dns", SERVER, "--tap", "wire");
    expect([none.code, none.output]).toEqual([1, expect.stringContaining("ENOTFOUND none.test")]);
  });

  test("misuse says what to do", async () => {
    const of = async (...args: string[]) => (await ferruleGet(network, ...args)).output;
    expect(await of("http://web.test/")).toContain(
      "web.test is a name: say who knows it, with --dhcp or --dns",
    );
    expect(await of("http://web.test/", "--dns", "nobody")).toContain("--dns nobody is not possible");
    expect(await of("http://[::1]/", "--dhcp")).toContain("is not possible: give an http URL");
  });
});
