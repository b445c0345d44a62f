import { beforeEach, describe, expect, test } from "vitest";
import { SocketKind, TcpState } from "../../../host/abi.js";
import { Prng } from "../../../host/sim/prng.js";
import { address, PEER, ports, UnitCore } from "../core.js";
import { arrive, PORTS, place, RCV_NXT, SND_UNA } from "./stage.js";

const TIME_MS = 60000;

let core: UnitCore;
let timewait: ReturnType<typeof functionsOf>;

function functionsOf(unit: UnitCore) {
  return {
    ...unit.functions("tcp/timewait", "add", "receive", "expire", "remove"),
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
    const entry = core.compact(at);
    expect(find(PORTS)).toBe(at);
    expect(entry.kind).toBe(core.kind("TIME_WAIT"));
    expect([entry.sndNxt, entry.rcvNxt, entry.window]).toEqual([SND_UNA + 7, RCV_NXT, 2000]);
    expect(entry.deadline).toBe(TIME_MS);
    expect([entry.flags, entry.tsRecent]).toEqual([0, 0]);
    expect([core.header.timeWaitUsed, core.header.connectionsUsed]).toEqual([1, 0]);
    expect([core.state.timersArmed, core.state.nextTimer]).toEqual([1, TIME_MS]);
  });

  test("a full table: the one that would expire first gives way, counted, again and again", () => {
    for (let number = 0; number < 10; number++) {
      timewait.advanceClock(number);
      add(ports(40000 + number, 80));
      for (let other = 0; other <= number; other++)
        expect(find(ports(40000 + other, 80)) !== 0, `${other} after ${number}`).toBe(other > number - 3);
    }
    expect(core.header.timeWaitUsed).toBe(3);
    expect(core.counters().TCP_TIME_WAIT_EVICTED).toBe(7);
  });

  test("a table of one", () => {
    boot(1);
    add(ports(1, 80));
    add(ports(2, 80));
    expect([find(ports(1, 80)) !== 0, find(ports(2, 80)) !== 0]).toEqual([false, true]);
    timewait.advanceClock(TIME_MS);
    timewait.expire();
    expect(find(ports(2, 80))).toBe(0);
    expect(core.header.timeWaitUsed).toBe(0);
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

  test("in an empty table there is nothing to do", () => {
    timewait.expire();
    expect(core.state.timersArmed).toBe(0);
  });
});

describe("receive", () => {
  const receive = (entry: number, spec: Parameters<typeof arrive>[1]) => {
    core.state.replyKind = 0;
    arrive(core, spec);
    timewait.receive(entry);
  };
  const answered = () => core.state.replyKind === core.constant("net/reply", "Reply.TCP");
  const answer = () => {
    const { outSeq, outAck, outFlags, outWnd } = core.segment;
    return answered() ? [outSeq, outAck, outFlags, outWnd] : undefined;
  };
  const ACK = [SND_UNA + 7, RCV_NXT, 16, 2000];

  test("the peer's FIN again: the last ACK again, and the time begins anew", () => {
    const entry = add();
    timewait.advanceClock(1000);
    receive(entry, { seq: RCV_NXT - 1, flags: "FA" });
    expect(answer()).toEqual(ACK);
    expect(core.compact(entry).deadline).toBe(1000 + TIME_MS);
  });

  test("data is answered, and prolongs nothing", () => {
    const entry = add();
    timewait.advanceClock(1000);
    receive(entry, { seq: RCV_NXT - 5, payload: new Uint8Array(5) });
    expect(answer()).toEqual(ACK);
    expect(core.compact(entry).deadline).toBe(TIME_MS);
  });

  test("a bare ACK of what we know is not answered: two TIME-WAITs would talk for ever", () => {
    const entry = add();
    timewait.advanceClock(1000);
    receive(entry, { flags: "A" });
    expect(answered()).toBe(false);
    expect(core.compact(entry).deadline).toBe(TIME_MS);
  });

  test.each([-1, 1, 100000])("an empty one %i from RCV.NXT is, under the limit", (offset) => {
    const entry = add();
    let answers = 0;
    for (let index = 0; index < 100; index++) {
      receive(entry, { seq: RCV_NXT + offset });
      if (answered()) answers++;
    }
    expect(answers).toBeGreaterThanOrEqual(50);
    expect(core.counters().REPLY_LIMITED).toBe(100 - answers);
  });

  test.each(["R", "RA"])("a reset (%s) is ignored (RFC 1337)", (flags) => {
    const entry = add();
    receive(entry, { flags });
    expect(answered()).toBe(false);
    expect(find(PORTS)).toBe(entry);
    expect(core.counters().TCP_TIME_WAIT_RST).toBe(1);
  });

  /** A listener for the port, and whether a SYN opens a new incarnation. */
  function opens(entry: number, spec: Parameters<typeof arrive>[1]): boolean {
    const { open, bind, socketOf, startListening } = core.functions(
      "tcp/user",
      ...(["open", "bind", "socketOf", "startListening"] as const),
    );
    const listener = socketOf(open(SocketKind.LISTENER));
    bind(listener, 80);
    startListening(listener, 1);
    receive(entry, { flags: "S", ...spec });
    const opened = core.header.synUsed === 1;
    expect(core.header.timeWaitUsed).toBe(opened ? 0 : 1);
    expect(core.compact(find(PORTS)).kind).toBe(core.kind(opened ? "SYN" : "TIME_WAIT"));
    // SYN and ACK, or what we know.
    expect(core.segment.outFlags).toBe(opened ? 18 : 16);
    expect(answered()).toBe(true);
    return opened;
  }

  test.each([
    [1, true],
    [1000000, true],
    [0, false],
    [-1, false],
    [-1000000, false],
  ])("without timestamps a SYN %i beyond RCV.NXT opens a new incarnation: %s", (beyond, opened) => {
    expect(opens(add(), { seq: RCV_NXT + beyond })).toBe(opened);
  });

  test.each([
    // RFC 6191 section 2: a greater timestamp; the same one, and a greater sequence number.
    [1, -1000, true],
    [1, 1000, true],
    [0, 1, true],
    [0, 0, false],
    [0, -1, false],
    [-1, 1000, false],
    [-1, -1000, false],
  ])("a SYN with a timestamp %i beyond, %i beyond RCV.NXT: %s", (later, beyond, opened) => {
    const entry = add();
    const RECENT = 0xffffffff;
    Object.assign(core.compact(entry), { flags: core.agreed("TIMESTAMPS"), tsRecent: RECENT });
    const value = (RECENT + later) >>> 0;
    const options = [{ kind: "timestamps" as const, value, echo: 0 }];
    expect(opens(entry, { seq: RCV_NXT + beyond, options })).toBe(opened);
  });

  test("a SYN that has no timestamp where the last connection had is judged by its sequence number", () => {
    const entry = add();
    Object.assign(core.compact(entry), { flags: core.agreed("TIMESTAMPS"), tsRecent: 1 });
    expect(opens(entry, { seq: RCV_NXT + 1 })).toBe(true);
  });

  test("our new numbers begin beyond the old ones (RFC 1122 section 4.2.2.13)", () => {
    const entry = add();
    const { initialSequence } = core.functions("tcp/isn", "initialSequence");
    const iss = initialSequence(address(PEER.address), PORTS);
    // The old connection got further than the new one would begin.
    core.compact(entry).sndNxt = (iss + 5) >>> 0;
    expect(opens(entry, { seq: RCV_NXT + 1 })).toBe(true);
    const first = core.segment.outSeq;
    expect((first - (iss + 5)) >>> 0).toBeGreaterThan(0);
    expect((first - (iss + 5)) >>> 0).toBeLessThan(2 ** 31);
  });

  test("a SYN with ACK opens nothing", () => {
    expect(opens(add(), { seq: RCV_NXT + 1, flags: "SA" })).toBe(false);
  });

  test("where nobody listens TIME-WAIT goes on", () => {
    const entry = add();
    receive(entry, { seq: RCV_NXT + 1, flags: "S" });
    expect([find(PORTS), core.header.timeWaitUsed]).toEqual([entry, 1]);
    expect(core.counters().TCP_NO_CONNECTION).toBe(1);
  });
});

test("an entry keeps the timestamp that was echoed, when timestamps were agreed", () => {
  const { at, t } = place(core, TcpState.FIN_WAIT_2);
  Object.assign(t, { bits: core.agreed("ALL"), tsRecent: 77, kind: core.kind("DETACHED") });
  const entry = core.compact(timewait.add(at));
  expect([entry.flags, entry.tsRecent]).toEqual([core.agreed("TIMESTAMPS"), 77]);
});

test("remove gives the place back, and it is the next one taken", () => {
  const entries = [1, 2, 3].map((port) => add(ports(port, 80)));
  timewait.remove(entries[1] as number);
  expect([core.header.timeWaitUsed, find(ports(2, 80))]).toEqual([2, 0]);
  expect(add(ports(4, 80))).toBe(entries[1]);
  expect(core.counters().TCP_TIME_WAIT_EVICTED).toBeUndefined();
});

test("expire makes sure that timers run for the SYN cache, and takes none of its entries", () => {
  const at = core.state.synTable;
  Object.assign(core.compact(at), { kind: core.kind("SYN"), deadline: 500 });
  timewait.expire();
  expect([core.state.timersArmed, core.state.nextTimer]).toEqual([1, 500]);
  timewait.advanceClock(500);
  timewait.expire();
  expect(core.compact(at).kind).toBe(core.kind("SYN"));
});

test("random use: an entry is there for its time, unless three newer ones drove it out", () => {
  const prng = new Prng(1);
  const born = new Map<number, number>();
  let now = 0;
  let next = 1;
  for (let round = 0; round < 3000; round++) {
    now += 1 + prng.below(40000);
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
