// The device behind a TAP interface, as the `ferrule` command that was built runs it; and what the tests ask of it.

import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { expect } from "vitest";
import type { Info } from "../../host/apps/info.js";
import { ENGINE, ENGINE_PROOF } from "../report/engine.js";
import { root } from "../report/tools.js";
import type { Namespace, Running } from "./namespace.js";

export const DEVICE = "10.0.0.2";
export const KERNEL = "10.0.0.1";

const CLI = "build/host/cli.js";

/** How long something may take to come true, in milliseconds; reaching it is a failure. */
const PATIENCE_MS = 30_000;

/** Starts the device in `network`, on the project's engine; it is up afterwards. */
export async function startDevice(network: Namespace, ...options: string[]): Promise<Running> {
  const engine = ["--engine", ENGINE];
  const device = network.start(process.execPath, [CLI, "serve", "--link", "tap", ...engine, ...options]);
  await device.says("Ctrl-C stops it");
  return device;
}

/**
 * Lets the kernel wait longer before it sends anything again: 2 s, and no tail loss probe. The device is a process like
 * others, which may not run for some milliseconds; a capture then shows repeated segments that nobody lost. And its queue
 * towards the device holds what 1,000 connections send at once.
 */
export async function makeKernelPatient(network: Namespace): Promise<void> {
  await network.runWell("sh", ["-c", "echo 0 > /proc/sys/net/ipv4/tcp_early_retrans"]);
  const route = ["route", "change", "10.0.0.0/24", "dev", "ferrule0", "src", KERNEL, "rto_min", "2s"];
  await network.runWell("ip", route);
  await network.runWell("ip", ["link", "set", "ferrule0", "txqueuelen", "10000"]);
}

/** Stops the device, which must have its records back, and returns what it said. */
export async function stopDevice(device: Running): Promise<string> {
  expect(await device.interrupt(), device.output()).toBe(0);
  expect(device.output()).toContain("all connection records were returned");
  return device.output();
}

/** Runs `ferrule get`. */
export async function ferruleGet(network: Namespace, ...args: string[]) {
  const get = [CLI, "get", "--engine", ENGINE, ...args];
  const { code, stdout, stderr } = await network.run(process.execPath, get);
  if (code === 0) expect(stdout.toString()).toMatch(new RegExp(`, on ${ENGINE_PROOF.source.slice(1)}`));
  return { code, output: `${stdout}${stderr}` };
}

/** Runs `ferrule` outside of any namespace. */
export async function ferrule(...args: string[]): Promise<{ code: number | null; output: string }> {
  const child = spawn(process.execPath, [CLI, ...args], { cwd: root });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (text) => (output += text));
  const [code] = (await once(child, "close")) as [number | null];
  return { code, output };
}

/** What the device tells of itself. */
export async function info(network: Namespace, address: string = DEVICE): Promise<Info> {
  return JSON.parse((await network.runWell("curl", ["-s", "-m", "20", `http://${address}/info`])).toString());
}

/** Asks the device about itself until `done`; the connection that asks is counted, too. */
export async function untilInfo(network: Namespace, done: (info: Info) => boolean): Promise<Info> {
  const limit = performance.now() + PATIENCE_MS;
  for (;;) {
    const now = await info(network);
    if (done(now)) return now;
    if (performance.now() > limit) expect.fail(`not in ${PATIENCE_MS} ms: ${done}\n${JSON.stringify(now)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** SHA-256 in hex. */
export function sha256(data: Uint8Array): string {
  return createHash("sha256").update(data).digest("hex");
}
