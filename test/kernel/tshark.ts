// Wireshark's opinion of a capture.

import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect } from "vitest";
import { KERNEL } from "./device.js";

/** Longest run of tshark, in milliseconds. */
const PATIENCE_MS = 120_000;

const CHECKSUMS = ["ip", "tcp", "udp"].flatMap((name) => ["-o", `${name}.check_checksum:TRUE`]);

/** Runs tshark on `file`: the lines that it prints, and what it complains of. */
export async function tshark(file: string, ...args: string[]): Promise<{ lines: string[]; stderr: string }> {
  const options = { timeout: PATIENCE_MS, maxBuffer: 1 << 28 };
  const { stdout, stderr } = await promisify(execFile)(
    "tshark",
    ["-n", "-r", file, ...CHECKSUMS, ...args],
    options,
  );
  // It always says that root should not run it.
  const complaints = stderr.split("\n").filter((line) => line !== "" && !line.startsWith("Running as user"));
  return { lines: stdout.split("\n").filter((line) => line !== ""), stderr: complaints.join("\n") };
}

/** What a clean capture has none of: Wireshark's filters, by what they find. */
const BLEMISHES: Readonly<Record<string, string>> = {
  malformed: "_ws.malformed",
  "bad IP checksum": 'ip.checksum.status == "Bad"',
  // Linux writes a sum of 0 as 0xffff (skb_checksum_help), which Wireshark calls bad. Ours must not.
  "bad TCP checksum": `tcp.checksum.status == "Bad" && !(tcp.checksum == 0xffff && ip.src == ${KERNEL})`,
  "bad ICMP checksum": 'icmp.checksum.status == "Bad"',
  retransmission: "tcp.analysis.retransmission || tcp.analysis.spurious_retransmission",
  "lost segment": "tcp.analysis.lost_segment || tcp.analysis.ack_lost_segment",
  "duplicate ACK": "tcp.analysis.duplicate_ack",
  reset: "tcp.flags.reset == 1",
};

/** Asserts that tshark reads the capture without a complaint and finds nothing wrong in its packets. */
export async function expectClean(file: string): Promise<void> {
  const filter = Object.values(BLEMISHES)
    .map((each) => `(${each})`)
    .join(" || ");
  const { lines, stderr } = await tshark(file, "-Y", filter);
  expect(stderr).toBe("");
  expect(lines.slice(0, 20)).toEqual([]);
}
