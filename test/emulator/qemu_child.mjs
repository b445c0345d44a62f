// A process of its own that runs a board in QEMU, for tests of what becomes of QEMU, and of a TAP interface in a namespace:
//
//     node test/emulator/qemu_child.mjs BOARD IMAGE wait          says "pid N", QEMU's, and goes on until it is killed
//     node test/emulator/qemu_child.mjs BOARD IMAGE killed        says "pid N", and is killed as soon as it has started a process
//     node test/emulator/qemu_child.mjs BOARD IMAGE INTERFACE     says the SHA-256 of what the board serves there
//
// Uses what setup has built of the host.

import childProcess from "node:child_process";
import { createHash } from "node:crypto";
import { writeSync } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { argv } from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { runQemu } from "../../build/host/emulator/qemu.js";
import { Wire } from "../../build/host/link/wire.js";

const URL = "http://10.0.2.15/bytes/100000";

/** How long the board may take to come up, in milliseconds. */
const BOOT_MS = 10_000;

const [, , name, image, mode] = argv;
const network =
  mode === "wait" || mode === "killed"
    ? { kind: "link", link: new Wire().port() }
    : { kind: "tap", name: mode };
if (mode === "killed") {
  const { spawn } = childProcess;
  childProcess.spawn = (...args) => {
    writeSync(1, `pid ${spawn(...args).pid}`);
    process.kill(process.pid, "SIGKILL");
  };
  syncBuiltinESMExports();
}
let text = "";
const board = await runQemu(name, {
  image,
  network,
  time: "real",
  onConsole: (more) => {
    text += more;
  },
});
if (mode === "wait") {
  console.log(`pid ${board.pid}`);
} else {
  try {
    for (let waited = 0; !text.includes("link up") && waited < BOOT_MS; waited += 10) await sleep(10);
    const answer = await fetch(URL, { signal: AbortSignal.timeout(BOOT_MS) });
    const body = new Uint8Array(await answer.arrayBuffer());
    console.log(createHash("sha256").update(body).digest("hex"));
  } finally {
    await board.stop();
  }
}
