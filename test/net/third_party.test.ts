// Well-known clients and servers from npm, unchanged, over Ferrule: ws and undici.

import { createHash } from "node:crypto";
import type { Socket as NodeSocket } from "node:net";
import { Agent, type buildConnector, Client, Pool, request as undiciRequest } from "undici";
import { describe, expect, test } from "vitest";
import WebSocket, { WebSocketServer } from "ws";
import { Counter } from "../../host/abi.js";
import type { Net } from "../../host/net.js";
import { Prng } from "../../host/sim/prng.js";
import { RIGHT } from "../host/support.js";
import { createSite, type Site } from "./http_support.js";

const sha256 = (data: Uint8Array) => createHash("sha256").update(data).digest("hex");

describe("ws", () => {
  const open = (site: Site, options: WebSocket.ClientOptions = {}) =>
    new WebSocket(`ws://${RIGHT.address}/`, {
      ...options,
      createConnection: ((at: { host: string; port: number }) => site.pair.left.connect(at)) as never,
    });

  function serve(site: Site, options: { perMessageDeflate?: boolean } = {}): WebSocketServer {
    return new WebSocketServer({ server: site.http, maxPayload: 2 ** 20, ...options });
  }

  const once = (socket: WebSocket, name: string) =>
    new Promise<unknown[]>((resolve) => socket.once(name, (...args) => resolve(args)));

  test.each([false, true])("carries 500 messages each way (deflate: %s)", async (perMessageDeflate) => {
    const site = createSite();
    const prng = new Prng(21);
    const messages = Array.from({ length: 500 }, (_, index) => {
      const bytes = Buffer.from(prng.bytes(index % 100 === 0 ? 70_000 : index));
      return index % 2 ? bytes : bytes.toString("hex");
    });
    const got: { server: unknown[]; client: unknown[] } = { server: [], client: [] };
    const value = (data: WebSocket.RawData, isBinary: boolean) => (isBinary ? data : String(data));
    serve(site, { perMessageDeflate }).on("connection", (peer) => {
      peer.on("message", (data, isBinary) => got.server.push(value(data, isBinary)));
      for (const message of messages) peer.send(message);
    });
    const client = open(site, { perMessageDeflate });
    client.on("message", (data, isBinary) => got.client.push(value(data, isBinary)));
    await site.wait(once(client, "open"));
    for (const message of messages) client.send(message);
    const all = () => got.server.length === messages.length && got.client.length === messages.length;
    await site.until(all);
    expect(got.server).toEqual(messages);
    expect(got.client).toEqual(messages);
    client.close();
    await site.wait(once(client, "close"));
    await site.close();
  });

  test("answers pings, closes with its code, and sees a peer that is gone", async () => {
    const site = createSite();
    const codes: unknown[] = [];
    serve(site).on("connection", (peer) => peer.on("close", (code) => codes.push(code)));
    const polite = open(site);
    await site.wait(once(polite, "open"));
    polite.ping("are you there?");
    expect(String((await site.wait(once(polite, "pong")))[0])).toBe("are you there?");
    polite.close(4001, "enough");
    expect((await site.wait(once(polite, "close")))[0]).toBe(4001);
    const rude = open(site);
    await site.wait(once(rude, "open"));
    rude.terminate();
    await site.until(() => codes.length === 2);
    expect(codes).toEqual([4001, 1006]);
    await site.close();
  });

  test("ends a connection that sends too much, or nonsense", async () => {
    const site = createSite();
    serve(site).on("connection", (peer) => peer.on("error", () => {}));
    const client = open(site);
    await site.wait(once(client, "open"));
    client.send(Buffer.alloc(2 ** 20 + 1));
    expect((await site.wait(once(client, "close")))[0]).toBe(1009);
    const raw = site.pair.left.connect(80, RIGHT.address);
    raw.write("GET / HTTP/1.1\r\nHost: device\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
    let text = "";
    raw.on("data", (data) => {
      text += data;
    });
    await site.until(() => raw.destroyed);
    expect(text).toMatch(/^HTTP\/1\.1 400 /);
    await site.close();
  });

  test("is refused where nobody listens", async () => {
    const site = createSite();
    site.server.close();
    const client = open(site);
    expect((await site.wait(once(client, "error")))[0]).toMatchObject({ code: "ECONNREFUSED" });
    await site.close();
  });
});

describe("undici", () => {
  /** What undici calls a connector: this is all that it takes. */
  const connector = (net: Net): buildConnector.connector =>
    ((options: buildConnector.Options, callback: buildConnector.Callback) => {
      const socket = net.connect({ host: options.hostname, port: Number(options.port || 80), noDelay: true });
      socket
        .once("connect", () => callback(null, socket as unknown as NodeSocket))
        .once("error", (error) => callback(error, null));
    }) as buildConnector.connector;

  test("pipelines requests over one connection", async () => {
    const site = createSite((incoming, response) => response.end(incoming.url));
    const client = new Client(site.url, { connect: connector(site.pair.left), pipelining: 10 });
    const paths = Array.from({ length: 200 }, (_, index) => `/${index}`);
    const bodies = await site.wait(
      Promise.all(paths.map(async (path) => (await client.request({ path, method: "GET" })).body.text())),
    );
    expect(bodies).toEqual(paths);
    expect(site.pair.right.host.core.counter(Counter.TCP_PASSIVE_OPENS)).toBe(1);
    await site.wait(client.close());
    await site.close();
  });

  test("carries 1.5 MB, and less, both ways through a pool", async () => {
    const site = createSite((incoming, response) => incoming.pipe(response));
    const pool = new Pool(site.url, { connect: connector(site.pair.left), connections: 4 });
    const bodies = Array.from({ length: 8 }, (_, index) => new Prng(index + 1).bytes(1_500_000 >> index));
    const answers = await site.wait(
      Promise.all(
        bodies.map(async (body) => {
          const answer = await pool.request({ path: "/", method: "POST", body });
          return Buffer.from(await answer.body.arrayBuffer());
        }),
      ),
    );
    expect(answers.map(sha256)).toEqual(bodies.map(sha256));
    await site.wait(pool.close());
    await site.close();
  });

  test("works through an agent, and opens again what was closed", async () => {
    const site = createSite((_incoming, response) => {
      response.setHeader("Connection", "close");
      response.end("once");
    });
    const dispatcher = new Agent({ connect: connector(site.pair.left) });
    for (let round = 0; round < 3; round++) {
      const { statusCode, body } = await site.wait(undiciRequest(site.url, { dispatcher }));
      expect([statusCode, await site.wait(body.text())]).toEqual([200, "once"]);
    }
    expect(site.sockets.length).toBe(3);
    await site.wait(dispatcher.close());
    await site.close();
  });

  test("tells of what goes wrong", async () => {
    const site = createSite((incoming, response) => {
      if (incoming.url === "/torn") {
        response.writeHead(200, { "Content-Length": 1000 });
        response.write("a part", () => incoming.socket.destroy());
      }
    });
    const connect = connector(site.pair.left);
    const client = new Client(site.url, { connect });
    const torn = client.request({ path: "/torn", method: "GET" }).then(({ body }) => body.text());
    await expect(site.wait(torn)).rejects.toMatchObject({
      code: expect.stringMatching(/UND_ERR_SOCKET|ECONNRESET/),
    });
    const controller = new AbortController();
    const stopped = client.request({ path: "/never", method: "GET", signal: controller.signal });
    site.pair.clock.after(100, () => controller.abort());
    await expect(site.wait(stopped)).rejects.toMatchObject({ name: "AbortError" });
    await site.wait(client.destroy());
    const nobody = new Client(`${site.url}:81`, { connect });
    await expect(site.wait(nobody.request({ path: "/", method: "GET" }))).rejects.toMatchObject({
      code: "ECONNREFUSED",
    });
    await site.wait(nobody.destroy());
    await site.close();
  });
});
