import { describe, expect, test } from "vitest";
import { Counter } from "../../../host/abi.js";
import { UnitCore } from "../core.js";

describe("count and drop", () => {
  test("each counter has a place of its own", () => {
    const core = new UnitCore();
    const { count } = core.functions("lib/counters", "count");
    const before = core.memory.slice(core.header.counters + Counter.COUNT * 4);
    for (let counter = 0; counter < Counter.COUNT; counter++)
      for (let times = 0; times <= counter; times++) count(counter);
    for (let counter = 0; counter < Counter.COUNT; counter++) expect(core.counter(counter)).toBe(counter + 1);
    expect(core.memory.slice(core.header.counters + Counter.COUNT * 4)).toEqual(before);
  });

  test("a counter wraps and touches no other", () => {
    const core = new UnitCore();
    const { count } = core.functions("lib/counters", "count");
    core.view.setUint32(core.header.counters + Counter.ARP_FAILED * 4, 0xffffffff, true);
    count(Counter.ARP_FAILED);
    expect(core.counters()).toEqual({});
  });

  test("drop counts and says false", () => {
    const core = new UnitCore();
    const { drop } = core.functions("lib/counters", "drop");
    expect(drop(Counter.IP_CHECKSUM)).toBe(false);
    expect(core.counters()).toEqual({ IP_CHECKSUM: 1 });
  });
});
