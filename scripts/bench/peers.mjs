// The stacks that Ferrule is compared with, on the very same work: lwIP and smoltcp.

import { join } from "node:path";
import { root } from "../support.mjs";
import { buildPeer, FOLDER, mustRun } from "./build.mjs";

/** Name -> the tools that it takes, as of scripts/support.mjs, and how its program is built: returns the path. */
export const PEERS = {
  "lwIP, Debian's library as it is": { tools: ["gcc", "lwip"], build: () => buildLwip("lwip", []) },
  "lwIP, with a port's checksum and no locks": {
    tools: ["gcc", "lwip"],
    build: () => buildLwip("lwip-ported", ["-DBENCH_PORTED"]),
  },
  smoltcp: { tools: ["gcc", "cargo"], build: buildSmoltcp },
};

/** What the compiler wants for the headers of Debian's liblwip-dev. */
export const LWIP_OPTIONS = ["-D_POSIX_C_SOURCE=200809L", "-isystem", "/usr/include/lwip"];

function buildLwip(name, options) {
  const file = join(root, "bench/lwip/stack_lwip.c");
  return buildPeer(name, [{ file, options: [...LWIP_OPTIONS, ...options] }], ["-llwip"]);
}

/** Cargo.toml pins all versions. */
function buildSmoltcp() {
  const target = join(FOLDER, "smoltcp-cargo");
  const manifest = join(root, "bench/smoltcp/Cargo.toml");
  const args = ["build", "--release", "--quiet", "--manifest-path", manifest];
  mustRun("cargo", [...args, "--target-dir", target]);
  const library = join(target, "release/libstack_smoltcp.a");
  return buildPeer("smoltcp", [], [library, "-lpthread", "-ldl", "-lm"]);
}
