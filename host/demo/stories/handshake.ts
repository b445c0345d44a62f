// The reference capture: the whole life of a TCP client, from the name of a server to TIME-WAIT.

import { SocketKind } from "../../abi.js";
import { answerQuery } from "../dns_answer.js";
import { connectByName, openDatagram, openQuery, queryAddress, receiveFrom, sendTo } from "../services.js";
import type { Host, Stage } from "../stage.js";
import { MOMENT, type Story } from "../story.js";

const NAME = "www.example.com";
const HTTP_PORT = 80;
const DNS_PORT = 53;

/** How long the resolver says that its answer may be kept, in seconds. */
const TTL = 300;

/** Longest datagram that the resolver takes and sends, several times. */
const QUEUE_BYTES = 2048;

/** How long the server takes to answer, in milliseconds. */
const THINKING_MS = 20;

/** A page that takes three segments. */
const LINES = 80;

export const handshake: Story = {
  summary: "the reference capture: a name, a handshake, a page, the end",
  module: "standard",
  about: `The device looks up ${NAME} at its resolver, over UDP, and connects to the address that it is told, from a port and
with a sequence number that nobody can guess. It sends a request, reads the page that is the answer, and closes: who closes
first waits in TIME-WAIT.`,
  play(stage) {
    const device = stage.host("device", 2, { dnsServers: ["10.0.0.3"], queries: 1, cacheEntries: 4 });
    const server = stage.host("server", 1);
    startResolver(stage, server.address);
    server.listen(HTTP_PORT);
    stage.note(`device: looks up ${NAME}, to connect to its port ${HTTP_PORT}`);
    const query = device.act((core) => openQuery(core, NAME));
    const near = device.open((core) => {
      const handle = core.open(SocketKind.STREAM);
      connectByName(core, handle, query, HTTP_PORT);
      return handle;
    });
    stage.pass(MOMENT);
    device.act((core) => core.close(query));
    const far = server.lastAccepted;
    stage.note("device: sends its request");
    near.write(`GET / HTTP/1.1\r\nHost: ${NAME}\r\nUser-Agent: Ferrule\r\n\r\n`);
    stage.pass(THINKING_MS);
    stage.note(`server: has read ${far.received.length} octets, and answers`);
    far.write(page());
    stage.pass(MOMENT);
    stage.note(`device: has read ${near.received.length} octets, and closes`);
    near.close();
    stage.pass(MOMENT);
    stage.note("server: closes");
    far.close();
    stage.pass(MOMENT);
    stage.note(`device: looks up ${NAME} again, and knows without asking: ${lookUpAgain(device)}`);
    const isWhole = near.received === page();
    return {
      ends: [device, server],
      result: `The page came ${isWhole ? "as it was sent" : "otherwise than it was sent"}. Its server's address may be kept for ${TTL} s.`,
    };
  },
};

/** What the cache has of the name. */
function lookUpAgain(device: Host): string | undefined {
  return device.act((core) => {
    const query = openQuery(core, NAME);
    const address = queryAddress(core, query);
    core.close(query);
    return address;
  });
}

function page(): string {
  const lines = Array.from(
    { length: LINES },
    (_, index) => `<p>Line ${index + 1} of a page that takes a few segments.</p>`,
  );
  const body = `<!doctype html>\n<title>Ferrule</title>\n${lines.join("\n")}\n`;
  return `HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
}

/** A host that answers every question with the same address. */
function startResolver(stage: Stage, address: string): Host {
  const resolver = stage.host("resolver", 3, { datagramSockets: 1, datagramQueueBytes: QUEUE_BYTES });
  const socket = resolver.act((core) => openDatagram(core, { address: resolver.address, port: DNS_PORT }));
  resolver.onEvents(socket, (core) => {
    for (let query = receiveFrom(core, socket); query; query = receiveFrom(core, socket))
      sendTo(core, socket, query.from, answerQuery(query.data, address, TTL));
  });
  return resolver;
}
