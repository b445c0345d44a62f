// `ferrule demo` as a process of its own, as it was built.

import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import { STORIES } from "../../host/demo/stories.js";
import { formatTable } from "../../host/demo/table.js";
import { missingTools } from "../report/tools.js";
import { play } from "./support.js";

const CLI = fileURLToPath(new URL("../../build/host/cli.js", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "ferrule-demo-"));
afterAll(() => rmSync(folder, { recursive: true }));

function demo(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [CLI, "demo", ...args], {
    encoding: "utf8",
  });
  return { status, stdout, stderr };
}

describe("ferrule demo", () => {
  test.each(Object.keys(STORIES))("%s prints the table and writes the capture", (name) => {
    const { outcome, lines, pcapng } = play(name);
    const file = join(folder, `${name}.pcapng`);
    const { status, stdout, stderr } = demo(name, "--pcap", file);
    expect([status, stderr]).toEqual([0, ""]);
    expect(stdout).toContain(`\n\n${formatTable(lines, outcome)}\n\n${outcome.result}\n`);
    expect(stdout).toContain(`\n\n${play(name).stage.passages.length} frames in ${file}\n`);
    expect(readFileSync(file).equals(pcapng)).toBe(true);
    // As other captures.
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  test("takes a seed", () => {
    const seed = "5a".repeat(32);
    const { outcome, lines } = play("close", Buffer.from(seed, "hex"));
    expect(demo("close", "--seed", seed).stdout).toContain(formatTable(lines, outcome));
  });

  test.for([
    ["wasm3", ["gcc", "wasm3"]],
    ["aot", ["gcc"]],
  ] as const)("runs on %s", ([engine, needed], { skip }) => {
    const reason = missingTools(...needed);
    if (reason) skip(reason);
    for (const story of ["half-close", "handshake"])
      expect(demo(story, "--engine", engine)).toEqual(demo(story));
  });

  test.each([
    [[], "which story? handshake, close, abort, "],
    [["sleep"], 'there is no story "sleep": give handshake, close, abort, '],
    [["constructor"], 'there is no story "constructor"'],
    [["close", "abort"], '"abort" is one argument too many\nTry: ferrule help demo'],
    [["close", "--seed", "12"], "--seed needs 64 hex digits"],
    [["close", "--seeds", "12"], "Unknown option '--seeds'"],
    [["close", "--engine", "v9"], "--engine v9 is not known: give v8, wasm3, aot"],
    [["handshake", "--dhcp"], "--dhcp needs an interface: give --tap NAME, too"],
    [["close", "--url", "http://10.0.0.1/"], "--url needs an interface: give --tap NAME, too"],
    [["close", "--tap", "wire", "--url", "http://10.0.0.1/"], "--tap is for handshake"],
    [["handshake", "--tap", "wire"], "which page? Give --url http://NAME/"],
    [["handshake", "--tap", "wire", "--url", "http://10.0.0.1:8000/"], "give an http URL of port 80"],
    [["handshake", "--tap", "wire", "--url", "https://10.0.0.1/"], "give an http URL of port 80"],
    [["handshake", "--tap", "wire", "--url", "http://web.test/"], "web.test is a name: say who knows it"],
    [["close", "--pcap"], "'--pcap <value>' argument missing"],
  ])("does not understand %j", (args, message) => {
    const { status, stdout, stderr } = demo(...args);
    expect([status, stdout]).toEqual([2, ""]);
    expect(stderr).toContain(message);
    expect(stderr).not.toContain("    at ");
  });

  test("says that a capture cannot be written, before it plays", () => {
    const { status, stdout, stderr } = demo("close", "--pcap", join(folder, "nowhere", "close.pcapng"));
    expect([status, stdout]).toEqual([1, ""]);
    expect(stderr).toMatch(/^ferrule: --pcap: cannot write to .*close\.pcapng/);
  });
});
