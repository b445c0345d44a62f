// The main job as a visitor sees it: HTTP and echo through the gateway, over the wire, from the device.

import { createHash } from "node:crypto";
import http from "node:http";
import { buffer } from "node:stream/consumers";
import autocannon from "autocannon";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Counter } from "../../host/abi.js";
import type { Info } from "../../host/apps/info.js";
import { Prng } from "../../host/sim/prng.js";
import { ENGINE_PROOF, missingEngine } from "../report/engine.js";
import { connectLocal, expectNoConnections, readAll, startService, until } from "./support.js";

const sha256 = (data: Uint8Array) => createHash("sha256").update(data).digest("hex");

let running: Awaited<ReturnType<typeof startService>>;
/** One connection after another, each kept: as a browser has it. */
let agent: http.Agent;

beforeEach(() => {
  agent = new http.Agent({ keepAlive: true });
});

afterEach(async () => {
  agent.destroy();
  if (missingEngine) return;
  const totals = await running.service.stop();
  expect(totals.recordsLeft).toBe(0);
});

interface Answer {
  status: number;
  headers: http.IncomingHttpHeaders;
  body: Buffer;
}

function ask(
  path: string,
  options: { method?: string; body?: Uint8Array; type?: string; connection?: string } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers: http.OutgoingHttpHeaders = {};
    if (options.type) headers["Content-Type"] = options.type;
    if (options.connection) headers.Connection = options.connection;
    if (options.body) headers["Content-Length"] = options.body.length;
    const request = http.request(running.url + path, { agent, method: options.method ?? "GET", headers });
    request.on("error", reject);
    request.on("response", (response) => {
      buffer(response).then(
        (body) => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }),
        reject,
      );
    });
    request.end(options.body);
  });
}

describe("the web server", () => {
  beforeEach(async () => {
    running = await startService();
  });

  test("shows a page about the visitor's connection", async () => {
    const { status, headers, body } = await ask("/");
    expect([status, headers["content-type"]]).toEqual([200, "text/html; charset=utf-8"]);
    const page = body.toString();
    expect(page).toContain("ESTABLISHED");
    expect(page).toContain("10.0.0.2:80");
    // Nothing is loaded from elsewhere.
    expect(page).not.toMatch(/(src|href)="(https?:)?\/\//);
  });

  test("allows the page its own scripts and style, and nothing else", async () => {
    const { headers, body } = await ask("/");
    const policy = String(headers["content-security-policy"]).split("; ");
    const hashOf = (text = "") => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
    const scripts = [...body.toString().matchAll(/<script[^>]*>([\s\S]*?)<\/script>/g)];
    const style = /<style>([\s\S]*?)<\/style>/.exec(body.toString())?.[1];
    expect(scripts.length).toBeGreaterThan(0);
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain(`script-src ${scripts.map(([, text]) => hashOf(text)).join(" ")}`);
    expect(policy).toContain(`style-src ${hashOf(style)}`);
    expect(policy.join()).not.toContain("unsafe");
    expect(headers["x-content-type-options"]).toBe("nosniff");
  });

  test("ends live streams when it stops, and loses none", async () => {
    const socket = connectLocal(running.port);
    socket.write("GET /live?load=1000000 HTTP/1.1\r\nHost: device\r\n\r\n");
    const all = readAll(socket).then((bytes) => bytes.toString());
    socket.once("end", () => socket.end());
    await until(() => socket.bytesRead > 500_000);
    const totals = await running.service.stop();
    // The last event, the last chunk, and an end in order.
    expect(await all).toMatch(/event: end\ndata: \{"reason":"the device is stopping",[\s\S]*\r\n0\r\n\r\n$/);
    expect([socket.codes, totals.recordsLeft]).toEqual([[], 0]);
    running = await startService();
  });

  test("tells the same as JSON, and the numbers move", async () => {
    const first: Info = JSON.parse((await ask("/info")).body.toString());
    expect(first.connection).toMatchObject({ state: "ESTABLISHED", local: "10.0.0.2:80", error: "OK" });
    expect(first.connection?.peer).toMatch(/^10\.0\.0\.1:\d+$/);
    expect(first.engine).toMatch(ENGINE_PROOF);
    expect(first.moduleBytes).toBeGreaterThan(0);
    expect(first.usage.connections).toEqual({ used: 1, of: 64 });
    const second: Info = JSON.parse((await ask("/info")).body.toString());
    expect(second.connection?.peer).toBe(first.connection?.peer);
    expect(second.connection?.segmentsIn).toBeGreaterThan(first.connection?.segmentsIn as number);
    expect(second.connection?.bytesAcknowledged).toBeGreaterThan(
      first.connection?.bytesAcknowledged as number,
    );
    expect(second.counters.FRAMES_IN).toBeGreaterThan(first.counters.FRAMES_IN as number);
  });

  test("serves reproducible bytes with their SHA-256", async () => {
    const { status, headers, body } = await ask("/bytes/20000000");
    expect([status, headers["content-length"], body.length]).toEqual([200, "20000000", 20_000_000]);
    expect(headers["x-content-sha256"]).toBe(sha256(body));
    expect(body.subarray(0, 8).toString("hex")).toBe("2120040001060804");
    const start = await ask("/bytes/1001");
    expect(start.body.equals(body.subarray(0, 1001))).toBe(true);
    expect(start.headers["x-content-sha256"]).toBe(sha256(start.body));
    expect((await ask("/bytes/0")).headers["x-content-sha256"]).toBe(sha256(Buffer.alloc(0)));
  });

  test.each(["", "x", "-1", "1.5", "1e3", "1073741825", "99999999999"])("refuses /bytes/%s", async (text) => {
    expect((await ask(`/bytes/${text}`)).status).toBe(400);
  });

  test("echoes 5 MB", async () => {
    const body = new Prng(5).bytes(5_000_000);
    const answer = await ask("/echo", { method: "POST", body, type: "image/x-noise" });
    expect(answer.status).toBe(200);
    expect([answer.headers["content-type"], answer.headers["content-length"]]).toEqual([
      "image/x-noise",
      "5000000",
    ]);
    expect(answer.body.equals(body)).toBe(true);
  });

  test("answers in full although it does not want the body", async () => {
    for (const connection of ["close", "keep-alive"]) {
      const body = new Prng(8).bytes(3_000_000);
      const answer = await ask("/nothing", { method: "POST", body, connection });
      expect([answer.status, answer.headers.connection]).toEqual([404, connection]);
      expect(answer.body.toString()).toContain("POST /echo");
    }
  });

  test("a digest of any length is right, whatever was asked for before", async () => {
    const all = (await ask("/bytes/3000000")).body;
    for (const length of [2 ** 20 - 1, 2 ** 20, 2 ** 20 + 1, 2_500_003, 65_535, 3])
      expect((await ask(`/bytes/${length}`, { method: "HEAD" })).headers["x-content-sha256"]).toBe(
        sha256(all.subarray(0, length)),
      );
  });

  test("requests that are sent in one go are answered in order", async () => {
    const socket = connectLocal(running.port);
    const paths = ["/bytes/100000", "/nothing", "/bytes/5"];
    const last = "Connection: close\r\n\r\n";
    socket.write(paths.map((path) => `GET ${path} HTTP/1.1\r\nHost: device\r\n`).join("\r\n") + last);
    socket.once("end", () => socket.end());
    const text = (await readAll(socket)).toString("latin1");
    expect(text.match(/HTTP\/1\.1 \d+|Content-Length: \d+/g)).toEqual([
      ...["HTTP/1.1 200", "Content-Length: 100000"],
      ...["HTTP/1.1 404", expect.stringMatching(/^Content-Length/)],
      ...["HTTP/1.1 200", "Content-Length: 5"],
    ]);
  });

  test("who asks for many live streams on one connection gets one", async () => {
    const socket = connectLocal(running.port);
    socket.resume().write("GET /live HTTP/1.1\r\nHost: device\r\n\r\n".repeat(20));
    await until(() => socket.bytesRead > 3000);
    expect(running.service.http.live.usage.used).toBe(1);
    socket.destroy();
  });

  test("who sends more and more requests while one is answered is reset", async () => {
    const socket = connectLocal(running.port);
    socket.write("GET /live HTTP/1.1\r\nHost: device\r\n\r\n");
    for (let count = 0; count < 1000; count++)
      socket.write("GET /bytes/1000000000 HTTP/1.1\r\nHost: device\r\n\r\n");
    await until(() => socket.codes.length > 0);
    expect(socket.codes).toEqual(["ECONNRESET"]);
    await expectNoConnections(running.service);
  });

  test("answers HEAD, and says what is not there or not allowed", async () => {
    const head = await ask("/bytes/1000", { method: "HEAD" });
    expect([head.status, head.headers["content-length"], head.body.length]).toEqual([200, "1000", 0]);
    expect((await ask("/", { method: "HEAD" })).status).toBe(200);
    expect((await ask("/nothing")).status).toBe(404);
    const get = await ask("/echo");
    expect([get.status, get.headers.allow]).toEqual([405, "POST"]);
    expect((await ask("/", { method: "DELETE" })).status).toBe(405);
  });

  test("survives a visitor who talks nonsense", async () => {
    const socket = connectLocal(running.port);
    socket.write("NONSENSE\r\n\r\n");
    expect((await readAll(socket)).toString()).toMatch(/^HTTP\/1\.1 400 /);
    socket.destroy();
    expect((await ask("/info")).status).toBe(200);
  });

  test("answers 2,000 requests of 32 visitors at once, and both sides count the same", async () => {
    const result = await autocannon({ url: `${running.url}/info`, connections: 32, amount: 2000 });
    expect(result).toMatchObject({ "2xx": 2000, non2xx: 0, errors: 0, timeouts: 0 });
    await until(() => running.service.http.requests === 2000);
    await expectNoConnections(running.service);
  });
});

describe("the echo server", () => {
  test("sends everything back and then ends, over a half-closed connection", async () => {
    running = await startService();
    const data = new Prng(6).bytes(1_000_000);
    const socket = connectLocal(running.echoPort);
    socket.end(data);
    expect((await readAll(socket)).equals(data)).toBe(true);
    expect(socket.codes).toEqual([]);
    await expectNoConnections(running.service);
  });
});

describe("few connection records", () => {
  test("20 visitors at once share two; nobody is lost and later ones succeed", async () => {
    running = await startService({ connections: 2 });
    agent.destroy();
    agent = new http.Agent({ keepAlive: false });
    const answers = await Promise.all(Array.from({ length: 20 }, () => ask("/bytes/2000000")));
    for (const { status, headers, body } of answers)
      expect([status, headers["x-content-sha256"]]).toEqual([200, sha256(body)]);
    expect(running.service.device.core.counter(Counter.TCP_NO_RECORD)).toBeGreaterThan(0);
    await expectNoConnections(running.service);
    expect((await ask("/info")).status).toBe(200);
    await expectNoConnections(running.service);
  }, 120_000);

  test("visitors who stay do not keep others out", async () => {
    running = await startService({ connections: 2 });
    const agents = Array.from({ length: 6 }, () => new http.Agent({ keepAlive: true }));
    const answers = agents.map(async (each) => {
      agent = each;
      return (await ask("/info")).status;
    });
    expect(await Promise.all(answers)).toEqual([200, 200, 200, 200, 200, 200]);
    for (const each of agents) each.destroy();
    await expectNoConnections(running.service);
  });
});
