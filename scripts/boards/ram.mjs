// RAM of the whole firmware, as the board itself tells it after it has served a little.

import { createSocket } from "node:dgram";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { buildFirmware } from "../firmware.mjs";
import { root } from "../support.mjs";

/**
 * Frames that the network device has room for, where a board can do with fewer than it has otherwise. Three in a row are nothing
 * special: what there is no room for is lost, and comes again after a second.
 */
const LEAST_BUFFERS = { "qemu-xtensa": ["OPENETH_RECEIVE_BUFFERS=2", "OPENETH_SEND_BUFFERS=1"] };

/** What is fetched before the stack is looked at: all that an application does. */
const BYTES = 20_000;

/** For documentation. */
const ADDRESS = "203.0.113.7";

/** How long a board may take for an answer, in milliseconds. */
const PATIENCE_MS = 60_000;

/**
 * What /info says of the memory of firmware with so many connections, and bytes of each of their rings. `dhcp`: on the standard
 * build of the core, with an address that was leased, and after a name was looked up.
 */
export async function measureRam(board, engine, { connections, ringBytes, dhcp = false }) {
  const { BoardService } = await import(join(root, "build/host/board_service.js"));
  const module = join(root, `build/${dhcp ? "standard" : "core"}.wasm`);
  const defines = [
    ...(LEAST_BUFFERS[board] ?? []),
    ...(dhcp ? ["FIRMWARE_DHCP=1"] : []),
    ...[`FIRMWARE_CONNECTIONS=${connections}`, `FIRMWARE_RING_BYTES=${ringBytes}`],
  ];
  const { image, problem } = buildFirmware(board, engine, { module, defines });
  if (problem) throw new Error(problem);
  const names = dhcp ? await startNameServer() : undefined;
  const service = await BoardService.start({
    board,
    image,
    connections,
    reach: { kind: "gateway", address: "127.0.0.1", port: 0, echoPort: 0 },
    wasm: readFileSync(module),
    ...(names && { dhcp: { nameServer: names.address() } }),
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
    if (dhcp) {
      const found = await ask("/resolve/ram.test");
      if (!found.includes(ADDRESS)) throw new Error(`${board} does not find a name: ${found}`);
    }
    return JSON.parse(await ask("/info"));
  } finally {
    await service.stop();
    names?.close();
  }
}

/** A name server that says the same of every name. */
async function startNameServer() {
  const { answerQuery } = await import(join(root, "build/host/demo/dns_answer.js"));
  const socket = createSocket("udp4");
  socket.on("message", (query, { port, address }) =>
    socket.send(answerQuery(query, ADDRESS, 60), port, address),
  );
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  return socket;
}
