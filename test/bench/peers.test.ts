// The other stacks of the benchmarks do the work, all of it, and work that is done wrongly is noticed.

import { execFile } from "node:child_process";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { missingTools, root } from "../report/tools.js";

interface Source {
  readonly file: string;
  readonly options: readonly string[];
}

const load = async (name: string) =>
  await import(/* @vite-ignore */ pathToFileURL(`${root}scripts/bench/${name}.mjs`).href);
const { PEERS, LWIP_OPTIONS } = (await load("peers")) as {
  PEERS: Record<string, { tools: readonly string[]; build: () => string }>;
  LWIP_OPTIONS: readonly string[];
};
const { buildPeer } = (await load("build")) as {
  buildPeer: (name: string, sources: readonly Source[], libraries: readonly string[]) => string;
};

const run = promisify(execFile);
const WORKS = ["RX", "TX", "RR", "CONN", "TICK4", "TICK16"];

describe.each(Object.entries(PEERS))("%s", (_name, { tools, build }) => {
  const reason = missingTools(...tools);
  let program: string;
  beforeAll(() => {
    if (!reason) program = build();
  });

  beforeEach((context) => {
    if (reason) context.skip(reason);
  });

  test.each(WORKS)("does %s", async (work) => {
    const { stdout } = await run(program, [work, "20"], { timeout: 20_000 });
    expect(stdout).toMatch(new RegExp(`^${work} 20 0 0$`, "m"));
    expect(stdout).toMatch(/^done$/m);
  });
});

describe.skipIf(missingTools("gcc", "lwip"))("work over a wire that damages frames", () => {
  let program: string;
  beforeAll(() => {
    const stack = join(root, "bench/lwip/stack_lwip.c");
    const damage = join(root, "test/bench/damage.c");
    const sources = [
      { file: stack, options: [...LWIP_OPTIONS, "-Dhook_send=damaged_send"] },
      { file: damage, options: [] },
    ];
    program = buildPeer("lwip-damaged", sources, ["-llwip"]);
  });

  test.each(["TX", "RR"])("%s fails", async (work) => {
    const failed = run(program, [work, "20"], { timeout: 20_000 });
    await expect(failed).rejects.toMatchObject({ code: 1, stdout: expect.stringMatching(/^failed: /m) });
  });
});
