// What the tests of the RP2040 share.

import { execFile } from "node:child_process";
import { mkdirSync } from "node:fs";
import { basename, join } from "node:path";
import { promisify } from "node:util";
import type { SpiChip } from "../../host/chips/chip.js";
import type { Link } from "../../host/link/link.js";
import { BOARDS, type Board } from "../../scripts/firmware.mjs";
import { ownSources } from "../../scripts/runtime_sources.mjs";
import { root } from "../report/tools.js";

const execute = promisify(execFile);

/** Compiles rp2040_program.c with the port, `program` being its PROGRAM; returns the image's path. Throws what gcc says. */
export async function buildRp2040Program(program: string, ...defines: readonly string[]): Promise<string> {
  const folder = folderOf(program, defines);
  const port = portObjects.get(defines.join()) ?? compile(PORT.files, defines, folderOf("port", defines));
  portObjects.set(defines.join(), port);
  const own = await compile([PROGRAM], [...defines, `PROGRAM=${program}`], folder);
  const elf = join(folder, "firmware.elf");
  const objects = [...(await port), ...own];
  await execute(PORT.compiler, ["-O2", ...PORT.options, ...objects, ...PORT.link, "-o", elf], { cwd: root });
  const image = join(folder, "firmware.bin");
  await execute(PORT.objcopy as string, ["-O", "binary", elf, image]);
  return image;
}

const PORT = BOARDS["rp2040-w5500"] as Board;
const PROGRAM = "test/emulator/rp2040_program.c";

/** By the definitions they were compiled with. */
const portObjects = new Map<string, Promise<string[]>>();

const folderOf = (what: string, defines: readonly string[]) =>
  join(root, "build/firmware", ["rp2040-program", what, ...defines].join("-"));

/** Compiles files of the project into `folder`; returns the objects' paths. */
async function compile(
  files: readonly string[],
  defines: readonly string[],
  folder: string,
): Promise<string[]> {
  mkdirSync(folder, { recursive: true });
  const options = ["-O2", ...PORT.options, ...defines.map((define) => `-D${define}`)];
  const objects: string[] = [];
  for (const source of ownSources(files, ["boards/apps", PORT.folder])) {
    const object = join(folder, `${basename(source.file)}.o`);
    await execute(PORT.compiler, [...options, ...source.options, "-c", source.file, "-o", object]);
    objects.push(object);
  }
  return objects;
}

/** A chip that answers octet number N of a transaction with N's low octet times 7, and keeps what it was told. */
export class PatternChip implements SpiChip {
  interrupt = false;
  onInterrupt: () => void = () => {};
  readonly statistics = { received: 0, sent: 0, overruns: 0, filtered: 0, spiOctets: 0, transactions: 0 };
  /** Octets of each transaction. */
  readonly told: number[][] = [];

  select(active: boolean): void {
    if (active) this.told.push([]);
  }

  transfer(octet: number): number {
    const transaction = this.told.at(-1) ?? [];
    transaction.push(octet);
    return ((transaction.length - 1) * 7) & 0xff;
  }

  setInterrupt(active: boolean): void {
    if (this.interrupt === active) return;
    this.interrupt = active;
    this.onInterrupt();
  }

  reset(): void {}
  attach(_link: Link): void {}
  setCable(): void {}
  setPower(): void {}
}
