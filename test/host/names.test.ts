// Names through the core: host/dns.ts, and connections by name. The name server is a datagram socket of the other host.

import { describe, expect, test } from "vitest";
import { Dgram, type RemoteInfo } from "../../host/dgram.js";
import { Resolver } from "../../host/dns.js";
import { Net } from "../../host/net.js";
import { a, decodeQuery, encodeMessage, Rcode } from "../dns/codec.js";
import { createStandardPair, RIGHT } from "./support.js";

const NAMES: Readonly<Record<string, readonly string[]>> = {
  "right.example": [RIGHT.address],
  "two.example": ["10.0.0.77", RIGHT.address],
};

/** Virtual time for one step of a test, in milliseconds. */
const STEP_MS = 600_000;

async function createNetwork(queries = 2) {
  const { clock, left, right } = createStandardPair({}, { queries, dnsServers: [RIGHT.address] });
  const server = new Dgram(right).createSocket("udp4");
  const asked: string[] = [];
  server.on("message", (message: Buffer, from: RemoteInfo) => {
    const { id, name } = decodeQuery(message);
    asked.push(name);
    if (name === "silent.example") return;
    const answers = (NAMES[name] ?? []).map((address) => a(name, address));
    const rcode = answers.length > 0 ? Rcode.NOERROR : Rcode.NXDOMAIN;
    server.send(encodeMessage({ id, rcode, questions: [{ name }], answers }), from.port, from.address);
  });
  server.bind(53);
  await clock.settle(10);
  const until = async (done: () => boolean) =>
    expect(await clock.settleUntil(done, STEP_MS), `in time: ${done}`).toBe(true);
  /** What a promise comes to. */
  const settled = async <T>(promise: Promise<T>): Promise<T> => {
    let isOver = false;
    promise.then(
      () => {
        isOver = true;
      },
      () => {
        isOver = true;
      },
    );
    await until(() => isOver);
    return promise;
  };
  return { clock, left, right, asked, until, settled, resolver: new Resolver(left) };
}

describe("a resolver", () => {
  test("finds addresses, for promises and for callbacks", async () => {
    const { resolver, settled, until } = await createNetwork();
    expect(await settled(resolver.resolve4("two.example"))).toEqual(NAMES["two.example"]);
    let found: unknown;
    resolver.resolve4("right.example", (error, addresses) => {
      found = [error, addresses];
    });
    await until(() => found !== undefined);
    expect(found).toEqual([null, [RIGHT.address]]);
  });

  test("says with Node's codes what is not there", async () => {
    const { resolver, settled } = await createNetwork();
    const failure = (name: string) => settled(resolver.resolve4(name)).catch((error) => error);
    expect(await failure("nowhere.example")).toMatchObject({
      message: "queryA ENOTFOUND nowhere.example",
      code: "ENOTFOUND",
      syscall: "queryA",
      hostname: "nowhere.example",
    });
    expect((await failure("silent.example")).code).toBe("ETIMEOUT");
    expect((await failure("a..b")).code).toBe("EBADNAME");
  });

  test("has look-ups wait while all queries are in use", async () => {
    const { resolver, settled, left } = await createNetwork(1);
    const names = ["right.example", "two.example", "nowhere.example", "right.example"];
    const results = await settled(Promise.allSettled(names.map((name) => resolver.resolve4(name))));
    expect(results.map(({ status }) => status)).toEqual(["fulfilled", "fulfilled", "rejected", "fulfilled"]);
    expect(left.watched).toBe(0);
  });

  test("gives up what is cancelled, and goes on", async () => {
    const { resolver, settled } = await createNetwork(1);
    const pending = ["silent.example", "right.example"].map((name) => resolver.resolve4(name));
    resolver.cancel();
    const results = await settled(Promise.allSettled(pending));
    expect(results).toMatchObject([{ reason: { code: "ECANCELLED" } }, { reason: { code: "ECANCELLED" } }]);
    expect(await settled(resolver.resolve4("right.example"))).toEqual([RIGHT.address]);
  });

  test("has a lookup function as dns.lookup is", async () => {
    const { resolver, until } = await createNetwork();
    const results: unknown[] = [];
    const heard = (error: Error | null, ...found: unknown[]) =>
      results.push(error ? [error.message, (error as NodeJS.ErrnoException).errno] : found);
    resolver.lookup("10.9.8.7", heard);
    await until(() => results.length === 1);
    resolver.lookup("two.example", 4, heard);
    await until(() => results.length === 2);
    resolver.lookup("two.example", { all: true }, heard);
    await until(() => results.length === 3);
    resolver.lookup("nowhere.example", {}, heard);
    await until(() => results.length === 4);
    const all = ["10.0.0.77", RIGHT.address].map((address) => ({ address, family: 4 }));
    expect(results).toEqual([
      ["10.9.8.7", 4],
      ["10.0.0.77", 4],
      [all],
      ["getaddrinfo ENOTFOUND nowhere.example", -3008],
    ]);
  });
});

describe("net.connect with a name", () => {
  test("takes the address that answers", async () => {
    const { left, right, until } = await createNetwork();
    const server = new Net(right).createServer((socket) => socket.end("hello")).listen(80);
    const socket = new Net(left).connect({ host: "two.example", port: 80 });
    const looked: unknown[] = [];
    socket.on("lookup", (_error, address, family, host) => looked.push([address, family, host]));
    let text = "";
    socket.on("data", (chunk: Buffer) => {
      text += chunk;
    });
    await until(() => socket.destroyed);
    expect(text).toBe("hello");
    expect(looked).toEqual(NAMES["two.example"]?.map((address) => [address, 4, "two.example"]));
    server.close();
    expect(left.watched).toBe(0);
  });

  test("fails with the name's error, or the last address's", async () => {
    const { left, until } = await createNetwork(1);
    const net = new Net(left);
    const failure = async (host: string) => {
      const socket = net.connect({ host, port: 81 });
      let failed: NodeJS.ErrnoException | undefined;
      socket.on("error", (error) => {
        failed = error;
      });
      await until(() => failed !== undefined);
      return failed;
    };
    expect(await failure("nowhere.example")).toMatchObject({
      code: "ENOTFOUND",
      syscall: "getaddrinfo",
      hostname: "nowhere.example",
    });
    expect(await failure("two.example")).toMatchObject({
      message: `connect ECONNREFUSED ${RIGHT.address}:81`,
      code: "ECONNREFUSED",
    });
    expect((await failure("silent.example"))?.code).toBe("EAI_AGAIN");
    expect(left.watched).toBe(0);
  });

  test("gives the query back when the socket is destroyed before", async () => {
    const { left, clock, resolver, settled } = await createNetwork(1);
    new Net(left).connect({ host: "silent.example", port: 80 }).destroy();
    await clock.settle(10);
    expect(left.watched).toBe(0);
    expect(await settled(resolver.resolve4("right.example"))).toEqual([RIGHT.address]);
    expect(left.core.header().connectionsUsed).toBe(0);
  });
});

test("datagrams go to names, too", async () => {
  const { left, right, until } = await createNetwork();
  const texts: string[] = [];
  new Dgram(right).createSocket("udp4", (message) => texts.push(message.toString())).bind(5000);
  new Dgram(left).createSocket("udp4").send("by name", 5000, "right.example");
  await until(() => texts.length > 0);
  expect(texts).toEqual(["by name"]);
});
