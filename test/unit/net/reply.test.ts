import { expect, test } from "vitest";
import { DEVICE, segmentFrame, UnitCore } from "../core.js";

const core = new UnitCore();
const { owe, replyTo, beforeInput } = core.functions("net/reply", "owe", "replyTo", "beforeInput");
const KINDS = ["NONE", "ARP", "ECHO", "TCP"].map((name) => core.constant("net/reply", `Reply.${name}`));

test("the kinds are four, and none is zero", () => {
  expect(KINDS).toEqual([0, 1, 2, 3]);
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

test("replyTo is the sender's MAC as it stands in the frame", () => {
  core.putFrame(segmentFrame({}));
  const neighbour = core.record<{ mac0: number; mac1: number }>("net/link", "Neighbour", replyTo());
  expect([neighbour.mac0, neighbour.mac1]).toEqual([0x00000002, 0x0200]);
  expect(DEVICE.mac).not.toBe("02:00:00:00:00:02");
});
