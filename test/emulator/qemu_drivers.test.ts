// The drivers of QEMU's network devices against devices that misbehave: see qemu_drivers.c.

import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { ownSources } from "../../scripts/runtime_sources.mjs";
import { missingTools, root } from "../report/tools.js";

const FILES = [
  "test/emulator/qemu_drivers.c",
  ...["virtio", "virtio_net", "openeth"].map((name) => `boards/drivers/${name}.c`),
];

/** How long a case may take, in milliseconds. */
const TIMEOUT_MS = 30_000;

const program = join(root, "build/qemu_drivers");

describe.skipIf(missingTools("gcc"))("drivers of QEMU's network devices", () => {
  beforeAll(() => {
    mkdirSync(join(root, "build"), { recursive: true });
    const [first] = ownSources(FILES);
    const files = FILES.map((file) => join(root, file));
    const sanitizers = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"];
    const args = ["-g", "-O1", ...sanitizers, ...(first?.options ?? []), ...files, "-o", program];
    const { status, stderr } = spawnSync("gcc", args, { encoding: "utf8" });
    if (status !== 0) expect.fail(stderr);
  });

  test.each([
    "virtio-frames",
    "virtio-nonsense",
    "virtio-sends",
    "virtio-link",
    "virtio-comes-back",
    "virtio-random",
    "openeth-frames",
    "openeth-nonsense",
    "openeth-errors",
    "openeth-sends",
    "openeth-hangs",
    "openeth-random",
  ])("%s", (name) => {
    expect(told(name)).toBe("");
  });

  test.each(["01005e000001", "01005e7ffffa", "333300000001", "3333ff123456"])("hash of group %s", (group) => {
    expect(BigInt(`0x${told("hash", group).trim()}`)).toBe(1n << BigInt(hashBit(Buffer.from(group, "hex"))));
  });

  test("the CRC that hashes are compared with is the right one", () => {
    expect(crc32(Buffer.from("123456789"))).toBe(0xcbf43926);
  });
});

/** What a case prints; fails the test when it does not end well, or takes too long. */
function told(...args: string[]): string {
  // What a case leaves behind is of no interest.
  const env = { ...process.env, ASAN_OPTIONS: "detect_leaks=0" };
  const { status, stdout, stderr } = spawnSync(program, args, { env, encoding: "utf8", timeout: TIMEOUT_MS });
  if (status !== 0) expect.fail(`${args[0]} ended with ${status}:\n${stdout}${stderr}`);
  return stdout;
}

/** Upper six bits of the CRC before it is inverted, in the order of the wire: the other way round than in crc32. */
function hashBit(octets: Uint8Array): number {
  const crc = ~crc32(octets) >>> 0;
  let bit = 0;
  for (let index = 0; index < 6; index++) bit = (bit << 1) | ((crc >>> index) & 1);
  return bit;
}

/** IEEE 802.3, 3.2.9, lowest bit first. */
function crc32(octets: Uint8Array): number {
  let crc = 0xffffffff;
  for (const octet of octets) {
    crc ^= octet;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}
