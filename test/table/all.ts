// The whole table, and the names of its cells.

import type { StateKey } from "./situations.js";
import { CLOSE_WAIT } from "./states/close_wait.js";
import { CLOSED } from "./states/closed.js";
import { CLOSING } from "./states/closing.js";
import { ESTABLISHED } from "./states/established.js";
import { FIN_WAIT_1 } from "./states/fin_wait_1.js";
import { FIN_WAIT_2 } from "./states/fin_wait_2.js";
import { LAST_ACK } from "./states/last_ack.js";
import { LISTEN } from "./states/listen.js";
import { SYN_RECEIVED_PASSIVE } from "./states/syn_received_passive.js";
import { SYN_RECEIVED_SIMULTANEOUS } from "./states/syn_received_simultaneous.js";
import { SYN_SENT } from "./states/syn_sent.js";
import { TIME_WAIT } from "./states/time_wait.js";
import type { CallCell, SegmentCell, StateTable } from "./table.js";

/** The table, in the order of RFC 9293 section 3.3.2. */
export const TABLE: Record<StateKey, StateTable> = {
  CLOSED,
  LISTEN,
  SYN_SENT,
  "SYN_RECEIVED passive": SYN_RECEIVED_PASSIVE,
  "SYN_RECEIVED simultaneous": SYN_RECEIVED_SIMULTANEOUS,
  ESTABLISHED,
  FIN_WAIT_1,
  FIN_WAIT_2,
  CLOSE_WAIT,
  CLOSING,
  LAST_ACK,
  TIME_WAIT,
};

/** Name of a cell's test: "ESTABLISHED x RST inside -> ACK"; the next state is named when it is another. */
export function cellName(key: StateKey, cell: SegmentCell | CallCell): string {
  const [what, answer] =
    "kind" in cell ? [cell.kind, cell.reply] : [cell.call, `${cell.results.join(" or ")}, ${cell.sent}`];
  return `${key} x ${what} -> ${key.startsWith(cell.next) ? "" : `${cell.next}, `}${answer}`;
}
