// Stories and captures for the tests of the demos, and what tshark prints of them.

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { writeCapture } from "../../host/demo/capture.js";
import { Stage } from "../../host/demo/stage.js";
import { STORIES } from "../../host/demo/stories.js";
import type { Outcome, Story } from "../../host/demo/story.js";
import { type FrameLine, type Line, tableOf } from "../../host/demo/table.js";
import type { EngineFactory } from "../../host/engines/engine.js";
import { createV8Engine } from "../../host/engines/v8.js";
import { PcapngWriter } from "../../host/pcapng/writer.js";

const BUILD = new URL("../../build/", import.meta.url);
const layout = JSON.parse(readFileSync(new URL("layout.json", BUILD), "utf8"));

export interface Played {
  readonly stage: Stage;
  readonly outcome: Outcome;
  readonly lines: readonly Line[];
  /** The capture. */
  readonly pcapng: Buffer;
}

/** Plays a story. */
export function play(
  name: string,
  seed = new Uint8Array(32),
  engine: EngineFactory = createV8Engine,
): Played {
  const story = STORIES[name] as Story;
  const wasm = readFileSync(new URL(`${story.module ?? "core"}.wasm`, BUILD));
  const stage = new Stage({ wasm, layout, engine, seed });
  const outcome = story.play(stage);
  const parts: Buffer[] = [];
  writeCapture(stage, (bytes) => parts.push(Buffer.from(bytes)));
  return { stage, outcome, lines: tableOf(stage, outcome), pcapng: Buffer.concat(parts) };
}

/** The lines that are of frames. */
export function frameLines(lines: readonly Line[]): FrameLine[] {
  return lines.filter((line): line is FrameLine => "text" in line);
}

/** What `tshark -r FILE` prints, a line per frame. */
export function tsharkLines(pcapng: Uint8Array, ...options: string[]): string[] {
  const folder = mkdtempSync(join(tmpdir(), "ferrule-demo-"));
  try {
    const file = join(folder, "capture.pcapng");
    writeFileSync(file, pcapng);
    // Preferences of whoever runs the tests must not count.
    const env = { ...process.env, HOME: folder, XDG_CONFIG_HOME: folder, LC_ALL: "C.UTF-8" };
    const stdio: ["ignore", "pipe", "ignore"] = ["ignore", "pipe", "ignore"];
    const text = execFileSync("tshark", ["-r", file, ...options], { encoding: "utf8", env, stdio });
    return text.split("\n").slice(0, -1);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** A capture of frames, with the milliseconds at which they came. */
export function captureOf(frames: readonly (readonly [number, Uint8Array])[]): Buffer {
  const parts: Buffer[] = [];
  const writer = new PcapngWriter((bytes) => parts.push(Buffer.from(bytes)));
  const wire = writer.addInterface({ name: "wire" });
  for (const [timeMs, frame] of frames) writer.packet({ interface: wire, timeMs, frame });
  writer.close();
  return Buffer.concat(parts);
}
