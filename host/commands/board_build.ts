// Builds a board's firmware for commands that run one.

import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Advice } from "../advice.js";
import type { BoardName } from "../emulator/boards.js";

/** How long a build may take, in milliseconds: with it comes the download of wasm3's sources. */
const BUILD_MS = 10 * 60_000;

/** Engines that firmware has. */
export const BOARD_ENGINES = ["wasm3", "aot"] as const;

export type BoardEngine = (typeof BOARD_ENGINES)[number];

/**
 * The path of the board's image, built when it is not there or stale. `defines`: NAME=VALUE for its C. `dhcp`: its address
 * comes by DHCP, which takes the standard build of the core. Throws Advice when it
 * cannot be built, with what to install.
 */
export function builtFirmware(
  board: BoardName,
  engine: BoardEngine,
  defines: readonly string[],
  dhcp = false,
): string {
  const script = fileURLToPath(new URL("../../../scripts/firmware.mjs", import.meta.url));
  if (!existsSync(script))
    throw new Advice(
      "--board builds firmware from the project's sources, which are not here: use a checkout of it",
    );
  const all = [...(dhcp ? ["FIRMWARE_DHCP=1"] : []), ...defines];
  const module = fileURLToPath(new URL(`../../${dhcp ? "standard" : "core"}.wasm`, import.meta.url));
  const options = ["--module", module, ...all.flatMap((define) => ["--define", define])];
  const { status, stdout, stderr, error } = spawnSync(process.execPath, [script, board, engine, ...options], {
    stdio: ["ignore", "pipe", "pipe"],
    encoding: "utf8",
    timeout: BUILD_MS,
  });
  const lines = (stdout ?? "").trimEnd().split("\n");
  const image = lines.pop();
  for (const line of lines) console.log(line);
  if (status === 0 && image) return image;
  throw new Advice(`--board ${board} could not be built.\n${(error?.message ?? stderr).trim()}`);
}
