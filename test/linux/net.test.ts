// ferrule_net.h: threads that share a device, with calls that block. On both engines, under sanitizers, and with a core that
// traps.

import { execFile } from "node:child_process";
import { mkdirSync } from "node:fs";
import { promisify } from "node:util";
import { beforeAll, describe, expect, test } from "vitest";
import { writeTrappingModule } from "../../scripts/boards/trapping.mjs";
import { missingTools, root } from "../report/tools.js";

/** As good as the core, but for frames with "TRAP" in a certain place. */
const TRAPPING = `${root}build/linux/trapping-standard.wasm`;
const CORE = `${root}build/core.wasm`;

const TCP = ["streams", "accepting", "timeouts", "asking", "endings", "waiting", "stopping"];
const SERVICES = ["datagrams", "names", "dhcp"];

/** Building takes its time. */
const PATIENCE_MS = 240_000;

const SANITIZERS = {
  "AddressSanitizer and UndefinedBehaviorSanitizer": "--sanitize",
  ThreadSanitizer: "--sanitize-threads",
} as const;

async function build(...args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, ["scripts/linux.mjs", ...args], {
    cwd: root,
  });
  return stdout.trim().split("\n").at(-1) as string;
}

/** What the program says between the engine's name and "done". A sanitizer's complaint ends it with a status. */
async function groups(program: string, ...args: string[]): Promise<string[]> {
  const { stdout, stderr } = await promisify(execFile)(program, args);
  expect(stderr).toBe("");
  const lines = stdout.trim().split("\n");
  expect(lines[0]).toMatch(/^wasm(3|2c) /);
  expect(lines.at(-1)).toBe("done");
  return lines.slice(1, -1);
}

describe.skipIf(missingTools("gcc", "wasm3"))("ferrule_net.h", () => {
  beforeAll(async () => {
    mkdirSync(`${root}build/linux`, { recursive: true });
    await writeTrappingModule(TRAPPING, "standard");
  });

  // Each builds in a folder of its own, and then mostly waits.
  describe.concurrent.each(Object.entries(SANITIZERS))("under %s", (_, option) => {
    test(
      "ahead of time: streams, time-outs, endings, services, traps",
      async () => {
        const program = await build("aot", "--program", "net", option, "--module", TRAPPING);
        const runs = await Promise.all([groups(program), groups(program, "trap")]);
        expect(runs).toEqual([[...TCP, ...SERVICES], ["traps"]]);
      },
      PATIENCE_MS,
    );

    test(
      "on wasm3: the same, and without services",
      async () => {
        const program = await build("wasm3", "--program", "net", option);
        const runs = await Promise.all([
          groups(program, TRAPPING),
          groups(program, CORE),
          groups(program, "trap", TRAPPING),
        ]);
        expect(runs).toEqual([[...TCP, ...SERVICES], [...TCP, "no services"], ["traps"]]);
      },
      PATIENCE_MS,
    );
  });
});
