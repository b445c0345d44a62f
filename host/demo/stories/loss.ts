// Loss: a segment that the network drops, and one that it damages. RFC 9293 section 3.8, RFC 2018, 5681, 6675.

import { Counter } from "../../abi.js";
import type { Host, Stage } from "../stage.js";
import { addPair, MOMENT, PORT, type Story } from "../story.js";

/** Octets that the client sends at a time. */
const BURST = 14_000;

/** Which data segment of a burst, from 1, it befalls. */
const UNLUCKY = 3;

export const loss: Story = {
  summary: "a segment is lost, one is damaged; both are made good",
  about: `The client sends ${BURST} octets twice. The network loses a segment of the first lot, and changes a bit of one of the second,
which the server drops by its checksum. Each time duplicate ACKs tell the client, with SACK blocks for what has arrived (SLE to
SRE), and it sends that one segment again, at once, without waiting for its timer.`,
  play(stage) {
    const { client, server } = addPair(stage);
    server.listen(PORT);
    stage.note("client: connect()");
    const near = client.connect(server, PORT);
    stage.pass(MOMENT);
    const far = server.lastAccepted;
    const text = Array.from({ length: 2 * BURST }, (_, index) => String.fromCharCode(97 + (index % 26))).join(
      "",
    );
    for (const [index, fate] of (["lost", "damaged"] as const).entries()) {
      stage.note(`client: write(), ${BURST} octets; data segment ${UNLUCKY} will be ${fate}`);
      strike(stage, client, fate);
      near.write(text.slice(index * BURST, (index + 1) * BURST));
      stage.pass(2 * MOMENT);
    }
    stage.note("client and server: close()");
    near.close();
    stage.pass(MOMENT / 2);
    far.close();
    stage.pass(MOMENT);
    const count = (counter: Counter) => client.core.counter(counter);
    const whole = far.received === text ? "all of them right" : "not what was sent";
    return {
      ends: [client, server],
      result: `The server read ${far.received.length} octets, ${whole}. The client repeated ${count(Counter.TCP_RETRANSMITS)} segments,
${count(Counter.TCP_FAST_RETRANSMITS)} times before its timer, which expired ${count(Counter.TCP_TIMEOUTS)} times. The server dropped ${server.core.counter(Counter.TCP_CHECKSUM)} segment by its checksum.`,
    };
  },
};

/** From now on: the unlucky segment with data meets its fate, once. */
function strike(stage: Stage, client: Host, fate: "lost" | "damaged"): void {
  let segments = 0;
  stage.fateOf = (frame, from) => {
    const hasData = from === client && frame.length > 1000;
    return hasData && ++segments === UNLUCKY ? fate : undefined;
  };
}
