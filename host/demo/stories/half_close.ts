// Half-close: RFC 9293 section 3.10.4. Who has closed hears until the other closes, too.

import { addPair, MOMENT, PORT, type Story } from "../story.js";

const PARTS = ["Reports that ", "nobody has asked for ", "take their time."];

export const halfClose: Story = {
  summary: "one side is done, the other keeps sending",
  about: `The client sends its request and shuts its sending direction down. The server, in CLOSE-WAIT, sends on as long as it likes;
the client, in FIN-WAIT-2, reads and acknowledges. Then the server closes, too.`,
  play(stage) {
    const { client, server } = addPair(stage);
    server.listen(PORT);
    stage.note("client: connect()");
    const near = client.connect(server, PORT);
    stage.pass(MOMENT);
    const far = server.lastAccepted;
    stage.note("client: write(), shutdown()");
    near.write("All reports, please.");
    near.shutdown();
    stage.pass(MOMENT);
    stage.note(`server: has read "${far.received}" and the end`);
    for (const part of PARTS) {
      stage.note("server: write()");
      far.write(part);
      stage.pass(MOMENT);
    }
    stage.note("server: close()");
    far.close();
    stage.pass(MOMENT);
    near.close();
    return { ends: [client, server], result: `The client read "${near.received}" after it had closed.` };
  },
};
