// Graceful release, from either side: RFC 9293 section 3.6, figure 12.

import type { End, Host, Stage } from "../stage.js";
import { addPair, MOMENT, PORT, type Story } from "../story.js";

/** TIME-WAIT, in milliseconds: twice the longest life of a segment that one expects here. */
const TIME_WAIT_MS = 30_000;

export const close: Story = {
  summary: "graceful release, from either side",
  about: `Two connections. The client closes the first, the server the second: who closes first goes through FIN-WAIT-1 and
FIN-WAIT-2 to TIME-WAIT, and waits there, ${TIME_WAIT_MS / 1000} s here, for what may still be on its way; the other goes through CLOSE-WAIT
and LAST-ACK.`,
  play(stage) {
    const { client, server } = addPair(stage, { timeWaitMs: TIME_WAIT_MS });
    server.listen(PORT);
    const first = converse(stage, client, server);
    closeBoth(stage, first.near, first.far);
    const second = converse(stage, client, server);
    closeBoth(stage, second.far, second.near);
    stage.pass(TIME_WAIT_MS + MOMENT);
    stage.note(`TIME-WAIT is over: the client is in ${client.state()}, the server in ${server.state()}`);
    return { ends: [client, server], result: "Both connections ended without losing an octet." };
  },
};

function converse(stage: Stage, client: Host, server: Host): { near: End; far: End } {
  stage.note("client: connect()");
  const near = client.connect(server, PORT);
  stage.pass(MOMENT);
  const far = server.lastAccepted;
  near.write("How are you?");
  stage.pass(MOMENT / 2);
  far.write("Fine.");
  stage.pass(MOMENT);
  return { near, far };
}

function closeBoth(stage: Stage, first: End, second: End): void {
  stage.note(`${first.host.name}: close()`);
  first.close();
  stage.pass(MOMENT);
  stage.note(`${second.host.name}: close()`);
  second.close();
  stage.pass(MOMENT);
}
