// The record's clock and timer: `client`, `arm`, `leftOf`, `enter`, `ask`.

import { beforeEach, describe, expect, test } from "vitest";
import { DhcpState } from "../../../host/abi.js";
import { UnitCore } from "../core.js";

const FILE = "services/dhcp_client";

let core: UnitCore;
let dhcp: ReturnType<typeof functionsOf>;
let c: number;
let record: Record<string, number>;

function functionsOf(unit: UnitCore) {
  return {
    ...unit.functions(FILE, "client", "arm", "leftOf", "enter", "ask"),
    ...unit.functions("lib/clock", "advanceClock"),
  };
}

function boot(now: number): void {
  core = new UnitCore({}, now);
  dhcp = functionsOf(core);
  c = dhcp.client();
  record = core.record(FILE, "DhcpClient", c);
}

beforeEach(() => boot(0));

test("the record fits its place, and lies where the plan has it", () => {
  expect(core.constant(FILE, "RECORD_BYTES")).toBeLessThanOrEqual(core.constant("config", "DHCP_BYTES"));
  expect(c).toBe(core.services.dhcpClient);
});

test("arm: milliseconds from now", () => {
  dhcp.advanceClock(700);
  dhcp.arm(c, 300);
  expect([record.dueAt, core.state.nextTimer]).toEqual([1000, 1000]);
});

describe("leftOf", () => {
  test.each([
    [0, 5, 5000],
    [4999, 5, 1],
    [5000, 5, 0],
    [6000, 5, 0],
    [700, 16777, 16_776_300],
    [700, 16778, 2 ** 24],
    [700, 0xffffffff, 2 ** 24],
  ])("%i ms after its begin, until it is %i seconds old: %i ms", (now, seconds, left) => {
    dhcp.advanceClock(now);
    expect(dhcp.leftOf(c, seconds)).toBe(left);
  });

  test("counts from the begin of the lease, while the milliseconds wrap", () => {
    boot(2 ** 32 - 1500);
    dhcp.advanceClock(2 ** 32 - 500);
    record.leaseAt = 1000;
    expect(dhcp.leftOf(c, 3)).toBe(3000);
    dhcp.advanceClock(500);
    expect(dhcp.leftOf(c, 3)).toBe(2000);
  });

  test("of a lease that lasts longer than the clock of 32 bits counts", () => {
    for (let day = 1; day <= 100; day++) dhcp.advanceClock((day * 86_400_000) % 2 ** 32);
    expect(dhcp.leftOf(c, 100 * 86_400 + 1)).toBe(1000);
    expect(dhcp.leftOf(c, 100 * 86_400)).toBe(0);
  });
});

test("enter: nothing is owed, nothing was sent", () => {
  Object.assign(record, { owes: 3, tries: 7, fallsBack: 1 });
  dhcp.enter(c, DhcpState.BOUND);
  expect([record.phase, record.owes, record.tries, record.fallsBack]).toEqual([DhcpState.BOUND, 0, 0, 1]);
});

describe("ask", () => {
  test("a number for all tries of a message and for the request that answers an offer; another for the next one", () => {
    dhcp.enter(c, DhcpState.SELECTING);
    dhcp.ask(c, 1);
    const { xid } = record;
    expect([record.owes, record.tries, core.state.scanDue]).toEqual([1, 1, 1]);
    for (let tries = 2; tries < 9; tries++) dhcp.ask(c, 1);
    expect([record.xid, record.tries]).toEqual([xid, 8]);
    dhcp.enter(c, DhcpState.REQUESTING);
    dhcp.ask(c, 3);
    // RFC 2131 section 4.4.1.
    expect(record.xid).toBe(xid);
    dhcp.enter(c, DhcpState.RENEWING);
    dhcp.ask(c, 3);
    expect(record.xid).not.toBe(xid);
  });

  test("the time until the next try doubles from 4 to 64 seconds, a second more or less", () => {
    const spread = [4, 8, 16, 32, 64, 64, 64].map(() => ({ min: Number.POSITIVE_INFINITY, max: 0 }));
    for (let round = 0; round < 300; round++) {
      dhcp.enter(c, DhcpState.SELECTING);
      for (const limits of spread) {
        dhcp.ask(c, 1);
        limits.min = Math.min(limits.min, record.dueAt as number);
        limits.max = Math.max(limits.max, record.dueAt as number);
      }
    }
    for (const [index, seconds] of [4, 8, 16, 32, 64, 64, 64].entries()) {
      const { min, max } = spread[index] as { min: number; max: number };
      expect(min).toBeGreaterThanOrEqual(seconds * 1000 - 1000);
      expect(min).toBeLessThan(seconds * 1000 - 950);
      expect(max).toBeLessThanOrEqual(seconds * 1000 + 1000);
      expect(max).toBeGreaterThan(seconds * 1000 + 950);
    }
  });

  test("in REBOOTING not beyond the end of the lease", () => {
    record.lease = 100;
    dhcp.advanceClock(98_000);
    dhcp.enter(c, DhcpState.REBOOTING);
    dhcp.ask(c, 3);
    expect(record.dueAt).toBe(100_000);
    Object.assign(record, { lease: 0xffffffff, tries: 0 });
    dhcp.ask(c, 3);
    expect(record.dueAt).toBeGreaterThan(100_999);
  });
});
