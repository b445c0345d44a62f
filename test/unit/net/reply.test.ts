import { expect, test } from "vitest";
import { DEVICE, segmentFrame, UnitCore } from "../core.js";

const core = new UnitCore();
const { owe, replyTo, beforeInput } = core.functions("net/reply", "owe", "replyTo", "beforeInput");
const KINDS = ["NONE", "ARP", "ECHO", "TCP", "UNREACHABLE"].map((name) =>
  core.constant("net/reply", `Reply.${name}`),
);

test("four kinds, and none is zero", () => {
  expect(KINDS).toEqual([0, 1, 2, 3, 4]);
});

test("beforeInput drops and counts a reply that waits, once", () => {
  let dropped = 0;
  for (const kind of KINDS) {
    owe(kind);
    expect(core.state.replyKind).toBe(kind);
    beforeInput();
    beforeInput();
    if (kind !== 0) dropped++;
    expect(core.state.replyKind).toBe(0);
    expect(core.counters().REPLY_DROPPED ?? 0).toBe(dropped);
  }
});

test("oweLimited: about 50 at once, then one each 10 ms; owe knows no limit", () => {
  const unit = new UnitCore();
  const reply = unit.functions("net/reply", "owe", "oweLimited", "mayReply");
  const { advanceClock } = unit.functions("lib/clock", "advanceClock");
  const owed = () => {
    unit.state.replyKind = 0;
    reply.oweLimited(2);
    return unit.state.replyKind === 2;
  };
  const burst = Array.from({ length: 200 }, owed).filter((yes) => yes).length;
  expect(burst).toBeGreaterThanOrEqual(50);
  expect(burst).toBeLessThanOrEqual(51);
  expect(unit.counters()).toEqual({ REPLY_LIMITED: 200 - burst });
  let later = 0;
  for (let now = 1; now <= 1000; now++) {
    advanceClock(now);
    if (owed()) later++;
  }
  expect(later).toBe(100);
  // The same limit for what does not wait here.
  expect(reply.mayReply()).toBe(false);
  advanceClock(1010);
  expect(reply.mayReply()).toBe(true);
  expect(reply.mayReply()).toBe(false);
  unit.state.replyKind = 0;
  reply.owe(2);
  expect(unit.state.replyKind).toBe(2);
});

test("replyTo is the sender's MAC as it stands in the frame", () => {
  core.putFrame(segmentFrame({}));
  const neighbour = core.record<{ mac0: number; mac1: number }>("net/link", "Neighbour", replyTo());
  expect([neighbour.mac0, neighbour.mac1]).toEqual([0x00000002, 0x0200]);
  expect(DEVICE.mac).not.toBe("02:00:00:00:00:02");
});
