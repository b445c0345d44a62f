// RAM of the whole firmware, as the board itself tells it after it has served a little.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { buildFirmware } from "../firmware.mjs";
import { root } from "../support.mjs";

/** What is fetched before the stack is looked at: all that an application does. */
const BYTES = 20_000;

/** How long a board may take for an answer, in milliseconds. */
const PATIENCE_MS = 60_000;

/** What /info says of the memory of firmware with so many connections, and bytes of each of their rings. */
export async function measureRam(board, engine, connections, ringBytes) {
  const { BoardService } = await import(join(root, "build/host/board_service.js"));
  const defines = [`FIRMWARE_CONNECTIONS=${connections}`, `FIRMWARE_RING_BYTES=${ringBytes}`];
  const { image, problem } = buildFirmware(board, engine, { defines });
  if (problem) throw new Error(problem);
  const service = await BoardService.start({
    board,
    image,
    connections,
    reach: { kind: "gateway", address: "127.0.0.1", port: 0, echoPort: 0 },
    wasm: readFileSync(join(root, "build/core.wasm")),
    seed: new Uint8Array(32),
  });
  const ask = async (path, options = {}) => {
    const signal = AbortSignal.timeout(PATIENCE_MS);
    const answer = await fetch(`http://127.0.0.1:${service.ports.http}${path}`, { ...options, signal });
    return await answer.text();
  };
  try {
    await ask(`/bytes/${BYTES}`);
    await ask("/echo", { method: "POST", body: "x".repeat(BYTES) });
    return JSON.parse(await ask("/info"));
  } finally {
    await service.stop();
  }
}
