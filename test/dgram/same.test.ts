// The same calls on Ferrule's datagram sockets and on Node's own give the same: what is thrown, told and emitted.

import nodeDgram from "node:dgram";
import { expect, test } from "vitest";
import { Dgram, type Socket } from "../../host/dgram.js";
import { createStandardPair, RIGHT } from "../host/support.js";

type Loose = Record<string, (...args: unknown[]) => unknown> & Socket;

/** Sockets of two ends, and how time passes. */
interface Ground {
  /** Where the far end is. */
  readonly address: string;
  near(options?: unknown): Loose;
  far(options?: unknown): Loose;
  until(done: () => boolean): Promise<void>;
}

type Scenario = (ground: Ground, log: (what: unknown) => void) => Promise<void>;

async function overFerrule(scenario: Scenario): Promise<string[]> {
  const { clock, left, right } = createStandardPair();
  const until = async (done: () => boolean) => expect(await clock.settleUntil(done, 60_000)).toBe(true);
  const create = (host: typeof left) => (options: unknown) =>
    new Dgram(host).createSocket((options ?? "udp4") as "udp4") as Loose;
  return play(scenario, { address: RIGHT.address, near: create(left), far: create(right), until });
}

async function overNode(scenario: Scenario): Promise<string[]> {
  const until = async (done: () => boolean) => {
    const limit = Date.now() + 10_000;
    while (!done() && Date.now() < limit) await new Promise((resolve) => setTimeout(resolve, 2));
    expect(done()).toBe(true);
  };
  const create = (options: unknown) =>
    nodeDgram.createSocket((options ?? "udp4") as "udp4") as unknown as Loose;
  return play(scenario, { address: "127.0.0.1", near: create, far: create, until });
}

async function play(scenario: Scenario, ground: Ground): Promise<string[]> {
  const made: Loose[] = [];
  const lines: string[] = [];
  const keep = (create: Ground["near"]) => (options?: unknown) => {
    const socket = create(options);
    made.push(socket);
    return socket;
  };
  await scenario({ ...ground, near: keep(ground.near), far: keep(ground.far) }, (what) =>
    lines.push(String(what)),
  );
  for (const socket of made)
    try {
      socket.close();
    } catch {
      // The scenario has closed it.
    }
  return lines;
}

/** A test that plays `scenario` on both and wants `expected` of both. */
function same(name: string, expected: readonly string[], scenario: Scenario): void {
  test(name, async () => {
    expect(await overFerrule(scenario), "over Ferrule").toEqual(expected);
    expect(await overNode(scenario), "over Node").toEqual(expected);
  });
}

/** The code of what `run` throws. */
function thrown(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    const { name, code, syscall } = error as NodeJS.ErrnoException;
    return [name, code, syscall].filter(Boolean).join(" ");
  }
  return "nothing";
}

/** Below all that are ephemeral, here and for the kernel. */
const QUIET_PORT = 29_871;

async function bound(ground: Ground, socket: Loose, port = 0): Promise<number> {
  let isBound = false;
  socket.bind(port, () => {
    isBound = true;
  });
  await ground.until(() => isBound);
  return socket.address().port;
}

same(
  "calls before a socket is bound, connected, open",
  [
    "Error EBADF getsockname",
    "Error EBADF setBroadcast",
    "Error EBADF setTTL",
    "Error EBADF setMulticastTTL",
    "Error ERR_SOCKET_DGRAM_NOT_CONNECTED",
    "Error ERR_SOCKET_DGRAM_NOT_CONNECTED",
    "nothing",
    "Error ERR_SOCKET_ALREADY_BOUND",
    "Error EBADF getsockname",
    "nothing",
    "Error ERR_SOCKET_DGRAM_NOT_RUNNING",
    "Error ERR_SOCKET_DGRAM_NOT_RUNNING",
    "Error ERR_SOCKET_DGRAM_NOT_RUNNING",
  ],
  async (ground, log) => {
    const socket = ground.near();
    for (const run of [
      () => socket.address(),
      () => socket.setBroadcast(true),
      () => socket.setTTL(3),
      () => socket.setMulticastTTL(3),
      () => socket.remoteAddress(),
      () => socket.disconnect(),
      () => socket.bind(0),
      () => socket.bind(0),
      () => socket.address(),
      () => socket.close(),
      () => socket.close(),
      () => socket.send("x", 9, ground.address),
      () => socket.address(),
    ])
      log(thrown(run));
  },
);

same(
  "arguments that are none",
  [
    ...["RangeError ERR_SOCKET_BAD_PORT", "RangeError ERR_SOCKET_BAD_PORT", "TypeError ERR_INVALID_ARG_TYPE"],
    ...["RangeError ERR_BUFFER_OUT_OF_BOUNDS", "RangeError ERR_BUFFER_OUT_OF_BOUNDS"],
    ...["TypeError ERR_INVALID_ARG_TYPE", "TypeError ERR_INVALID_ARG_TYPE", "RangeError ERR_SOCKET_BAD_PORT"],
    ...["TypeError ERR_SOCKET_BAD_TYPE", "TypeError ERR_SOCKET_BAD_TYPE"],
  ],
  async (ground, log) => {
    const socket = ground.near();
    for (const run of [
      () => socket.send("x", 0, ground.address),
      () => socket.send("x", 65536, ground.address),
      () => (socket as { send(...args: unknown[]): void }).send(5, 70, ground.address),
      () => socket.send(Buffer.from("abc"), 2, 3, 70, ground.address),
      () => socket.send(Buffer.from("abc"), 4, 0, 70, ground.address),
      () => (socket as { send(...args: unknown[]): void }).send(["a", 5], 70),
      () => (socket as { send(...args: unknown[]): void }).send("a", 70, 5),
      () => socket.connect(0),
      () => ground.near("udp5"),
      () => ground.near({}),
    ])
      log(thrown(run));
  },
);

same(
  "options and groups of a bound socket",
  [
    "0.0.0.0 IPv4",
    ...[
      "Error EINVAL addMembership",
      "TypeError ERR_MISSING_ARGS",
      "nothing",
      "Error EADDRINUSE addMembership",
    ],
    ...["nothing", "Error EADDRNOTAVAIL dropMembership"],
    ...["Error EINVAL setTTL", "Error EINVAL setTTL", "TypeError ERR_INVALID_ARG_TYPE", "nothing"],
    ...["Error EINVAL setMulticastTTL", "nothing"],
  ],
  async (ground, log) => {
    const socket = ground.near();
    await bound(ground, socket);
    const { address, family } = socket.address();
    log(`${address} ${family}`);
    for (const run of [
      () => socket.addMembership("1.2.3.4"),
      () => socket.addMembership(""),
      () => socket.addMembership("224.0.0.100"),
      () => socket.addMembership("224.0.0.100"),
      () => socket.dropMembership("224.0.0.100"),
      () => socket.dropMembership("224.0.0.100"),
      () => socket.setTTL(0),
      () => socket.setTTL(256),
      () => socket.setTTL("x" as never),
      () => socket.setTTL(3),
      () => socket.setMulticastTTL(300),
      () => socket.setBroadcast(true),
    ])
      log(thrown(run));
  },
);

same(
  "messages in all forms, connected and not",
  [
    "one",
    "cd",
    "abc",
    "",
    "null 3",
    "connected",
    "two",
    "bc",
    "Error ERR_SOCKET_DGRAM_IS_CONNECTED",
    "nothing",
    "end",
  ],
  async (ground, log) => {
    const server = ground.far();
    const port = await bound(ground, server);
    let count = 0;
    server.on("message", (message: Buffer, from: { size: number }) => {
      expect(from.size).toBe(message.length);
      count++;
      log(message);
    });
    const client = ground.near();
    const each = async (run: () => void) => {
      const before = count;
      run();
      await ground.until(() => count > before);
    };
    await each(() => client.send("one", port, ground.address));
    await each(() => client.send(Buffer.from("abcde"), 2, 2, port, ground.address));
    await each(() => client.send(["a", Buffer.from("bc")], port, ground.address));
    let told = "";
    await each(() => client.send([], port, ground.address));
    server.removeAllListeners("message").on("message", () => {});
    client.send("123", port, ground.address, (error, bytes) => {
      told = `${error} ${bytes}`;
    });
    await ground.until(() => told !== "");
    log(told);
    server.on("message", (message: Buffer) => {
      if (String(message) === "123") return;
      count++;
      log(message);
    });
    let isConnected = false;
    client.connect(port, ground.address, () => {
      isConnected = true;
    });
    await ground.until(() => isConnected);
    log("connected");
    await each(() => client.send("two"));
    await each(() => client.send(Buffer.from("abc"), 1, 2));
    log(thrown(() => client.connect(port, ground.address)));
    log(thrown(() => client.disconnect()));
    await each(() => client.send("end", port, ground.address));
  },
);

same(
  "errors of sends, and of a connection to a port that nobody has",
  ["send EMSGSIZE", "send EACCES", "connected", "recvmsg ECONNREFUSED"],
  async (ground, log) => {
    const socket = ground.near();
    let failed: NodeJS.ErrnoException | null = null;
    const told = (error: Error | null) => {
      failed = error;
    };
    for (const [data, address] of [
      [Buffer.alloc(70_000), ground.address],
      [Buffer.alloc(1), "255.255.255.255"],
    ] as const) {
      failed = null;
      socket.send(data, 70, address, told);
      await ground.until(() => failed !== null);
      const { syscall, code } = failed as unknown as NodeJS.ErrnoException;
      log(`${syscall} ${code}`);
    }
    // A port that was somebody's a moment ago. Not an ephemeral one, about which a core says nothing.
    const far = ground.far();
    const port = await bound(ground, far, QUIET_PORT);
    far.close();
    let lines = 0;
    const say = (what: string) => {
      lines++;
      log(what);
    };
    socket.on("error", ({ syscall, code }: NodeJS.ErrnoException) => say(`${syscall} ${code}`));
    socket.connect(port, ground.address, () => say("connected"));
    await ground.until(() => lines === 1);
    socket.send("anybody?");
    await ground.until(() => lines === 2);
  },
);
