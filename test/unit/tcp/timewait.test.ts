import { beforeEach, describe, expect, test } from "vitest";
import { TcpState } from "../../../host/abi.js";
import { Prng } from "../../../host/sim/prng.js";
import { address, PEER, ports, UnitCore } from "../core.js";
import { arrive, PORTS, place, RCV_NXT, SND_UNA } from "./stage.js";

const TIME_MS = 60000;

let core: UnitCore;
let timewait: ReturnType<typeof functionsOf>;

function functionsOf(unit: UnitCore) {
  return {
    ...unit.functions("tcp/timewait", "add", "receive", "expire", "acknowledge"),
    ...unit.functions("tcp/demux", "find"),
    ...unit.functions("lib/clock", "advanceClock"),
    ...unit.functions("tcp/tcb", "release"),
  };
}

function boot(timeWaitEntries: number): void {
  core = new UnitCore({ timeWaitEntries, timeWaitMs: TIME_MS });
  timewait = functionsOf(core);
}

beforeEach(() => boot(3));

const find = (key: number) => timewait.find(address(PEER.address), key);

/** A connection with this key goes to TIME-WAIT; returns the entry. */
function add(key = PORTS): number {
  const { at, t } = place(core, TcpState.FIN_WAIT_2, key);
  t.rcvAdv = t.rcvNxt + 2000;
  t.sndMax = SND_UNA + 7;
  t.kind = core.kind("DETACHED");
  return timewait.add(at);
}

describe("add", () => {
  test("the entry takes the key and what answers need; the record is free at once", () => {
    const at = add();
    const entry = core.timeWaitEntry(at);
    expect(find(PORTS)).toBe(at);
    expect(entry.kind).toBe(core.kind("TIME_WAIT"));
    expect([entry.sndNxt, entry.rcvNxt, entry.window]).toEqual([SND_UNA + 7, RCV_NXT, 2000]);
    expect(entry.expires).toBe(TIME_MS);
    expect([core.header.timeWaitUsed, core.header.connectionsUsed]).toEqual([1, 0]);
    expect([core.state.timersArmed, core.state.nextTimer]).toEqual([1, TIME_MS]);
  });

  test("a full circle: the oldest gives way, counted, again and again", () => {
    for (let number = 0; number < 10; number++) {
      add(ports(40000 + number, 80));
      for (let other = 0; other <= number; other++)
        expect(find(ports(40000 + other, 80)) !== 0, `${other} after ${number}`).toBe(other > number - 3);
    }
    expect(core.header.timeWaitUsed).toBe(3);
    expect(core.counters().TCP_TIME_WAIT_EVICTED).toBe(7);
  });

  test("a circle of one", () => {
    boot(1);
    add(ports(1, 80));
    add(ports(2, 80));
    expect([find(ports(1, 80)) !== 0, find(ports(2, 80)) !== 0]).toEqual([false, true]);
    timewait.advanceClock(TIME_MS);
    timewait.expire();
    expect(find(ports(2, 80))).toBe(0);
    expect([core.state.timeWaitSpan, core.header.timeWaitUsed]).toEqual([0, 0]);
  });
});

describe("expire", () => {
  test("entries go when their time has come, not before, oldest first", () => {
    for (const [number, now] of [0, 10, 20].entries()) {
      timewait.advanceClock(now);
      add(ports(1 + number, 80));
    }
    for (const [now, left] of [
      [TIME_MS - 1, 3],
      [TIME_MS, 2],
      [TIME_MS + 9, 2],
      [TIME_MS + 20, 0],
    ] as const) {
      timewait.advanceClock(now);
      timewait.expire();
      expect(core.header.timeWaitUsed).toBe(left);
    }
    expect(core.counters().TCP_TIME_WAIT_EVICTED).toBeUndefined();
  });

  test("the timer runs for the oldest that stays", () => {
    add(ports(1, 80));
    timewait.advanceClock(10);
    add(ports(2, 80));
    timewait.advanceClock(TIME_MS);
    core.state.timersArmed = 0;
    timewait.expire();
    expect([core.state.timersArmed, core.state.nextTimer]).toEqual([1, TIME_MS + 10]);
  });

  test("in an empty circle there is nothing to do", () => {
    timewait.expire();
    expect(core.state.timersArmed).toBe(0);
  });
});

describe("receive", () => {
  const receive = (entry: number, spec: Parameters<typeof arrive>[1]) => {
    core.state.replyKind = 0;
    arrive(core, spec);
    return timewait.receive(entry);
  };
  const answered = () => core.state.replyKind === core.constant("net/reply", "Reply.TCP");

  test("the peer's FIN again: the last ACK again, and the time begins anew", () => {
    const entry = add();
    timewait.advanceClock(1000);
    expect(receive(entry, { seq: RCV_NXT - 1, flags: "FA" })).toBe(false);
    expect(answered()).toBe(true);
    const { replySeq, replyAck, replyFlags, replyWnd } = core.segment;
    expect([replySeq, replyAck, replyFlags, replyWnd]).toEqual([...[SND_UNA + 7, RCV_NXT, 16, 2000]]);
    expect(core.timeWaitEntry(entry).expires).toBe(1000 + TIME_MS);
  });

  test("a bare ACK of what we know is not answered: two TIME-WAITs would talk for ever", () => {
    const entry = add();
    timewait.advanceClock(1000);
    expect(receive(entry, { flags: "A" })).toBe(false);
    expect(answered()).toBe(false);
    expect(core.timeWaitEntry(entry).expires).toBe(TIME_MS);
  });

  test.each(["R", "RA"])("a reset (%s) is ignored (RFC 1337)", (flags) => {
    const entry = add();
    expect(receive(entry, { flags })).toBe(false);
    expect(answered()).toBe(false);
    expect(find(PORTS)).toBe(entry);
    expect(core.counters().TCP_TIME_WAIT_RST).toBe(1);
  });

  test.each([
    [1, true],
    [1000000, true],
    [0, false],
    [-1, false],
    [-1000000, false],
  ])("a SYN %i beyond RCV.NXT opens a new incarnation: %s", (beyond, opens) => {
    const entry = add();
    expect(receive(entry, { seq: RCV_NXT + beyond, flags: "S" })).toBe(opens);
    expect(find(PORTS)).toBe(opens ? 0 : entry);
    expect(core.header.timeWaitUsed).toBe(opens ? 0 : 1);
    expect(answered()).toBe(!opens);
  });

  test("a SYN with ACK opens nothing", () => {
    const entry = add();
    expect(receive(entry, { seq: RCV_NXT + 1, flags: "SA" })).toBe(false);
    expect(find(PORTS)).toBe(entry);
  });

  test("acknowledge owes the entry's ACK", () => {
    timewait.acknowledge(add());
    expect([core.segment.replySeq, core.segment.replyAck]).toEqual([SND_UNA + 7, RCV_NXT]);
  });
});

test("an entry given up in the middle of the circle gives its place back when its turn comes", () => {
  add(ports(1, 80));
  const middle = add(ports(2, 80));
  add(ports(3, 80));
  arrive(core, { sourcePort: 2, seq: RCV_NXT + 1, flags: "S" });
  expect(timewait.receive(middle)).toBe(true);
  add(ports(4, 80));
  add(ports(5, 80));
  // The first gave way to the fourth, the second was gone already.
  expect(core.counters().TCP_TIME_WAIT_EVICTED).toBe(1);
  const here = [1, 2, 3, 4, 5].filter((port) => find(ports(port, 80)) !== 0);
  expect(here).toEqual([3, 4, 5]);
});

test("random use: an entry is there for its time, unless three newer ones drove it out", () => {
  const prng = new Prng(1);
  const born = new Map<number, number>();
  let now = 0;
  let next = 1;
  for (let round = 0; round < 3000; round++) {
    now += prng.below(40000);
    timewait.advanceClock(now);
    timewait.expire();
    for (const [port, time] of born) {
      const driven = next - port > 3;
      expect(find(ports(port, 80)) !== 0, `${port}`).toBe(!driven && now - time < TIME_MS);
      if (driven || now - time >= TIME_MS) born.delete(port);
    }
    if (prng.chance(0.7)) {
      add(ports(next, 80));
      born.set(next++, now);
    }
  }
});
