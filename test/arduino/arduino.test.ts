// boards/arduino: FerruleClient, FerruleServer, FerruleUDP and Ferrule.begin, compiled against the API headers of an
// Arduino core, with the Linux kernel as the peer; under sanitizers.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { writeTrappingModule } from "../../scripts/boards/trapping.mjs";
import { Namespace } from "../kernel/namespace.js";
import { missingTools, root } from "../report/tools.js";
import { buildForMicrocontroller, buildParts, buildSketch } from "./build.js";

const needs = missingTools("gcc", "g++", "arduino-core-avr", "namespaces");

let program: string;
let network: Namespace;
let folder: string;

describe.skipIf(needs)("the Arduino classes", () => {
  beforeAll(async () => {
    mkdirSync(`${root}build`, { recursive: true });
    const module = `${root}build/arduino-trapping.wasm`;
    await writeTrappingModule(module, "standard");
    program = await buildSketch(await buildParts("arduino", module), "test/arduino/api.cpp");
  });

  beforeEach(async () => {
    network = await Namespace.create();
    folder = mkdtempSync(join(tmpdir(), "ferrule-arduino-"));
    const wire = "ip tuntap add dev wire mode tap && ip addr add 10.0.0.1/24 dev wire && ip link set wire up";
    await network.runWell("sh", ["-c", wire]);
  });

  afterEach(async () => {
    await network.remove();
    rmSync(folder, { recursive: true, force: true });
  });

  test("function by function", async () => {
    const groups = [
      "before begin",
      "addresses",
      "client",
      "failures",
      "server",
      "datagrams",
      "again",
      "heap",
      "traps",
    ];
    const output = await network.runWell(program, ["wire", "static"]);
    expect(output.toString().trim().split("\n")).toEqual([...groups, "done"]);
  });

  test.skipIf(missingTools("dnsmasq"))("with an address by DHCP, and names", async () => {
    writeFileSync(join(folder, "hosts"), "10.0.0.1 web.test\n");
    const server = network.start("dnsmasq", [
      ...["--no-daemon", "--conf-file=/dev/null", "--user=root", "--pid-file=", "--log-dhcp", "--no-ping"],
      ...["--interface=wire", "--bind-interfaces", "--no-resolv", "--no-hosts", "--local=/test/"],
      ...[`--addn-hosts=${join(folder, "hosts")}`, `--dhcp-leasefile=${join(folder, "leases")}`],
      ...["--dhcp-range=10.0.0.50,10.0.0.60,120", "--dhcp-authoritative"],
    ]);
    await server.says("read ");
    const output = await network.runWell(program, ["wire", "dhcp"]);
    expect(output.toString().trim().split("\n")).toEqual(["leases", "back and forth"]);
    expect(server.output()).toContain("client provides name: arduino");
  });
});

test.skipIf(missingTools("riscv-gcc", "picolibc", "arduino-core-avr"))(
  "the classes compile for a microcontroller without a warning, and want no heap",
  async () => {
    const wanted = await buildForMicrocontroller("arduino-riscv");
    expect(wanted).toContain("ferrule_net_read");
    // malloc and its like, operator new and delete, exceptions.
    expect(wanted.filter((name) => /alloc|^free$|^_Zn|^_Zd|throw/.test(name))).toEqual([]);
  },
);
