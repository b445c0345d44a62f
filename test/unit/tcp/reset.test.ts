import { beforeEach, describe, expect, test } from "vitest";
import { decode } from "../../../host/packet/index.js";
import { DEVICE, PEER, UnitCore } from "../core.js";
import { arrive } from "./stage.js";

let core: UnitCore;
let reset: ReturnType<typeof functionsOf>;
const functionsOf = (unit: UnitCore) => unit.functions("tcp/reset", "refuse", "reply", "emitReply");
const TCP = () => core.constant("net/reply", "Reply.TCP");

beforeEach(() => {
  core = new UnitCore();
  reset = functionsOf(core);
});

function emitted() {
  expect(core.state.replyKind).toBe(TCP());
  const packet = decode(core.outputFrame(reset.emitReply()));
  expect(packet.problems).toEqual([]);
  if (packet.kind !== "tcp") throw new Error(packet.kind);
  expect(packet.ethernet).toMatchObject({ source: DEVICE.mac, destination: PEER.mac });
  expect(packet.tcp).toMatchObject({ sourcePort: 80, destinationPort: 40000 });
  return packet.tcp;
}

describe("refuse (RFC 9293 section 3.10.7.1)", () => {
  test.each<[flags: string, seq: number, data: number, ack: number]>([
    ["S", 5000, 0, 5001],
    ["S", 0xffffffff, 0, 0],
    ["F", 5000, 0, 5001],
    ["P", 5000, 10, 5010],
    ["SF", 5000, 10, 5012],
    ["", 5000, 0, 5000],
  ])("%s without ACK: RST, ACK of all of it", (flags, seq, data, ack) => {
    arrive(core, { flags, seq, ack: 0, payload: new Uint8Array(data) });
    reset.refuse();
    expect(emitted()).toMatchObject({ seq: 0, ack, flags: 4 | 16, window: 0 });
  });

  test.each(["A", "SA", "FA"])("%s: a reset where the peer expects us", (flags) => {
    arrive(core, { flags, seq: 5000, ack: 0xdeadbeef });
    reset.refuse();
    expect(emitted()).toMatchObject({ seq: 0xdeadbeef, ack: 0, flags: 4, window: 0 });
    expect(core.counters().TCP_RESETS_OUT).toBe(1);
  });

  test.each(["R", "RA", "SR"])("%s is never answered", (flags) => {
    arrive(core, { flags });
    reset.refuse();
    expect(core.state.replyKind).toBe(0);
  });
});

test("reply is sent as it was said, and an ACK is no reset", () => {
  arrive(core, {});
  reset.reply(0x11111111, 0x22222222, 16, 0x3333);
  expect(emitted()).toMatchObject({ seq: 0x11111111, ack: 0x22222222, flags: 16, window: 0x3333 });
  expect(core.counters().TCP_RESETS_OUT).toBeUndefined();
});
