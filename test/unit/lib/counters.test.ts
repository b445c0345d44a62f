import { describe, expect, test } from "vitest";
import { Counter } from "../../../host/abi.js";
import { UnitCore } from "../core.js";

describe("count, tally and drop", () => {
  test.each(["count", "tally"] as const)("%s: each counter has a place of its own", (name) => {
    const core = new UnitCore();
    const { [name]: count } = core.functions("lib/counters", name);
    const before = core.memory.slice(core.header.counters + Counter.COUNT * 4);
    for (let counter = 0; counter < Counter.COUNT; counter++)
      for (let times = 0; times <= counter; times++) count(counter);
    for (let counter = 0; counter < Counter.COUNT; counter++) expect(core.counter(counter)).toBe(counter + 1);
    expect(core.memory.slice(core.header.counters + Counter.COUNT * 4)).toEqual(before);
  });

  test.each(["count", "tally"] as const)("%s: a counter wraps and touches no other", (name) => {
    const core = new UnitCore();
    const { [name]: count } = core.functions("lib/counters", name);
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
