// `ferrule serve` with --pcap, --record and --impair, behind the gateway: files that Wireshark and replay take.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ferrule } from "../kernel/device.js";
import { expectClean, tshark } from "../kernel/tshark.js";
import { missingTools, root } from "../report/tools.js";
import { until } from "./support.js";

let folder: string;
let child: ChildProcess | undefined;
let output = "";

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "ferrule-"));
  output = "";
});

afterEach(() => {
  if (child?.exitCode === null) child.kill("SIGKILL");
  rmSync(folder, { recursive: true });
});

/** Starts `serve`; resolves to its URL. */
async function serve(...options: string[]): Promise<string> {
  child = spawn(process.execPath, ["build/host/cli.js", "serve", "--port", "0", ...options], { cwd: root });
  for (const stream of [child.stdout, child.stderr])
    stream?.on("data", (text) => {
      output += text;
    });
  await until(() => output.includes("Ctrl-C stops it") || child?.exitCode !== null);
  return /curl (http:\/\/127\.0\.0\.1:\d+)\/\n/.exec(output)?.[1] as string;
}

async function stop(signal: NodeJS.Signals = "SIGINT"): Promise<number | null> {
  const closed = once(child as ChildProcess, "close");
  child?.kill(signal);
  return (await closed)[0];
}

async function bytesOf(url: string): Promise<number> {
  return (await (await fetch(url, { headers: { connection: "close" } })).arrayBuffer()).byteLength;
}

describe("captures and recordings of the service", () => {
  test("the device's frames are clean, and all that went in and out of it repeats", async () => {
    const [pcap, record] = [join(folder, "a.pcapng"), join(folder, "b.pcapng")];
    const url = await serve("--pcap", pcap, "--record", record);
    expect(await bytesOf(`${url}/bytes/1000000`)).toBe(1_000_000);
    expect(await stop()).toBe(0);
    const replayed = await ferrule("replay", record);
    expect(replayed).toEqual({
      code: 0,
      output: expect.stringMatching(/ calls of device, .*: no difference\n$/),
    });
    // Both hold what others should not read.
    for (const file of [pcap, record]) expect(statSync(file).mode & 0o077).toBe(0);
    if (missingTools("tshark")) return;
    for (const file of [pcap, record]) {
      await expectClean(file);
      const { lines } = await tshark(file, "-T", "fields", "-e", "frame.interface_name");
      expect(lines.length).toBeGreaterThan(1_000_000 / 1460);
      expect([...new Set(lines)]).toEqual(["device"]);
    }
  });

  test("after the process was killed the recording repeats as far as it goes", async () => {
    const record = join(folder, "killed.pcapng");
    const url = await serve("--record", record);
    expect(await bytesOf(`${url}/bytes/100000`)).toBe(100_000);
    // It is flushed every second.
    await until(() => readFileSync(record).length > 100_000);
    await stop("SIGKILL");
    const { code, output } = await ferrule("replay", record);
    expect([code, output]).toEqual([0, expect.stringContaining("no difference")]);
  });

  test("a file that others could read is the owner's alone, and whole although the port is in use", async () => {
    const [pcap, record] = [join(folder, "a.pcapng"), join(folder, "b.pcapng")];
    for (const file of [pcap, record]) {
      writeFileSync(file, "what was there");
      chmodSync(file, 0o644);
    }
    const other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    const { port } = other.address() as AddressInfo;
    const options = ["--port", `${port}`, "--echo-port", "0", "--pcap", pcap, "--record", record];
    const { code, output } = await ferrule("serve", ...options);
    other.close();
    expect([code, output]).toEqual([1, expect.stringContaining(`port ${port} is in use`)]);
    for (const file of [pcap, record]) expect(statSync(file).mode & 0o777).toBe(0o600);
    const replayed = await ferrule("replay", record);
    expect(replayed).toEqual({ code: 0, output: expect.not.stringContaining("breaks off") });
  });

  test("a bad network before the device costs retransmissions, and nothing else", async () => {
    const url = await serve("--impair", "loss=5%,seed=3");
    expect(await bytesOf(`${url}/bytes/1000000`)).toBe(1_000_000);
    expect(await stop()).toBe(0);
    expect(Number(/\n(\d+) retransmissions/.exec(output)?.[1])).toBeGreaterThan(0);
  });

  test.each(["--pcap", "--record"])("%s to where nothing can be written is told", async (option) => {
    await serve(option, join(folder, "missing", "file"));
    expect([child?.exitCode, output]).toEqual([
      1,
      expect.stringMatching(`^ferrule: ${option}: cannot write to .* no such file or directory \\(ENOENT\\)`),
    ]);
  });

  test.each(["--pcap", "--record"])("%s to a full disk ends the file, not the service", async (option) => {
    const url = await serve(option, "/dev/full");
    expect(await bytesOf(`${url}/bytes/1000000`)).toBe(1_000_000);
    expect(await stop()).toBe(0);
    expect(output.match(/^ferrule: --\w+ ends: .*ENOSPC.* Everything else goes on\.$/gm)?.length).toBe(1);
  });
});
