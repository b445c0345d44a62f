import { beforeEach, describe, expect, test } from "vitest";
import { SocketKind, Status, TcpState } from "../../../host/abi.js";
import { address, PEER, UnitCore } from "../core.js";

let core: UnitCore;
let calls: ReturnType<typeof functionsOf>;
const functionsOf = (unit: UnitCore) => ({
  ...unit.functions("services/address", "take", "arpSettled"),
  ...unit.functions("tcp/user", "open", "connect", "connectionOf"),
  ...unit.functions("stack", "output"),
});
const config = () => core.record<Record<string, number>>("config", "State", core.constant("config", "state"));

beforeEach(() => {
  core = new UnitCore();
  calls = functionsOf(core);
});

function connection(): number {
  const handle = calls.open(SocketKind.STREAM);
  const t = calls.connectionOf(handle);
  expect(calls.connect(t, address(PEER.address), 80)).toBe(Status.OK);
  return t;
}

describe("take", () => {
  test("another address: connections end, and the new one is announced", () => {
    const t = connection();
    calls.take(address("192.0.2.1"), address("255.255.255.0"), address("192.0.2.254"));
    expect([core.tcb(t).state, config().broadcast]).toEqual([TcpState.CLOSED, address("192.0.2.255")]);
    expect(calls.output(0)).toBe(42);
    expect(core.counters()).toMatchObject({ ARP_ANNOUNCEMENTS: 1 });
  });

  test("the same address: connections go on", () => {
    const t = connection();
    calls.take(address("10.0.0.1"), address("255.0.0.0"), 0);
    expect([core.tcb(t).state, config().broadcast]).toEqual([TcpState.SYN_SENT, address("10.255.255.255")]);
  });

  test("none: nothing is announced", () => {
    calls.take(0, 0, 0);
    expect(calls.output(0)).toBe(0);
  });
});

test("arpSettled: who waits for a neighbour tries again, or gives up", () => {
  const t = connection();
  calls.output(0);
  expect(core.tcb(t).bits & core.bit("ARP_WAIT")).not.toBe(0);
  calls.arpSettled(0);
  expect(core.tcb(t).bits & core.bit("ARP_WAIT")).toBe(0);
  calls.output(0);
  calls.arpSettled(address(PEER.address));
  expect(core.tcb(t).state).toBe(TcpState.CLOSED);
});
