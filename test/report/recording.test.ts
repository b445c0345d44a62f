// A test that fails leaves a recording that replays; one that passes leaves nothing.

import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createCore } from "../../host/core.js";
import { configOf, replayHere, wasm } from "../record/support.js";
import { beginTest, endTest, LIMIT_BYTES, recorded } from "./recording.js";
import { root } from "./tools.js";

const FOLDER = join(root, "build/recordings");
const PREFIX = "test-report-failing-fixture-ts-";

/** How long vitest may take for four tests, in milliseconds. */
const PATIENCE_MS = 60_000;

const ours = () => (existsSync(FOLDER) ? readdirSync(FOLDER).filter((name) => name.startsWith(PREFIX)) : []);
const remove = () => {
  for (const name of ours()) rmSync(join(FOLDER, name));
};
beforeAll(remove);
afterAll(remove);

test("of four tests the two that fail and have cores", () => {
  const args = ["node_modules/vitest/vitest.mjs", "run", "--config", "test/report/fixture.config.ts"];
  const { stdout, status } = spawnSync(process.execPath, args, {
    cwd: root,
    encoding: "utf8",
    timeout: PATIENCE_MS,
    env: { ...process.env, NO_COLOR: "1", FORCE_COLOR: "0" },
  });
  expect(stdout).toMatch(/Tests +3 failed \| 1 passed \(4\)/);
  expect(status).toBe(1);
  expect(ours().sort()).toEqual([
    `${PREFIX}a-script-that-fails.pcapng`,
    `${PREFIX}hosts-this-one-fails-of-course.pcapng`,
  ]);
  for (const name of ours()) {
    expect(stdout).toContain(`it is recorded: node build/host/cli.js replay build/recordings/${name} --dump`);
    const result = replayHere(readFileSync(join(FOLDER, name)));
    expect(result).toMatchObject({ difference: undefined, damages: [], ending: { kind: "end" } });
    expect(result.calls).toBeGreaterThan(20);
    expect(result.frames).toBeGreaterThan(4);
  }
});

test("what is kept in memory has a limit", () => {
  const path = join(FOLDER, `${PREFIX}limit.pcapng`);
  // This test's own recording ends here.
  endTest(undefined);
  beginTest();
  const core = createCore(wasm, configOf(1), { engine: recorded() });
  const frame = new Uint8Array(1514);
  for (let count = 0; count < LIMIT_BYTES / frame.length; count++) core.input(frame, 0);
  const told = endTest(path);
  expect(told).toContain("its first 32 MB are recorded");
  const { size } = { size: readFileSync(path).length };
  expect(size).toBeGreaterThanOrEqual(LIMIT_BYTES);
  expect(size).toBeLessThan(LIMIT_BYTES + 10_000);
  expect(replayHere(readFileSync(path))).toMatchObject({ ending: { kind: "end", reason: 1 }, damages: [] });
});
