// How a TAP interface comes and goes, with rights and without, and what is said when it cannot be had.

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ENGINE, ENGINE_PROOF, missingEngine } from "../report/engine.js";
import { missingTools } from "../report/tools.js";
import { DEVICE, info, startDevice, stopDevice } from "./device.js";
import { Namespace, type Outcome } from "./namespace.js";

const SERVE = [process.execPath, "build/host/cli.js", "serve", "--link", "tap", "--engine", ENGINE];

/** Runs what follows without any right that root has. */
const WITHOUT_RIGHTS = ["--bounding-set=-all", "--inh-caps=-all", "--no-new-privs"];

let network: Namespace;

beforeEach(async () => {
  network = await Namespace.create();
});

afterEach(async () => {
  await network.remove();
});

function ip(...args: string[]): Promise<Outcome> {
  return network.run("ip", args);
}

/** Starts the service, which must fail; returns what it says. */
async function complaint(...options: string[]): Promise<string> {
  const [command = "", ...args] = SERVE;
  const { code, stdout, stderr } = await network.run(command, [...args, ...options]);
  expect([code, stdout.toString()]).toEqual([1, ""]);
  return stderr;
}

describe.skipIf(missingEngine ?? missingTools("namespaces", "curl"))("the TAP interface", () => {
  test("is made, has the address, and goes away with the service", async () => {
    const device = await startDevice(network, "--tap", "wire7", "--device-address", "192.168.77.1/28");
    const { stdout } = await ip("-o", "-4", "addr", "show", "dev", "wire7");
    expect(stdout.toString()).toContain("192.168.77.2/28");
    expect((await network.runWell("curl", ["-s", "http://192.168.77.1/bytes/10"])).length).toBe(10);
    expect((await info(network, "192.168.77.1")).engine).toMatch(ENGINE_PROOF);
    expect(device.output()).toContain(`nsenter --preserve-credentials -U -n -t ${device.pid}`);
    await stopDevice(device);
    expect((await ip("link", "show", "wire7")).code).toBe(1);
  });

  test("without rights: the commands that are printed make it, and then none is needed", async () => {
    const refused = await network.run("setpriv", [...WITHOUT_RIGHTS, ...SERVE]);
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining("(TUNSETIFF: EPERM)")]);
    const commands = [...refused.stderr.matchAll(/^ {2}sudo (ip .*)$/gm)].map(([, command = ""]) => command);
    expect(commands.length).toBe(3);
    for (const command of commands) await network.runWell("sh", ["-c", `USER=root; ${command}`]);
    const device = network.start("setpriv", [...WITHOUT_RIGHTS, ...SERVE]);
    await device.says("Ctrl-C stops it");
    expect((await network.runWell("curl", ["-s", `http://${DEVICE}/bytes/10`])).length).toBe(10);
    expect((await info(network)).engine).toMatch(ENGINE_PROOF);
    await stopDevice(device);
    // What somebody else made stays.
    expect((await ip("link", "show", "ferrule0")).code).toBe(0);
  });

  test("without the right to open the device no interface helps: what does is said", async () => {
    // As a machine with /dev/net/tun for root alone has it; a test that root runs cannot be refused.
    const { whyNotAttached } = await import("../../host/link/tap_setup.js");
    const { SystemCallError } = await import("../../host/link/libc.js");
    const tap = { name: "t0", hostAddress: "10.0.0.1", deviceAddress: "10.0.0.2", prefixLength: 24 };
    const why = (code: string) => whyNotAttached(tap, new SystemCallError("open /dev/net/tun", code));
    expect(why("EACCES")).toMatch(/^no right to open \/dev\/net\/tun: .*chmod/);
    expect(why("EPERM")).toContain("sudo ip tuntap add dev t0 mode tap");
  });

  test("is not made in a network that the machine is in", async () => {
    await ip("addr", "add", "10.0.0.200/25", "dev", "lo");
    expect(await complaint()).toContain("lo of this machine is in the network 10.0.0.200/25 already");
    const device = await startDevice(network, "--device-address", "10.0.1.2/24");
    expect((await info(network, "10.0.1.2")).engine).toMatch(ENGINE_PROOF);
    await stopDevice(device);
  });

  test("that another process has is not taken", async () => {
    const device = await startDevice(network);
    expect((await info(network)).engine).toMatch(ENGINE_PROOF);
    expect(await complaint()).toContain("another process has the interface ferrule0");
    await stopDevice(device);
  });

  test.each([
    ["is of another kind", "ip tuntap add dev ferrule0 mode tun", "ferrule0 is no TAP interface"],
    [
      "has an address in another network",
      "ip tuntap add dev ferrule0 mode tap && ip addr add 10.9.9.9/24 dev ferrule0",
      "ferrule0 has the address 10.9.9.9, which is not in the device's network",
    ],
  ])("that %s is told", async (_name, before, text) => {
    await network.runWell("sh", ["-c", before]);
    expect(await complaint()).toContain(text);
  });
});
