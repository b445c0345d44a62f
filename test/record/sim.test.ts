// The simulator's recordings: on request, and of a seed that fails.

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test, vi } from "vitest";
import { recordAgain, simulate } from "../../host/sim/command.js";
import { runSeed } from "../../host/sim/world.js";
import { simSetting, wrapped } from "../sim/setting.js";
import { replayHere, wasm } from "./support.js";

const folder = mkdtempSync(join(tmpdir(), "ferrule-sim-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** Runs `npm run sim` with these arguments; its exit code, and what it printed. */
async function sim(...args: string[]): Promise<{ code: number; text: string }> {
  const { layout } = await simSetting();
  const lines: string[] = [];
  const print = (line: string) => void lines.push(line);
  const spies = [
    vi.spyOn(console, "log").mockImplementation(print),
    vi.spyOn(console, "error").mockImplementation(print),
  ];
  try {
    const inputs = { wasm, layout, seedFolder: folder, recordingFolder: folder };
    return { code: simulate(args, inputs), text: lines.join("\n") };
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
}

test("--record FILE records the one seed", async () => {
  const path = join(folder, "on-request.pcapng");
  expect(await sim("--seeds", "1", "--seed", "5", "--record", path)).toMatchObject({ code: 0 });
  const result = replayHere(readFileSync(path));
  expect(result).toMatchObject({ difference: undefined, damages: [], ending: { kind: "end" } });
  expect(result.frames).toBeGreaterThan(20);
  expect(await sim("--seeds", "1", "--record", join(folder, "no/folder"))).toMatchObject({
    code: 1,
    text: expect.stringMatching(/^sim: cannot write to .*no such file or directory \(ENOENT\)$/),
  });
  const { code, text } = await sim("--record", path);
  expect([code, text.split("\n")[0]]).toEqual([2, "--record takes one seed: say --seeds 1"]);
});

test("a seed that fails leaves a recording, and its replay finds what was wrong with the core", async () => {
  // From its 20th frame on the first host's core is one that forgets a bit of the IPv4 header.
  let frames = 0;
  const setting = wrapped(await simSetting(), ({ exports, memory }, host) => ({
    output(now) {
      const length = exports.output(now);
      const slot = new DataView(memory.buffer).getUint32(exports.base() + 16, true);
      if (host === 0 && length > 0 && ++frames >= 20) memory[slot + 22] = (memory[slot + 22] as number) ^ 1;
      return length;
    },
  }));
  expect(runSeed(3, setting).failure?.what).toContain("checksum");
  frames = 0;
  const told = recordAgain(3, setting, {}, folder);
  expect(told).toMatch(
    /^recorded as .*sim-3\.pcapng; see it with: node build\/host\/cli\.js replay .*sim-3\.pcapng --dump$/,
  );
  const { difference, damages } = replayHere(readFileSync(join(folder, "sim-3.pcapng")));
  expect(damages).toEqual([]);
  expect(difference?.core).toBe("host 0");
  expect(difference?.lines[1]).toBe("the frame differs from octet 22 on");
});
