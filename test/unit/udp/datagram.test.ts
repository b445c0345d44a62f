import { beforeEach, expect, test } from "vitest";
import { ports, UnitCore } from "../core.js";
import { CONFIG, SocketKind, stateEnd } from "./stage.js";

let core: UnitCore;
let of: ReturnType<typeof functionsOf>;
const functionsOf = (unit: UnitCore) =>
  unit.functions(
    "udp/datagram",
    ...(["datagramAt", "sendQueue", "receiveQueue", "sendRing", "receiveRing", "ofPort", "find"] as const),
  );

beforeEach(() => {
  core = new UnitCore(CONFIG);
  of = functionsOf(core);
  const { open } = core.functions("abi", "open");
  for (let count = 0; count < CONFIG.datagramSockets; count++) open(SocketKind.DATAGRAM);
});

test("each socket has two rings, apart from all others, at the end of the state", () => {
  const rings = [0, 1, 2].flatMap((index) => [
    of.sendRing(of.datagramAt(index)),
    of.receiveRing(of.datagramAt(index)),
  ]);
  expect(rings).toEqual(rings.map((_, index) => (rings[0] as number) + index * CONFIG.datagramQueueBytes));
  expect((rings[5] as number) + CONFIG.datagramQueueBytes).toBe(stateEnd(core));
});

test("both queues are in the record", () => {
  const at = of.datagramAt(1);
  const d = core.datagram(at);
  Object.assign(d, { sendHead: 1, sendTail: 2, receiveHead: 3, receiveTail: 4 });
  const words = (from: number) => [0, 4].map((offset) => core.view.getUint32(from + offset, true));
  expect([words(of.sendQueue(at)), words(of.receiveQueue(at))]).toEqual([
    [1, 2],
    [3, 4],
  ]);
  expect(core.sizeOf("udp/datagram", "Datagram")).toBe(core.constant("config", "DATAGRAM_BYTES"));
});

test("ofPort and find", () => {
  const [first, second] = [of.datagramAt(0), of.datagramAt(1)];
  core.datagram(first).ports = ports(0, 53);
  Object.assign(core.datagram(second), { ports: ports(9, 7), remoteAddress: 0x0200000a });
  expect([of.ofPort(0x3500), of.ofPort(0x0700), of.ofPort(0x0800)]).toEqual([first, second, 0]);
  expect(of.find(0x0300000a, ports(1, 53))).toBe(first);
  expect(of.find(0x0200000a, ports(9, 7))).toBe(second);
  expect(of.find(0x0300000a, ports(9, 7))).toBe(0);
  expect(of.find(0x0200000a, ports(8, 7))).toBe(0);
  // One that was given back has no port.
  core.datagram(first).kind = core.kind("DETACHED");
  expect(of.ofPort(0x3500)).toBe(0);
});
