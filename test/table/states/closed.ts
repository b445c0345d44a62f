// CLOSED: no listener has the port; a socket is open and not connected. RFC 9293 section 3.10.7.1: everything but a
// reset is answered by one that its sender accepts.

import { stateTable } from "../table.js";

export const CLOSED = stateTable({
  segments: `
  SYN inside                           | CLOSED | RST,ACK | TCP_NO_CONNECTION |  | 3.10.7.1
  SYN outside                          | CLOSED | RST,ACK | TCP_NO_CONNECTION |  | 3.10.7.1
  SYN repeated                         | CLOSED | RST,ACK | TCP_NO_CONNECTION |  | 3.10.7.1
  SYN+ACK                              | CLOSED | RST     | TCP_NO_CONNECTION |  | 3.10.7.1
  SYN+FIN                              | CLOSED | RST,ACK | TCP_NO_CONNECTION |  | 3.10.7.1
  RST at RCV.NXT                       | CLOSED | none    | TCP_NO_CONNECTION |  | 3.10.7.1
  RST inside                           | CLOSED | none    | TCP_NO_CONNECTION |  | 3.10.7.1
  RST outside left                     | CLOSED | none    | TCP_NO_CONNECTION |  | 3.10.7.1
  RST outside right                    | CLOSED | none    | TCP_NO_CONNECTION |  | 3.10.7.1
  RST+ACK at RCV.NXT                   | CLOSED | none    | TCP_NO_CONNECTION |  | 3.10.7.1
  RST+ACK inside                       | CLOSED | none    | TCP_NO_CONNECTION |  | 3.10.7.1
  RST+ACK beyond SND.NXT               | CLOSED | none    | TCP_NO_CONNECTION |  | 3.10.7.1
  ACK ancient                          | CLOSED | RST     | TCP_NO_CONNECTION |  | 3.10.7.1
  ACK old                              | CLOSED | RST     | TCP_NO_CONNECTION |  | 3.10.7.1
  ACK duplicate                        | CLOSED | RST     | TCP_NO_CONNECTION |  | 3.10.7.1
  ACK of a part                        | CLOSED | RST     | TCP_NO_CONNECTION |  | 3.10.7.1
  ACK current                          | CLOSED | RST     | TCP_NO_CONNECTION |  | 3.10.7.1
  ACK just beyond SND.NXT              | CLOSED | RST     | TCP_NO_CONNECTION |  | 3.10.7.1
  ACK beyond SND.NXT                   | CLOSED | RST     | TCP_NO_CONNECTION |  | 3.10.7.1
  no flags                             | CLOSED | RST,ACK | TCP_NO_CONNECTION |  | 3.10.7.1
  all flags                            | CLOSED | none    | TCP_NO_CONNECTION |  | 3.10.7.1
  empty at the last octet              | CLOSED | RST     | TCP_NO_CONNECTION |  | 3.10.7.1
  empty at the right edge              | CLOSED | RST     | TCP_NO_CONNECTION |  | 3.10.7.1
  empty beyond the right edge          | CLOSED | RST     | TCP_NO_CONNECTION |  | 3.10.7.1
  empty outside left                   | CLOSED | RST     | TCP_NO_CONNECTION |  | 3.10.7.1
  FIN                                  | CLOSED | RST     | TCP_NO_CONNECTION |  | 3.10.7.1
  FIN acknowledging all                | CLOSED | RST     | TCP_NO_CONNECTION |  | 3.10.7.1
  FIN with data                        | CLOSED | RST     | TCP_NO_CONNECTION |  | 3.10.7.1
  FIN out of order                     | CLOSED | RST     | TCP_NO_CONNECTION |  | 3.10.7.1
  FIN repeated                         | CLOSED | RST     | TCP_NO_CONNECTION |  | 3.10.7.1
  FIN at the right edge                | CLOSED | RST     | TCP_NO_CONNECTION |  | 3.10.7.1
  FIN without ACK                      | CLOSED | RST,ACK | TCP_NO_CONNECTION |  | 3.10.7.1
  data inside                          | CLOSED | RST     | TCP_NO_CONNECTION |  | 3.10.7.1
  data overlapping left                | CLOSED | RST     | TCP_NO_CONNECTION |  | 3.10.7.1
  data overlapping the right edge      | CLOSED | RST     | TCP_NO_CONNECTION |  | 3.10.7.1
  data outside left                    | CLOSED | RST     | TCP_NO_CONNECTION |  | 3.10.7.1
  data outside right                   | CLOSED | RST     | TCP_NO_CONNECTION |  | 3.10.7.1
  data out of order                    | CLOSED | RST     | TCP_NO_CONNECTION |  | 3.10.7.1
  data acknowledging what was not sent | CLOSED | RST     | TCP_NO_CONNECTION |  | 3.10.7.1
  data without ACK                     | CLOSED | RST,ACK | TCP_NO_CONNECTION |  | 3.10.7.1
  URG                                  | CLOSED | RST     | TCP_NO_CONNECTION |  | 3.10.7.1
`,
  calls: `
  OPEN     | SYN_SENT | OK            | SYN  |  | 3.10.1
  SEND     | CLOSED   | NOT_CONNECTED | none |  | 3.10.2: connection does not exist
  RECEIVE  | CLOSED   | NOT_CONNECTED | none |  | 3.10.3: connection does not exist
  SHUTDOWN | CLOSED   | NOT_CONNECTED | none |  | 3.10.4: connection does not exist
  CLOSE    | CLOSED   | OK            | none |  | 3.10.4; the handle goes back
  ABORT    | CLOSED   | OK            | none |  | 3.10.5; the handle goes back
  STATUS   | CLOSED   | CLOSED        | none |  | 3.10.6
`,
});
