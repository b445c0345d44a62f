// A SYN flood: RFC 4987. SYNs from addresses that nobody has, while a real client connects.

import { Counter } from "../../abi.js";
import { encode, TcpFlag } from "../../packet/index.js";
import { Forger, type Host, type Stage } from "../stage.js";
import { MOMENT, PORT, type Story } from "../story.js";

/** Spoofed SYNs, one per millisecond. */
const SYNS = 300;

/** How many of them come before the client. */
const HEAD_START = 150;

/** Places in the server's SYN cache: it holds what comes within the 50 ms that an entry is safe, and a few more. */
const SYN_ENTRIES = 64;

/** So long the table shows all frames, in milliseconds: the first SYNs, and the first answers. */
const SHOWN_MS = 7;

export const synFlood: Story = {
  summary: "spoofed SYNs, and a client that gets through",
  about: `An attacker sends ${SYNS} SYNs, one per millisecond, from addresses that never answer. Each takes 32 octets in the server's SYN
cache, which has room for ${SYN_ENTRIES}, and no connection record. When it is full, the oldest that is older than 50 ms makes way. After
${HEAD_START} of them a client connects, sends, and is answered.`,
  play(stage) {
    const client = stage.host("client", 2);
    const server = stage.host("server", 1, { synEntries: SYN_ENTRIES, gateway: "10.0.0.254" });
    const attacker = stage.join(new Forger(stage, "attacker", "02:46:52:00:00:fe"));
    server.listen(PORT);
    stage.note(`attacker: ${SYNS} SYNs from now on`);
    for (let index = 0; index < SYNS; index++)
      stage.clock.after(index, () => attacker.send(spoofed(stage, server, index, attacker.mac)));
    stage.pass(HEAD_START);
    stage.note("client: connect()");
    const near = client.connect(server, PORT);
    stage.pass(MOMENT / 2);
    const far = server.lastAccepted;
    near.write("Can you hear me?");
    stage.pass(MOMENT / 5);
    far.write("Loud and clear.");
    stage.pass(MOMENT / 5);
    near.close();
    stage.pass(MOMENT / 5);
    far.close();
    stage.pass(2 * MOMENT);
    const count = (counter: Counter) => server.core.counter(counter);
    const { synUsed, connectionsUsed } = server.core.header();
    return {
      ends: [client, server],
      isLeftOut: ({ atMs, from, to }) => atMs > SHOWN_MS && from !== client && to !== client,
      result: `The client read "${near.received}". Of ${SYNS} spoofed SYNs ${count(Counter.TCP_SYN_EVICTED)} made way for others, and ${count(Counter.TCP_SYN_CACHE_FULL)} found no place; ${synUsed}
still wait, and will be given up. They took none of the server's connection records, of which ${connectionsUsed} are in use.`,
    };
  },
};

/** TEST-NET-2 and -3 (RFC 5737): nobody has these addresses. */
const NETWORKS = ["198.51.100", "203.0.113"];

function addressOf(index: number): string {
  return `${NETWORKS[index % 2]}.${1 + (index >> 1)}`;
}

/** A SYN that nobody sent; what differs from one to the next follows from the seed. */
function spoofed(stage: Stage, server: Host, index: number, mac: string): Uint8Array {
  const random = new DataView(Uint8Array.from(stage.seedOf(`SYN ${index}`)).buffer);
  return encode({
    link: { source: mac, destination: server.mac, minimumBytes: 0 },
    ipv4: { source: addressOf(index), destination: server.address },
    tcp: {
      sourcePort: 1024 + (random.getUint16(0) % 64_000),
      destinationPort: PORT,
      seq: random.getUint32(4),
      flags: TcpFlag.SYN,
      window: 64_240,
      options: [{ kind: "mss", mss: 1460 }],
    },
  });
}
