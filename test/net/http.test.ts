// Node's own HTTP server and client, unchanged, over Ferrule.

import { createHash } from "node:crypto";
import http from "node:http";
import { pipeline } from "node:stream";
import { describe, expect, test } from "vitest";
import { Counter } from "../../host/abi.js";
import { Prng } from "../../host/sim/prng.js";
import { RIGHT } from "../host/support.js";
import { Agent, createSite, request } from "./http_support.js";

const sha256 = (data: Uint8Array) => createHash("sha256").update(data).digest("hex");

/** Answers with the body that came, and its SHA-256 in a header that comes after it. */
const echo: http.RequestListener = (incoming, response) => {
  response.setHeader("Trailer", "X-SHA256");
  const hash = createHash("sha256");
  incoming.on("data", (part) => hash.update(part));
  incoming.on("end", () => response.addTrailers({ "X-SHA256": hash.digest("hex") }));
  pipeline(incoming, response, () => {});
};

describe("Node's HTTP server and client", () => {
  test("keep their connections alive through an agent", async () => {
    const site = createSite((incoming, response) => response.end(`${incoming.method} ${incoming.url}`));
    const agent = new Agent(site.pair.left, { keepAlive: true, maxSockets: 2 });
    const answers = [];
    for (let round = 0; round < 20; round++)
      answers.push(
        ...(await site.wait(
          Promise.all(["/a", "/b", "/c"].map((path) => request(site.url + path, { agent, method: "GET" }))),
        )),
      );
    expect(answers.map(({ body }) => body.toString())).toEqual(
      Array(20).fill(["GET /a", "GET /b", "GET /c"]).flat(),
    );
    expect(site.pair.right.host.core.counter(Counter.TCP_PASSIVE_OPENS)).toBe(2);
    expect(site.sockets.every((socket) => !socket.destroyed)).toBe(true);
    agent.destroy();
    await site.close();
  });

  test("use one connection for each request without an agent", async () => {
    const site = createSite((_incoming, response) => response.end("once"));
    const { left, right } = site.pair;
    for (let round = 0; round < 3; round++) {
      const { body, response } = await site.wait(
        request(site.url, {
          createConnection: (options) => left.connect(options as { host: string; port: number }),
        }),
      );
      expect([body.toString(), response.headers.connection]).toEqual(["once", "close"]);
    }
    expect(right.host.core.counter(Counter.TCP_PASSIVE_OPENS)).toBe(3);
    await site.close();
  });

  test.each([
    ["with a length", { "Content-Length": 3_000_000 }],
    ["in chunks", {}],
  ])("carry 3 MB both ways %s", async (_name, headers) => {
    const site = createSite(echo);
    const agent = new Agent(site.pair.left);
    const data = new Prng(11).bytes(3_000_000);
    const { body, response } = await site.wait(request(site.url, { agent, method: "POST", headers }, data));
    expect(sha256(body)).toBe(sha256(data));
    expect(response.trailers["x-sha256"]).toBe(sha256(data));
    await site.close();
  });

  test("carry 2 MB both ways over a wire that loses every 50th frame", async () => {
    const site = createSite(echo);
    const agent = new Agent(site.pair.left);
    let frames = 0;
    site.pair.wire.filter = () => ++frames % 50 !== 0;
    const data = new Prng(12).bytes(2_000_000);
    const { body } = await site.wait(request(site.url, { agent, method: "POST" }, data));
    expect(sha256(body)).toBe(sha256(data));
    expect(site.pair.wire.dropped).toBeGreaterThan(50);
    site.pair.wire.filter = undefined;
    await site.close();
  });

  test("answer pipelined requests in order", async () => {
    const site = createSite((incoming, response) => {
      // Later ones are ready first.
      const wait = 100 - Number(incoming.url?.slice(1));
      site.pair.clock.after(wait, () => response.end(incoming.url));
    });
    const socket = site.pair.left.connect(80, RIGHT.address);
    const paths = Array.from({ length: 50 }, (_, index) => `/${index}`);
    socket.write(paths.map((path) => `GET ${path} HTTP/1.1\r\nHost: device\r\n\r\n`).join(""));
    let text = "";
    socket.on("data", (data) => {
      text += data;
    });
    const done = () => [...text.matchAll(/\r\n\r\n(\/\d+)/g)].length === paths.length;
    expect(await site.pair.clock.settleUntil(done, 60_000)).toBe(true);
    expect([...text.matchAll(/\r\n\r\n(\/\d+)/g)].map(([, path]) => path)).toEqual(paths);
    socket.destroy();
    await site.close();
  });

  test("wait for 100-continue, and answer HEAD without a body", async () => {
    const site = createSite((incoming, response) => pipeline(incoming, response, () => {}));
    const agent = new Agent(site.pair.left, { keepAlive: true });
    let continued = false;
    const answer = new Promise<string>((resolve, reject) => {
      const sent = http.request(site.url, { agent, method: "POST", headers: { Expect: "100-continue" } });
      sent.on("continue", () => {
        continued = true;
        sent.end("body");
      });
      sent.on("response", (response) => response.on("data", (data) => resolve(String(data))));
      sent.on("error", reject);
      sent.flushHeaders();
    });
    expect([await site.wait(answer), continued]).toEqual(["body", true]);
    const head = await site.wait(request(site.url, { agent, method: "HEAD" }));
    expect([head.response.statusCode, head.body.length]).toEqual([200, 0]);
    agent.destroy();
    await site.close();
  });

  test("hand over a connection that is upgraded", async () => {
    const site = createSite();
    site.http.on("upgrade", (_incoming, socket, head) => {
      socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n");
      socket.write(head);
      socket.pipe(socket);
    });
    const agent = new Agent(site.pair.left);
    const answer = new Promise<string>((resolve, reject) => {
      const sent = http.request(site.url, { agent, headers: { Connection: "Upgrade", Upgrade: "echo" } });
      sent.on("error", reject);
      sent.on("upgrade", (_response, socket) => {
        let text = "";
        socket.on("data", (data) => {
          text += data;
          if (text === "ping") socket.end();
        });
        socket.on("close", () => resolve(text));
        socket.write("ping");
      });
      sent.end();
    });
    expect(await site.wait(answer)).toBe("ping");
    await site.close();
  });
});

describe("what goes wrong in HTTP", () => {
  test("is ECONNREFUSED where nobody listens", async () => {
    const site = createSite();
    const agent = new Agent(site.pair.left);
    const failed = request(`http://${RIGHT.address}:81/`, { agent });
    await expect(site.wait(failed)).rejects.toMatchObject({ code: "ECONNREFUSED", port: 81 });
    await site.close();
  });

  test("is ENOTFOUND for a name, unless the agent brings a lookup function", async () => {
    const site = createSite((_incoming, response) => response.end("found"));
    const agent = new Agent(site.pair.left);
    await expect(site.wait(request("http://device.test/", { agent }))).rejects.toMatchObject({
      code: "ENOTFOUND",
      hostname: "device.test",
    });
    const lookup: http.RequestOptions["lookup"] = (_name, _options, callback) =>
      callback(null, RIGHT.address, 4);
    const { body } = await site.wait(request("http://device.test/", { agent, lookup }));
    expect(body.toString()).toBe("found");
    await site.close();
  });

  test("in the middle of an answer is ECONNRESET for the client", async () => {
    const site = createSite((incoming, response) => {
      response.writeHead(200, { "Content-Length": 1_000_000 });
      response.write("a part", () => incoming.socket.destroy());
    });
    const agent = new Agent(site.pair.left);
    await expect(site.wait(request(site.url, { agent }))).rejects.toMatchObject({ code: "ECONNRESET" });
    await site.close();
  });

  test("is seen by the server when the client goes away, and the record comes back", async () => {
    const site = createSite((_incoming, response) => {
      response.write(Buffer.alloc(10_000_000));
      response.on("close", () => gone(response.writableFinished));
    });
    let gone: (finished: boolean) => void = () => {};
    const left = new Promise<boolean>((resolve) => {
      gone = resolve;
    });
    const controller = new AbortController();
    const agent = new Agent(site.pair.left);
    const sent = http.get(site.url, { agent, signal: controller.signal }, (response) => {
      response.on("error", () => {});
      response.once("data", () => controller.abort());
    });
    const error = new Promise<Error>((resolve) => sent.on("error", resolve));
    expect(await site.wait(left)).toBe(false);
    expect((await error).name).toBe("AbortError");
    expect(sent.destroyed).toBe(true);
    await site.close();
  });

  test("is a time-out of the client's when no answer comes", async () => {
    const site = createSite(() => {});
    const agent = new Agent(site.pair.left);
    const timedOut = new Promise<string>((resolve) => {
      const sent = http.get(site.url, { agent, timeout: 5000 });
      sent.on("timeout", () => sent.destroy(new Error("too late")));
      sent.on("error", ({ message }) => resolve(message));
    });
    const began = site.pair.clock.now();
    expect(await site.wait(timedOut)).toBe("too late");
    expect(site.pair.clock.now() - began).toBeGreaterThanOrEqual(5000);
    await site.close();
  });

  test("is 400 and a closed connection for what is no HTTP", async () => {
    const site = createSite();
    const socket = site.pair.left.connect(80, RIGHT.address);
    let text = "";
    socket.on("data", (data) => {
      text += data;
    });
    socket.write("this is no HTTP\r\n\r\n");
    expect(await site.pair.clock.settleUntil(() => socket.destroyed, 60_000)).toBe(true);
    expect(text).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
    await site.close();
  });

  test("idle connections end when the server's keep-alive time is over", async () => {
    const site = createSite((_incoming, response) => response.end("ok"));
    site.http.keepAliveTimeout = 3000;
    const agent = new Agent(site.pair.left, { keepAlive: true });
    await site.wait(request(site.url, { agent }));
    expect(site.sockets.map(({ destroyed }) => destroyed)).toEqual([false]);
    await site.pair.clock.settle(10_000);
    expect(site.sockets.map(({ destroyed }) => destroyed)).toEqual([true]);
    const { body } = await site.wait(request(site.url, { agent }));
    expect([body.toString(), site.sockets.length]).toEqual(["ok", 2]);
    agent.destroy();
    await site.close();
  });
});
