// The streams of /live without a browser: what they say, what they may cost, and how they end. On the virtual clock.

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { MAX_LOAD, parseLoad } from "../../host/apps/live.js";
import {
  endingOf,
  eventsOf,
  type Site,
  samplesOf,
  startSite,
  stopSite,
  until,
  type Visit,
  visit,
} from "./support.js";

const MINUTE = 60_000;

let site: Site;

afterEach(() => stopSite(site));

describe("a stream", () => {
  beforeEach(async () => {
    site = await startSite();
  });

  test("tells of its own connection five times a second, in events of the standard's form", async () => {
    const visitor = visit(site, "/live");
    await site.clock.settle(10_000);
    expect(visitor.response?.statusCode).toBe(200);
    expect(visitor.response?.headers).toMatchObject({
      "content-type": "text/event-stream; charset=utf-8",
      "cache-control": "no-store",
      connection: "close",
    });
    expect(visitor.body).toMatch(/^retry: \d+\n\n(data: \{.*\}\n\n)+$/);
    const samples = samplesOf(visitor);
    expect(samples.length).toBeGreaterThanOrEqual(49);
    expect(samples.length).toBeLessThanOrEqual(51);
    for (const { connection } of samples)
      expect(connection).toMatchObject({
        state: "ESTABLISHED",
        peer: `10.0.0.1:${visitor.socket.localPort}`,
        local: "10.0.0.2:80",
        error: "OK",
      });
    // The sample that says so was not acknowledged yet; all before it were.
    const before = visitor.body.slice(0, visitor.body.lastIndexOf("data: "));
    expect(samples.at(-1)?.connection.bytesAcknowledged).toBeGreaterThan(before.length);
    const times = samples.map(({ at }) => at);
    expect(times).toEqual([...times].sort((a, b) => a - b));
    expect(samples.at(-1)).toMatchObject({ load: 0, streams: { used: 1, of: 4 } });
    expect(samples.at(-1)?.counters.TCP_SEGMENTS_OUT).toBeGreaterThanOrEqual(50);
    expect(Object.values(samples.at(-1)?.counters ?? {})).not.toContain(0);
  });

  test.each([2000, 100_000, 1_000_000])("carries a load of %i bytes per second as comments", async (load) => {
    const visitor = visit(site, `/live?load=${load}`);
    await site.clock.settle(10_000);
    const comments = visitor.body.match(/^:.*\n/gm)?.reduce((bytes, line) => bytes + line.length, 0) ?? 0;
    expect(comments / (10 * load)).toBeGreaterThan(0.9);
    expect(comments / (10 * load)).toBeLessThan(1.1);
    expect(visitor.body.replace(/^:.*\n/gm, "")).toMatch(/^retry: \d+\n\n(data: \{.*\}\n\n)+/);
    expect(samplesOf(visitor).length).toBeGreaterThanOrEqual(45);
  });

  test("is asked for another load, and goes back to none after a minute", async () => {
    const visitor = visit(site, "/live");
    await until(site, () => samplesOf(visitor).length === 1);
    const { id } = samplesOf(visitor)[0] as { id: string };
    const asked = visit(site, `/live?id=${id}&load=100000`, "POST");
    await until(site, () => asked.ended);
    expect([asked.response?.statusCode, asked.body]).toEqual([204, ""]);
    await site.clock.settle(MINUTE / 2);
    const loaded = visitor.body.length;
    expect(loaded).toBeGreaterThan(2_900_000);
    expect(samplesOf(visitor).at(-1)?.load).toBe(100_000);
    await site.clock.settle(MINUTE / 2 + 1000);
    expect(samplesOf(visitor).at(-1)?.load).toBe(0);
    const quiet = visitor.body.length;
    await site.clock.settle(5000);
    expect(visitor.body.length - quiet).toBeLessThan(100_000);
  });

  test("ends after ten minutes, says so, and gives its record back", async () => {
    const visitor = visit(site, "/live");
    await site.clock.settle(9 * MINUTE);
    expect([visitor.ended, endingOf(visitor)]).toEqual([false, undefined]);
    await site.clock.settle(2 * MINUTE);
    expect(visitor.ended).toBe(true);
    expect(endingOf(visitor)).toEqual({ reason: "a stream ends after ten minutes", retryMs: 0 });
    expect(visitor.response?.complete).toBe(true);
    await until(site, () => site.right.host.core.header().connectionsUsed === 0);
  });

  test("is over when the visitor leaves", async () => {
    const visitors = [visit(site, "/live?load=100000"), visit(site, "/live")];
    await until(site, () => visitors.every((visitor) => samplesOf(visitor).length > 0));
    expect(site.service.live.usage.used).toBe(2);
    visitors[0]?.socket.resetAndDestroy();
    await until(site, () => site.service.live.usage.used === 1);
    const before = samplesOf(visitors[1] as Visit).length;
    await until(site, () => samplesOf(visitors[1] as Visit).length > before + 10);
    visitors[1]?.socket.resetAndDestroy();
    await until(site, () => site.service.live.usage.used === 0);
    await until(site, () => site.right.host.core.header().connectionsUsed === 0);
    const { requests } = site.service;
    expect(requests).toBe(2);
    // No timer goes on: once the last segments have passed, nothing happens any more.
    await site.clock.settle(1000);
    const { TCP_SEGMENTS_OUT } = site.right.host.core.counters();
    await site.clock.settle(MINUTE);
    expect(site.right.host.core.counters().TCP_SEGMENTS_OUT).toBe(TCP_SEGMENTS_OUT);
  });
});

describe("a visitor who does not read", () => {
  beforeEach(async () => {
    site = await startSite();
  });

  test("makes the device wait, not buffer", async () => {
    const visitor = visit(site, "/live");
    await until(site, () => samplesOf(visitor).length > 2);
    visitor.response?.pause();
    const [{ id } = { id: "" }] = samplesOf(visitor);
    expect(site.service.live.setLoad(id, "full")).toBe(true);
    await site.clock.settle(5000);
    const [device] = site.accepted;
    const [queued, sent] = [device?.writableLength ?? 0, device?.bytesWritten];
    // What the connection's stream asks for, and the write that filled it.
    expect(queued).toBeGreaterThan(0);
    expect(queued).toBeLessThanOrEqual(65536 + 16384 + 4096);
    await site.clock.settle(10_000);
    expect([device?.writableLength, device?.bytesWritten]).toEqual([queued, sent]);
    // As fast as it goes would be without end on this wire, where nothing takes time.
    site.service.live.setLoad(id, 1_000_000);
    const before = samplesOf(visitor).length;
    visitor.response?.resume();
    await until(site, () => samplesOf(visitor).length > before + 5);
    expect(samplesOf(visitor).at(-1)?.connection.zeroWindows).toBeGreaterThan(0);
  });

  test("does not keep the record when the device ends the stream", async () => {
    const visitor = visit(site, `/live?load=${1_000_000}`);
    await until(site, () => samplesOf(visitor).length > 2);
    visitor.response?.pause();
    await site.clock.settle(5000);
    site.service.live.stop();
    await until(site, () => site.right.host.core.header().connectionsUsed === 0);
    expect(site.right.host.core.counters().TCP_RESETS_OUT).toBe(1);
  });
});

describe("limits", () => {
  test("half of the records can be live streams; whoever comes then is told", async () => {
    site = await startSite({ connections: 6 });
    const streams = [1, 2, 3].map(() => visit(site, "/live"));
    await until(site, () => streams.every((stream) => samplesOf(stream).length > 0));
    const refused = visit(site, "/live");
    await until(site, () => refused.ended);
    expect(refused.response?.statusCode).toBe(503);
    expect(refused.response?.headers["retry-after"]).toBe("3");
    expect(refused.body).toBe("All live streams of this device are taken (3).\n");
    streams[0]?.socket.destroy();
    await until(site, () => site.service.live.usage.used === 2);
    const later = visit(site, "/live");
    await until(site, () => samplesOf(later).length > 0);
    expect(site.service.live.usage).toEqual({ used: 3, of: 3 });
  });

  test("a stream gives way to visitors who wait for a record, the oldest first", async () => {
    site = await startSite({ connections: 4 });
    const first = visit(site, "/live");
    await until(site, () => samplesOf(first).length > 0);
    const second = visit(site, "/live");
    await until(site, () => samplesOf(second).length > 0);
    // Two who stay and say nothing take the records that are left.
    const idle = [1, 2].map(() => site.left.connect({ host: "10.0.0.2", port: 80 }));
    await until(site, () => site.accepted.length === 4);
    await site.clock.settle(5000);
    expect([first.ended, second.ended]).toEqual([false, false]);
    const visitor = visit(site, "/info");
    await until(site, () => visitor.ended);
    expect(visitor.response?.statusCode).toBe(200);
    expect(endingOf(first)?.reason).toBe("somebody else needs the connection");
    expect([first.ended, second.ended]).toEqual([true, false]);
    for (const socket of idle) socket.destroy();
  });

  test("only one stream gives way at a time, although its visitor makes that take long", async () => {
    site = await startSite({ connections: 4 });
    const first = visit(site, "/live?load=1000000");
    await until(site, () => samplesOf(first).length > 0);
    const second = visit(site, "/live");
    const idle = [1, 2].map(() => site.left.connect({ host: "10.0.0.2", port: 80 }));
    await until(site, () => samplesOf(second).length > 0 && site.accepted.length === 4);
    first.response?.pause();
    await site.clock.settle(5000);
    const visitor = visit(site, "/info");
    await until(site, () => visitor.ended);
    expect([visitor.response?.statusCode, endingOf(second), second.ended]).toEqual([200, undefined, false]);
    for (const socket of idle) socket.destroy();
  });

  test("the last record of all can be live, and gives way too", async () => {
    site = await startSite({ connections: 1 });
    const stream = visit(site, "/live");
    await until(site, () => samplesOf(stream).length > 0);
    const visitor = visit(site, "/info");
    await until(site, () => visitor.ended);
    expect([visitor.response?.statusCode, stream.ended]).toEqual([200, true]);
  });

  test("a stop ends all streams at once, and no other begins", async () => {
    site = await startSite();
    const streams = [1, 2, 3].map(() => visit(site, "/live?load=1000000"));
    await until(site, () => streams.every((stream) => samplesOf(stream).length > 0));
    site.service.live.stop();
    await until(site, () => site.service.live.usage.used === 0);
    for (const stream of streams) expect(eventsOf(stream).at(-1)?.data).toContain("the device is stopping");
    const late = visit(site, "/live");
    await until(site, () => late.ended);
    expect([late.response?.statusCode, late.body]).toEqual([503, "The device is stopping.\n"]);
  });
});

describe("requests that cannot be", () => {
  beforeEach(async () => {
    site = await startSite();
  });

  test.each([
    ["GET", "/live?load=-1", 400],
    ["GET", "/live?load=", 400],
    ["GET", `/live?load=${MAX_LOAD + 1}`, 400],
    ["POST", "/live?id=0", 400],
    ["POST", "/live?id=0&load=1", 404],
    ["POST", "/live?load=1", 404],
    ["DELETE", "/live", 405],
    ["HEAD", "/live", 405],
  ])("%s %s is answered with %i", async (method, path, status) => {
    const visitor = visit(site, path, method);
    await until(site, () => visitor.ended);
    expect(visitor.response?.statusCode).toBe(status);
    expect(site.service.live.usage.used).toBe(0);
  });

  test.each([
    ["0", 0],
    ["full", "full"],
    ["1000000000", MAX_LOAD],
    ["1000000001", undefined],
    ["1e3", undefined],
    ["", undefined],
    [null, undefined],
  ])("a load of %j is %j", (text, load) => {
    expect(parseLoad(text)).toBe(load);
  });
});
