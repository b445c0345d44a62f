// The simulator notices what is wrong: each test breaks one thing, in the core, on the wire or in a record, and the run
// must end with the right complaint.

import { beforeAll, describe, expect, test } from "vitest";
import { StateHeaderLayout, Status, TcpState } from "../../host/abi.js";
import type { Engine } from "../../host/engines/engine.js";
import { decode, encode } from "../../host/packet/index.js";
import { constant, RecordReader } from "../../host/sim/layout.js";
import { CLEAN_PATH } from "../../host/sim/network.js";
import { FIRST_PORT, type HostPlan, type Scenario, type Script } from "../../host/sim/scenario.js";
import { runSeed, type Setting, type World } from "../../host/sim/world.js";
import { simSetting, wrapped } from "./setting.js";

const STREAM_BYTES = 40_000;

const SCRIPT: Script = {
  writeBytes: STREAM_BYTES,
  pieceBytes: 5_000,
  writePauseMs: 0,
  replies: false,
  readBytes: 4_000,
  readPauseMs: 0,
  stopAt: -1,
  stopMs: 0,
  end: "shutdown",
  rudeMs: 0,
  waitsForClosed: false,
  noDelay: false,
  keepaliveMs: 0,
  userTimeoutMs: 0,
  urgentEvery: 0,
};

let setting: Setting;

beforeAll(async () => {
  setting = await simSetting();
});

function hostPlan(index: number): HostPlan {
  return {
    config: {
      mac: `02:00:00:00:00:0${index + 1}`,
      address: `10.0.0.${index + 1}`,
      connections: 4,
      listeners: 1,
      reassemblyRanges: 4,
      sendRingBytes: 4096,
      receiveRingBytes: 4096,
    },
    clockOffset: 0,
    lagMs: 0,
    rebootsMs: [],
    listeners: [{ port: FIRST_PORT, backlog: 4, acceptMs: 0, closesAtMs: 0, closedMs: 0 }],
  };
}

/** Two hosts, nothing lost, one connection with a stream in each direction. */
function plain(change: Partial<Scenario> = {}): Scenario {
  const path = { ...CLEAN_PATH, delayMs: 5 };
  return {
    seed: 1,
    pristine: true,
    attacks: 0,
    attacksMs: 0,
    hosts: [hostPlan(0), hostPlan(1)],
    paths: [
      [path, path],
      [path, path],
    ],
    blackouts: [],
    healMs: 1_000,
    connections: [
      {
        startMs: 10,
        from: 0,
        to: 1,
        port: FIRST_PORT,
        localPort: 0,
        crossing: false,
        repeats: 0,
        repeatAfterMs: 0,
        client: SCRIPT,
        server: SCRIPT,
      },
    ],
    ...change,
  };
}

/** What a run of the plain scenario complains about; "" for nothing. */
function complaint(
  with_: { setting?: Setting; onStart?: (world: World) => void; change?: Partial<Scenario> } = {},
) {
  const { failure } = runSeed(1, with_.setting ?? setting, {
    scenario: () => plain(with_.change),
    ...(with_.onStart ? { onStart: with_.onStart } : {}),
  });
  return failure?.what ?? "";
}

test("nothing is wrong with the plain scenario", () => {
  expect(complaint()).toBe("");
});

describe("a core that", () => {
  const header = (engine: Engine, field: "runPointer" | "outputSlot") =>
    new DataView(engine.memory.buffer).getUint32(
      engine.exports.base() + StateHeaderLayout.fields[field].offset,
      true,
    );
  /** Changes each frame that leaves host 0 once `from` frames have left. */
  const frames = (from: number, change: (frame: Uint8Array, length: number) => number) =>
    wrapped(setting, (engine, host) => {
      let count = 0;
      return {
        output(now) {
          const length = engine.exports.output(now);
          if (host !== 0 || length <= 0 || ++count < from) return length;
          return change(engine.memory.subarray(header(engine, "outputSlot")), length);
        },
      };
    });

  test("changes an octet of what was written", () => {
    const broken = wrapped(setting, (engine, host) => ({
      sendCommit(handle, length) {
        const at = header(engine, "runPointer");
        if (host === 0) engine.memory[at] = (engine.memory[at] as number) ^ 1;
        return engine.exports.sendCommit(handle, length);
      },
    }));
    expect(complaint({ setting: broken })).toMatch(/end 2 .*: octet 0 is \d+, end 1 .* wrote/);
  });

  test("leaves out what was written", () => {
    const broken = wrapped(setting, (engine, host) => ({
      sendCommit: (handle, length) => engine.exports.sendCommit(handle, host === 0 ? length - 1 : length),
    }));
    expect(complaint({ setting: broken })).toMatch(/octet \d+ is|end of stream after/);
  });

  test("ends a stream early", () => {
    let peeks = 0;
    const broken = wrapped(setting, (engine) => ({
      receivePeek: (handle) => (++peeks === 20 ? 0 : engine.exports.receivePeek(handle)),
    }));
    expect(complaint({ setting: broken })).toMatch(/end of stream/);
  });

  test("gives octets that nobody wrote", () => {
    const broken = wrapped(setting, (engine, host) => ({
      receiveConsume: (handle, length) =>
        host === 0 ? Status.OK : engine.exports.receiveConsume(handle, length),
    }));
    expect(complaint({ setting: broken })).toMatch(/octet \d+ is|but end 2 .* wrote only/);
  });

  test("sends a wrong checksum", () => {
    const broken = frames(5, (frame, length) => {
      frame[50] = (frame[50] as number) ^ 1;
      return length;
    });
    expect(complaint({ setting: broken })).toMatch(/malformed: TCP checksum/);
  });

  test("sends from another's MAC", () => {
    const broken = frames(5, (frame, length) => {
      frame[11] = 9;
      return length;
    });
    expect(complaint({ setting: broken })).toMatch(/another's MAC/);
  });

  test("sends a frame beyond its MTU", () => {
    // It says so much in its own configuration, but the frames were built for more.
    const change = { hosts: [hostPlan(0), hostPlan(1)] };
    const onStart = (world: World) => {
      Object.defineProperty((world.hosts[0] as World["hosts"][number]).core.config, "mtu", { value: 576 });
    };
    expect(complaint({ change, onStart })).toMatch(/the MTU is 576/);
  });

  test("has no deadline where one is due", () => {
    const broken = wrapped(setting, () => ({ deadline: () => -1 }));
    expect(complaint({ setting: broken })).toMatch(/deadline says Infinity/);
  });

  test("has something to do at once, and does not", () => {
    const broken = wrapped(setting, () => ({ deadline: () => 0 }));
    expect(complaint({ setting: broken })).toMatch(/output gave 0, but deadline says 0/);
  });

  test("raises no events", () => {
    const broken = wrapped(setting, (engine, host) => ({
      nextEvent: () => (host === 0 ? 0 : engine.exports.nextEvent()),
    }));
    expect(complaint({ setting: broken })).toMatch(/hangs: nothing read or written/);
  });

  test("gives no record back", () => {
    const broken = wrapped(setting, (engine, host) => ({
      close: (handle) => (host === 0 ? Status.OK : engine.exports.close(handle)),
    }));
    expect(complaint({ setting: broken })).toMatch(/records are left|hangs/);
  });

  test("hears nothing any more", () => {
    let frames = 0;
    const broken = wrapped(setting, (engine, host) => ({
      input: (length, flags, now) =>
        host === 0 && ++frames > 10 ? Status.OK : engine.exports.input(length, flags, now),
    }));
    expect(complaint({ setting: broken })).toMatch(/failed with TIMED_OUT without a reason/);
  });

  test("traps", () => {
    let frames = 0;
    const broken = wrapped(setting, (engine) => ({
      input(length, flags, now) {
        if (++frames === 30) throw new RangeError("unreachable");
        return engine.exports.input(length, flags, now);
      },
    }));
    expect(complaint({ setting: broken })).toMatch(/RangeError: unreachable/);
  });

  test("sends without end", () => {
    const broken = wrapped(setting, (engine, host) => {
      let last = 0;
      return {
        output(now) {
          const length = engine.exports.output(now);
          if (length > 0) last = length;
          return host === 0 && last > 60 ? last : length;
        },
      };
    });
    expect(complaint({ setting: broken })).toMatch(/no end/);
  });
});

test("a link that damages data and mends the checksum", () => {
  // The sum does not see two of its words change places.
  const onStart = (world: World) => {
    world.network.tamper = (frame) => {
      const copy = frame.slice();
      if (copy.length < 600) return copy;
      copy.set(frame.subarray(400, 402), 402);
      copy.set(frame.subarray(402, 404), 400);
      return copy;
    };
  };
  expect(complaint({ onStart })).toMatch(/octet \d+ is \d+, end \d .* wrote/);
});

test("a reset that nobody sent", () => {
  let segments = 0;
  const onStart = (world: World) => {
    world.network.tamper = (frame, _from, to) => {
      const packet = decode(frame);
      if (to !== 0 || packet.kind !== "tcp" || ++segments !== 10) return frame;
      const { source, destination } = packet.ethernet;
      return encode({
        link: { source, destination },
        ipv4: { source: packet.ipv4.source, destination: packet.ipv4.destination },
        tcp: {
          sourcePort: packet.tcp.sourcePort,
          destinationPort: packet.tcp.destinationPort,
          seq: packet.tcp.seq,
          flags: "R",
        },
      });
    };
  };
  expect(complaint({ onStart })).toMatch(/failed with CONNECTION_RESET without a reason/);
});

describe("a forged record", () => {
  /** Changes the memory of host 0 in the middle of the streams, and looks. */
  function forge(change: (tools: ReturnType<typeof toolsFor>) => void): string {
    return complaint({
      onStart(world) {
        world.clock.after(60, () => {
          const host = world.hosts[0] as World["hosts"][number];
          change(toolsFor(world));
          host.checker.afterCall();
          host.checker.afterSettle(host.core, host.core.deadline(host.now));
          host.checker.checkAllMemory();
        });
      },
    });
  }

  function toolsFor(world: World) {
    const { engine, core } = world.hosts[0] as World["hosts"][number];
    const { layout } = world;
    const view = new DataView(engine.memory.buffer);
    const fields = <Name extends string>(record: string, names: readonly Name[]) =>
      new RecordReader(view, layout, record, names);
    const state = constant(layout, "COUNTERS") - (layout.records.State?.bytes ?? 0);
    const tables = fields("State", ["connectionTable", "connectionStride", "hashTable", "hashMask"]);
    const tcb = fields("Tcb", [
      "kind",
      "state",
      "bits",
      "chain",
      "sndUna",
      "sndNxt",
      "sndMax",
      "rcvNxt",
      "rcvAdv",
      "sendBytes",
      "receiveBytes",
      "congestionWindow",
      "ranges",
    ]);
    const first = tables.read(state, "connectionTable");
    const stride = tables.read(state, "connectionStride");
    let at = first;
    while (tcb.read(at, "state") !== TcpState.ESTABLISHED) at += stride;
    const range = at + stride - 8 * core.config.reassemblyRanges;
    const end = engine.exports.base() + core.header().stateBytes;
    return { view, engine, core, layout, tcb, tables, state, at, range, end };
  }

  /** Adds to a 32-bit field of the connection. */
  const add = (name: Parameters<ReturnType<typeof toolsFor>["tcb"]["write"]>[1], amount: number) =>
    forge(({ tcb, at }) => tcb.write(at, name, tcb.read(at, name) + amount));

  test("SND.NXT beyond SND.MAX", () => {
    expect(forge(({ tcb, at }) => tcb.write(at, "sndNxt", tcb.read(at, "sndMax") + 1))).toMatch(
      /not SND.UNA <= SND.NXT <= SND.MAX/,
    );
  });

  test("more sent than there is", () => {
    expect(add("sndMax", 50_000)).toMatch(/more sent than there is/);
  });

  test("more in the rings than they hold", () => {
    expect(add("sendBytes", 5_000)).toMatch(/more to send than the ring holds/);
    expect(add("receiveBytes", 5_000)).toMatch(/more to read than the ring holds/);
  });

  test("a window that is larger than the room", () => {
    expect(add("rcvAdv", 5_000)).toMatch(/the window is larger than the room/);
  });

  test("a window whose right edge goes back", () => {
    expect(add("rcvAdv", -100)).toMatch(/right edge went back/);
  });

  test("a congestion window of nothing", () => {
    expect(forge(({ tcb, at }) => tcb.write(at, "congestionWindow", 0))).toMatch(/cwnd is less/);
  });

  test("ranges that touch RCV.NXT, lie outside the window, or overlap", () => {
    const ranges = (...pairs: [number, number][]) =>
      forge(({ view, tcb, at, range }) => {
        view.setUint8(at + tcb.offsetOf("ranges"), pairs.length);
        for (const [index, [from, to]] of pairs.entries()) {
          view.setUint32(range + index * 8, tcb.read(at, "rcvNxt") + from, true);
          view.setUint32(range + index * 8 + 4, tcb.read(at, "rcvNxt") + to, true);
        }
      });
    expect(ranges([0, 5])).toMatch(/range 0 is \+0 to \+5/);
    expect(ranges([5, 9_000])).toMatch(/range 0 is \+5 to \+9000/);
    expect(ranges([5, 5])).toMatch(/range 0 is \+5 to \+5/);
    expect(ranges([5, 10], [10, 20])).toMatch(/range 1 touches another/);
  });

  test("a retransmission timer that does not run", () => {
    const stopped = forge(({ layout, tcb, at }) => {
      tcb.write(at, "sndUna", tcb.read(at, "sndMax") - 1);
      tcb.write(at, "sendBytes", 1);
      tcb.write(at, "bits", tcb.read(at, "bits") & ~constant(layout, "Bit.TIMES_RETRANSMIT"));
    });
    expect(stopped).toMatch(/something is outstanding, and no timer runs/);
  });

  test("a retransmission timer that runs for nothing", () => {
    const idle = forge(({ layout, tcb, at }) => {
      tcb.write(at, "sndUna", tcb.read(at, "sndMax"));
      tcb.write(at, "sndNxt", tcb.read(at, "sndMax"));
      tcb.write(at, "sendBytes", 0);
      tcb.write(at, "bits", tcb.read(at, "bits") | constant(layout, "Bit.TIMES_RETRANSMIT"));
    });
    expect(idle).toMatch(/a timer runs, and nothing is outstanding/);
  });

  test("a transition that RFC 9293 does not have", () => {
    const jump = forge(({ view, tcb, at }) => view.setUint8(at + tcb.offsetOf("state"), TcpState.SYN_SENT));
    expect(jump).toMatch(/SYN_SENT .*: came from ESTABLISHED/);
  });

  test("a hash chain that has lost a record, or has one twice", () => {
    const chains = ({ tables, state }: ReturnType<typeof toolsFor>) =>
      Array.from(
        { length: tables.read(state, "hashMask") + 1 },
        (_, chain) => tables.read(state, "hashTable") + chain * 4,
      );
    const lost = forge((tools) => {
      for (const chain of chains(tools)) tools.view.setUint32(chain, 0, true);
    });
    expect(lost).toMatch(/is not in the hash table/);
    const twice = forge((tools) => {
      for (const chain of chains(tools)) tools.view.setUint32(chain, tools.at, true);
    });
    expect(twice).toMatch(/in the hash table twice/);
  });

  test("a header that counts wrong", () => {
    for (const [field, what] of [
      ["connectionsUsed", "connections"],
      ["synUsed", "SYN entries"],
      ["timeWaitUsed", "TIME-WAIT entries"],
    ] as const) {
      const at = StateHeaderLayout.fields[field].offset;
      const wrong = forge(({ view, engine }) => view.setUint16(engine.exports.base() + at, 3, true));
      expect(wrong).toMatch(new RegExp(`3 ${what} in use`));
    }
  });

  test("writes outside the state, into constant data, into the configuration", () => {
    expect(forge(({ view, end }) => view.setUint8(end, 0))).toMatch(/wrote behind the state region/);
    expect(forge(({ view, end }) => view.setUint8(end + 20_000, 0))).toMatch(/wrote behind the state region/);
    expect(forge(({ view, engine }) => view.setUint8(engine.exports.base() - 1, 0x77))).toMatch(
      /wrote to constant data/,
    );
    const config = (tools: ReturnType<typeof toolsFor>) => tools.state - 1;
    expect(forge((tools) => tools.view.setUint8(config(tools), 0x77))).toMatch(
      /the configuration was written/,
    );
  });
});
