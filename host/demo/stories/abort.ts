// Resets: RFC 9293 sections 3.5.1 to 3.5.3 and 3.10.5.

import { statusName } from "../../core.js";
import { encode, TcpFlag } from "../../packet/index.js";
import { Forger, type Host, type Stage } from "../stage.js";
import { addPair, MOMENT, PORT, type Story } from "../story.js";

const CLOSED_PORT = 4001;

export const abort: Story = {
  summary: "resets: nobody there, a broken handshake, abort()",
  about: `Four times RST. For a SYN to a port on which nobody listens. For a handshake that was never meant: a SYN of old, held up in
the network, reaches the server, and the client, asked to complete it, refuses. For data to a connection that the server, after
a reboot, knows nothing of. And because an application calls abort().`,
  play(stage) {
    const { client, server } = addPair(stage);
    server.listen(PORT);
    stage.note(`client: connect() to port ${CLOSED_PORT}, which nobody listens on`);
    const refused = client.connect(server, CLOSED_PORT);
    stage.pass(MOMENT);
    stage.note(`client: connect() fails, ${statusName(refused.error)}`);
    refused.close();
    sendOldSyn(stage, client, server);
    stage.pass(MOMENT);
    const lost = open(stage, client, server);
    stage.note("server: reboots, and listens again");
    server.reboot();
    server.listen(PORT);
    stage.note("client: write()");
    lost.write("Are you still there?");
    stage.pass(MOMENT);
    stage.note(`client: ${statusName(lost.error)}`);
    lost.close();
    const ended = open(stage, client, server);
    stage.note("server: abort()");
    server.lastAccepted.abort();
    stage.pass(MOMENT);
    stage.note(`client: ${statusName(ended.error)}`);
    ended.close();
    return {
      ends: [client, server],
      result: `Connections in use at the end: ${client.core.header().connectionsUsed} and ${server.core.header().connectionsUsed}.`,
    };
  },
};

function open(stage: Stage, client: Host, server: Host) {
  stage.note("client: connect()");
  const end = client.connect(server, PORT);
  stage.pass(MOMENT);
  return end;
}

/** The network delivers what the client sent long ago, in another life. */
function sendOldSyn(stage: Stage, client: Host, server: Host): void {
  stage.note("network: delivers an old SYN of the client's");
  const network = stage.join(new Forger(stage, "network", "02:46:52:00:00:fe"));
  network.send(
    encode({
      link: { source: client.mac, destination: server.mac, minimumBytes: 0 },
      ipv4: { source: client.address, destination: server.address },
      tcp: {
        sourcePort: 50_000,
        destinationPort: PORT,
        seq: 90,
        flags: TcpFlag.SYN,
        window: 32_768,
        options: [{ kind: "mss", mss: 1460 }],
      },
    }),
  );
}
