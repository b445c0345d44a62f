// Joins two links, so that what arrives at one leaves through the other.

import type { Clock } from "../clock.js";
import type { Link } from "./link.js";

/** Frames that are carried at a time in one direction; then the event loop has its turn. */
const FRAMES_PER_TURN = 256;

/** Carries frames between `left` and `right` until the returned function is called. */
export function joinLinks(left: Link, right: Link, clock: Clock): () => void {
  let scheduled = false;
  let stopped = false;
  const turn = () => {
    scheduled = false;
    if (stopped) return;
    const leftHasMore = carry(left, right);
    const rightHasMore = carry(right, left);
    if (leftHasMore || rightHasMore) soon();
  };
  const soon = () => {
    if (scheduled || stopped) return;
    scheduled = true;
    clock.soon(turn);
  };
  left.onReady = soon;
  right.onReady = soon;
  soon();
  return () => {
    stopped = true;
    left.onReady = () => {};
    right.onReady = () => {};
  };
}

/** True when the turn's limit ended it; when the other side has no room, its `onReady` comes. */
function carry(from: Link, to: Link): boolean {
  for (let carried = 0; carried < FRAMES_PER_TURN; carried++) {
    if (!to.hasRoom) return false;
    const frame = from.receive();
    if (!frame) return false;
    to.send(frame);
  }
  return true;
}
