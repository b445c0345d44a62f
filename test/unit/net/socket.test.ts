import { beforeEach, describe, expect, test } from "vitest";
import { EndpointLayout, Event, Status } from "../../../host/abi.js";
import { Prng } from "../../../host/sim/prng.js";
import { UnitCore } from "../core.js";

let core: UnitCore;
let tcb: ReturnType<typeof functionsOf>;

function functionsOf(unit: UnitCore) {
  return {
    ...unit.functions("tcp/tcb", "connectionAt", "allocate"),
    ...unit.functions(
      "net/socket",
      ...(["become", "isHeld", "retireHandle", "raise", "makeReady", "takeReady", "takeEvents"] as const),
      ...(["unlink", "wordOption", "endpointOption", "writeEndpoint"] as const),
    ),
  };
}

const CONFIG = { connections: 5, listeners: 2 };

beforeEach(() => {
  core = new UnitCore(CONFIG);
  tcb = functionsOf(core);
});

/** A record for each connection there is. */
const all = () => Array.from({ length: CONFIG.connections }, (_, index) => tcb.connectionAt(index));

describe("records", () => {
  test("isHeld: connections and listeners of the application, nobody else's", () => {
    const at = tcb.allocate();
    const kinds = ["FREE", "CONNECTION", "TIME_WAIT", "LISTENER", "QUEUED", "DETACHED", "SYN", "WAITING"];
    const held = kinds.filter((name) => {
      tcb.become(at, core.kind(name));
      return tcb.isHeld(at) !== 0;
    });
    expect(held).toEqual(["CONNECTION", "LISTENER"]);
  });

  test("become takes the events, and nothing beside", () => {
    const at = tcb.allocate();
    const t = core.tcb(at);
    t.events = t.lists = t.state = t.chain = 255;
    tcb.become(at, core.kind("LISTENER"));
    expect([t.kind, t.events, t.lists, t.state, t.chain]).toEqual([core.kind("LISTENER"), 0, 255, 255, 255]);
  });
});

describe("lists", () => {
  test("takeReady gives turns in order, each record once", () => {
    const [a, b, c] = all();
    for (const at of [b, a, b, c, a]) tcb.makeReady(at as number);
    expect([tcb.takeReady(), tcb.takeReady(), tcb.takeReady(), tcb.takeReady()]).toEqual([b, a, c, 0]);
    expect([core.state.readyHead, core.state.readyTail]).toEqual([0, 0]);
  });

  test("takeEvents likewise, and collects what was raised meanwhile", () => {
    const [a, b] = all() as [number, number];
    tcb.raise(a, Event.READABLE);
    tcb.raise(b, Event.WRITABLE);
    tcb.raise(a, Event.PEER_CLOSED);
    expect(tcb.takeEvents()).toBe(a);
    expect(core.tcb(a).events).toBe(Event.READABLE | Event.PEER_CLOSED);
    tcb.raise(a, Event.FAILED);
    expect([tcb.takeEvents(), tcb.takeEvents(), tcb.takeEvents()]).toEqual([b, a, 0]);
  });

  test("random use of both lists at once, against two queues", () => {
    const prng = new Prng(1);
    const queues: [number[], number[]] = [[], []];
    const put = [(at: number) => tcb.makeReady(at), (at: number) => tcb.raise(at, Event.READABLE)] as const;
    const take = [tcb.takeReady, tcb.takeEvents] as const;
    for (let round = 0; round < 5000; round++) {
      const which = prng.below(2) as 0 | 1;
      const queue = queues[which];
      if (prng.chance(0.55)) {
        const at = tcb.connectionAt(prng.below(CONFIG.connections));
        put[which](at);
        if (!queue.includes(at)) queue.push(at);
      } else expect(take[which]()).toBe(queue.shift() ?? 0);
    }
  });

  test("unlink takes out the first, the middle and the last of a chain", () => {
    const [a, b, c] = all() as [number, number, number];
    const link = 60000;
    // Where the field `chain` is.
    const next = 8;
    for (const gone of [a, b, c]) {
      core.view.setUint32(link, a, true);
      core.tcb(a).chain = b;
      core.tcb(b).chain = c;
      core.tcb(c).chain = 0;
      tcb.unlink(link, gone, next);
      const chain: number[] = [];
      for (let at = core.view.getUint32(link, true); at; at = core.tcb(at).chain) chain.push(at);
      expect(chain).toEqual([a, b, c].filter((at) => at !== gone));
    }
  });
});

describe("handles", () => {
  test("retireHandle counts uses in 15 bits and keeps the record's number", () => {
    const at = tcb.allocate();
    const t = core.tcb(at);
    const number = t.handle;
    tcb.retireHandle(at);
    expect(t.handle).toBe(number + 0x10000);
    t.handle = 0x7fff0000 + number;
    tcb.retireHandle(at);
    expect(t.handle).toBe(number);
  });
});

describe("answers to getopt", () => {
  test("wordOption", () => {
    expect([tcb.wordOption(60000, 3, 7), core.view.getUint32(60000, true)]).toEqual([
      Status.INVALID_ARGUMENT,
      0,
    ]);
    expect([tcb.wordOption(60000, 4, 7), core.view.getUint32(60000, true)]).toEqual([4, 7]);
  });

  test("endpointOption", () => {
    const at = tcb.allocate();
    // 10.0.0.2, their port 0x1234, our port 80.
    core.tcb(at).remoteAddress = 0x0200000a;
    core.tcb(at).ports = 0x50003412;
    expect(tcb.endpointOption(at, true, 60000, EndpointLayout.size - 1)).toBe(Status.INVALID_ARGUMENT);
    core.memory.fill(0xee, 60000, 60000 + EndpointLayout.size);
    const read = (local: boolean) => {
      expect(tcb.endpointOption(at, local, 60000, EndpointLayout.size)).toBe(EndpointLayout.size);
      return [...core.memory.subarray(60000, 60000 + EndpointLayout.size)];
    };
    const zeros = Array<number>(12).fill(0);
    expect(read(true)).toEqual([1, 0, 80, 0, 0, 0, 0, 0, 10, 0, 0, 1, ...zeros]);
    expect(read(false)).toEqual([1, 0, 0x34, 0x12, 0, 0, 0, 0, 10, 0, 0, 2, ...zeros]);
    tcb.writeEndpoint(60000, 0x0300000a, 0xffff0100);
    expect([...core.memory.subarray(60000, 60012)]).toEqual([1, 0, 1, 0, 0, 0, 0, 0, 10, 0, 0, 3]);
  });
});
