// The same module on the engines of the device: in 16 KiB of linear memory with two connections of 2 KB + 2 KB it
// answers ARP and pings, and serves TCP connections. Each test boots a device of its own, and asserts which engine
// runs which module, where, and in how much memory.

import { crc32 } from "node:zlib";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFailed } from "vitest";
import { ArpOperation, IcmpType, type Packet } from "../../host/packet/index.js";
import { formatTable } from "../report/table.js";
import { missingTools, tools } from "../report/tools.js";
import {
  buildProgram,
  coreModule,
  type EngineName,
  MEMORY_BYTES,
  type TargetName,
  toolsFor,
  wabtVersion,
} from "./build.js";
import { DEVICE, Peer, PeerConnection } from "./peer.js";
import { Program } from "./program.js";

const NATIVE = { x64: "x86_64", arm64: "aarch64" }[process.arch as string] ?? "native";

const VARIANTS: readonly { engine: EngineName; target: TargetName; runsOn: string }[] = [
  { engine: "wasm3", target: "native", runsOn: NATIVE },
  { engine: "wasm3", target: "riscv", runsOn: "rv32imc" },
  { engine: "aot", target: "native", runsOn: NATIVE },
  { engine: "aot", target: "riscv", runsOn: "rv32imc" },
];

const table: Record<string, string>[] = [];

describe.each(VARIANTS)("the core on $engine, $runsOn", ({ engine, target, runsOn }) => {
  const reason = missingTools(...toolsFor(engine, target));
  let path: string;
  let program: Program;
  let peer: Peer;

  beforeAll(async () => {
    if (!reason) path = await buildProgram(engine, target);
  });

  beforeEach(async (context) => {
    if (reason) context.skip(reason);
    program = await Program.start(path, target);
    expect(program.hello).toMatchObject({
      engine: nameOf(engine),
      target: runsOn,
      memoryBytes: String(MEMORY_BYTES),
      moduleBytes: String(coreModule().length),
      moduleCrc32: String(crc32(coreModule())),
    });
    peer = new Peer(program);
    onTestFailed(() => console.log(peer.trace.join("\n")));
  });

  afterEach(() => program?.kill());

  it("answers an ARP request, a ping and a connection that echoes", async () => {
    const [reply] = await peer.arp();
    expect(reply).toMatchObject({
      kind: "arp",
      arp: { operation: ArpOperation.REPLY, senderMac: DEVICE.mac, senderIp: DEVICE.ip },
    });
    const payload = pattern(56, 1);
    const [pong] = await peer.ping(0x1234, 1, payload);
    expect(pong).toMatchObject({
      kind: "icmp",
      icmp: { type: IcmpType.ECHO_REPLY, identifier: 0x1234, sequence: 1, payload },
    });
    await echoOnce(peer, 40000, 5000);
    await report(program);
    await program.stop();
  });

  it("has no memory beyond its 16 KiB", async () => {
    expect(await program.readBeyondMemory()).toContain("out of bounds memory access");
  });

  it("gives connection records back", async () => {
    await peer.arp();
    for (let i = 0; i < 6; i++) await echoOnce(peer, 41000 + i, 300);
    await program.stop();
  });

  it("serves two connections at once", async () => {
    await peer.arp();
    const one = new PeerConnection(peer, 42000);
    const two = new PeerConnection(peer, 42001);
    await one.open();
    await two.open();
    const ofOne = pattern(3000, 2);
    const ofTwo = pattern(3000, 3);
    for (let at = 0; at < 3000; at += 500) {
      await one.write(ofOne.subarray(at, at + 500));
      await two.write(ofTwo.subarray(at, at + 500));
    }
    await one.read(3000);
    await two.read(3000);
    expect(Buffer.from(one.received)).toEqual(Buffer.from(ofOne));
    expect(Buffer.from(two.received)).toEqual(Buffer.from(ofTwo));
    await closeBothWays(one);
    await closeBothWays(two);
    await program.stop();
  });

  it("sends again what is not acknowledged, when its timer expires", async () => {
    await peer.arp();
    const connection = new PeerConnection(peer, 43000);
    await connection.open();
    const data = pattern(200, 4);
    const [first, ...others] = await connection.writeUnacknowledged(data);
    expect(others).toEqual([]);
    expect(Buffer.from(first?.tcp.payload ?? [])).toEqual(Buffer.from(data));
    const { packets: again, ms } = await firstAfter(peer);
    expect(again).toHaveLength(1);
    expect(again[0]).toMatchObject({
      kind: "tcp",
      tcp: { seq: first?.tcp.seq, ack: first?.tcp.ack, payload: first?.tcp.payload },
    });
    // RFC 6298 section 5.5: the timer backs off.
    expect(peer.deadlineMs).toBeGreaterThanOrEqual(2 * ms);
    await connection.take(again);
    await closeBothWays(connection);
    await program.stop();
  });

  /** A line of the table that is shown at the end. */
  async function report({ hello }: Program): Promise<void> {
    const cost = await program.report();
    const shown = (count: string | undefined) => (count === "0" ? "-" : (count ?? "?"));
    table.push({
      engine: hello.engine ?? "?",
      target: hello.target ?? "?",
      "linear memory": hello.memoryBytes ?? "?",
      "used of it": hello.stateBytes ?? "?",
      "engine's memory": String(Number(cost.usedBytes) - MEMORY_BYTES),
      stack: shown(cost.stackBytes),
      instructions: shown(cost.instructions),
    });
  }
});

afterAll(() => {
  if (table.length === 0) return;
  const title =
    "One run: ARP, a ping, a connection that echoes 5,000 bytes. Bytes, and executed instructions.";
  console.log(`${title}\n${formatTable(table)}`);
});

/** One connection from its first to its last segment; all that was sent must come back. */
async function echoOnce(peer: Peer, port: number, bytes: number): Promise<void> {
  const connection = new PeerConnection(peer, port);
  await connection.open();
  const data = pattern(bytes, port);
  await connection.write(data);
  await connection.read(bytes);
  expect(Buffer.from(connection.received)).toEqual(Buffer.from(data));
  await closeBothWays(connection);
}

/** The peer closes, and the echo server does so because of it. */
async function closeBothWays(connection: PeerConnection): Promise<void> {
  await connection.close();
  for (let rounds = 0; !(connection.finished && connection.allAcknowledged); rounds++) {
    expect(rounds, "rounds of a close that must get on").toBeLessThan(10);
    await connection.wait();
  }
}

/** Lets time pass, from one deadline of the device's to the next, until it sends something. */
async function firstAfter(peer: Peer): Promise<{ packets: Packet[]; ms: number }> {
  let ms = 0;
  for (let rounds = 0; rounds < 10; rounds++) {
    expect(peer.deadlineMs, "a device that has something to do").toBeGreaterThan(0);
    ms += peer.deadlineMs;
    const packets = await peer.advance(peer.deadlineMs);
    if (packets.length > 0) return { packets, ms };
  }
  throw new Error(`nothing was sent in ${ms} ms`);
}

/** What the engine must say of itself. */
function nameOf(engine: EngineName): string {
  if (engine === "aot") return `wasm2c ${wabtVersion()}`;
  // setup made sure of it; WASM3_DIR names another release on purpose.
  return `wasm3 ${process.env.WASM3_DIR ? tools.wasm3?.version : "0.5.0"}`;
}

/** Bytes that differ from place to place and from one seed to another. */
function pattern(length: number, seed: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 7 + (i >> 8) * 13 + seed * 31) & 0xff);
}
