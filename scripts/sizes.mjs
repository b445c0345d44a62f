// What each service costs in bytes of Wasm: `npm run sizes`. Builds the module with UDP alone, and with each service beside it;
// a service's size is the difference, and so what is shared counts once.

import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { root, runScript } from "./support.mjs";

/** Services that can be left out, by their bits in FERRULE_WITHOUT (assembly/config.ts). */
export const SERVICES = { dhcp: 1, dns: 2, reassembly: 4, multicast: 8 };

/** Most bytes of Wasm. UDP's has all that the standard build needs beside the core, too. */
const LIMITS = { udp: 4032, dhcp: 3584, dns: 3584, reassembly: 1536, multicast: 1024 };

const ALL = Object.values(SERVICES).reduce((sum, bit) => sum | bit);

/** Bytes of the module of a target of asconfig.json, with what `without` leaves out. Throws what the compiler says. */
export function moduleBytes(target, without = 0) {
  const folder = mkdtempSync(join(tmpdir(), "ferrule-size-"));
  try {
    const named = join(folder, "named.wasm");
    const small = join(folder, "small.wasm");
    const use = target === "core" ? [] : ["--use", "FERRULE_BUILD=1", "--use", `FERRULE_WITHOUT=${without}`];
    const asc = ["--config", "asconfig.json", "--target", target, "--transform", "./scripts/inline.mjs"];
    const options = { timeoutMs: 300_000 };
    must(runScript("assemblyscript/bin/asc.js", [...asc, ...use, "--outFile", named], options), "asc");
    must(
      runScript("binaryen/bin/wasm-opt", ["-Os", "--enable-bulk-memory", named, "-o", small], options),
      "wasm-opt",
    );
    return statSync(small).size;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Bytes of Wasm of the core, of each service, and of all together. */
export function serviceSizes() {
  const core = moduleBytes("core");
  const udp = moduleBytes("standard", ALL);
  const rows = { core, udp: udp - core };
  for (const [name, bit] of Object.entries(SERVICES)) rows[name] = moduleBytes("standard", ALL & ~bit) - udp;
  return { ...rows, standard: moduleBytes("standard") };
}

function must({ ok, output, problem }, what) {
  if (!ok) throw new Error(`${what} failed (${problem}):\n${output}`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  process.chdir(root);
  for (const [name, bytes] of Object.entries(serviceSizes())) {
    const limit = LIMITS[name] ?? Number.POSITIVE_INFINITY;
    console.log(`${String(bytes).padStart(7)}  ${name}${bytes > limit ? `: above its limit, ${limit}` : ""}`);
    if (bytes > limit) process.exitCode = 1;
  }
}
