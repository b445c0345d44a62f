// Both at once: RFC 9293 section 3.5, figure 7, and section 3.6, figure 13.

import { MOMENT, type Story } from "../story.js";

const LEFT_PORT = 4100;
const RIGHT_PORT = 4200;

export const simultaneous: Story = {
  summary: "both sides open, and both close, at the same moment",
  about: `Nobody listens. Both hosts connect to each other's port, so that their SYNs cross: one connection comes of it. Then
both close, and their FINs cross: CLOSING, and TIME-WAIT on both sides.`,
  play(stage) {
    const [left, right] = [stage.host("left", 2), stage.host("right", 1)];
    stage.note("left and right: connect()");
    const near = left.connect(right, RIGHT_PORT, LEFT_PORT);
    const far = right.connect(left, LEFT_PORT, RIGHT_PORT);
    stage.pass(MOMENT);
    stage.note("left: write()");
    near.write("You, too?");
    stage.pass(MOMENT);
    stage.note("left and right: close()");
    near.close();
    far.close();
    stage.pass(MOMENT);
    return { ends: [left, right], result: `One connection, on which the right host read "${far.received}".` };
  },
};
