// CLOSE-WAIT: the peer's FIN came; 10 octets of ours are out and not acknowledged. RFC 9293 section 3.10.7.4.

import { stateTable } from "../table.js";

export const CLOSE_WAIT = stateTable({
  segments: `
  SYN inside                           | CLOSE_WAIT | ACK         | TCP_SYN_CHALLENGED                      |        | 3.10.7.4, fourth; RFC 5961 4.2
  SYN outside                          | CLOSE_WAIT | ACK         | TCP_OUTSIDE_WINDOW? TCP_SYN_CHALLENGED? |        | 3.10.7.4, first; RFC 5961 4.2
  SYN repeated                         | CLOSE_WAIT | ACK         | TCP_OUTSIDE_WINDOW? TCP_SYN_CHALLENGED? |        | 3.10.7.4, first; RFC 5961 4.2
  SYN+ACK                              | CLOSE_WAIT | ACK         | TCP_SYN_CHALLENGED                      |        | 3.10.7.4, fourth; RFC 5961 4.2
  SYN+FIN                              | CLOSE_WAIT | ACK         | TCP_SYN_CHALLENGED                      |        | 3.10.7.4, fourth; RFC 5961 4.2
  RST at RCV.NXT                       | CLOSED     | none        | TCP_RESETS_IN                           | FAILED | 3.10.7.4, second; RFC 5961 3.2
  RST inside                           | CLOSE_WAIT | ACK         | TCP_RST_CHALLENGED                      |        | 3.10.7.4, second; RFC 5961 3.2
  RST outside left                     | CLOSE_WAIT | none        | TCP_RST_OUTSIDE                         |        | 3.10.7.4, first and second
  RST outside right                    | CLOSE_WAIT | none        | TCP_RST_OUTSIDE                         |        | 3.10.7.4, first and second
  RST+ACK at RCV.NXT                   | CLOSED     | none        | TCP_RESETS_IN                           | FAILED | 3.10.7.4, second; RFC 5961 3.2
  RST+ACK inside                       | CLOSE_WAIT | ACK         | TCP_RST_CHALLENGED                      |        | 3.10.7.4, second; RFC 5961 3.2
  RST+ACK beyond SND.NXT               | CLOSE_WAIT | ACK         | TCP_RST_CHALLENGED                      |        | 3.10.7.4, second; RFC 5961 3.2
  ACK ancient                          | CLOSE_WAIT | ACK soon    | TCP_ACK_UNACCEPTABLE                    |        | 3.10.7.4, fifth; RFC 5961 5.2
  ACK old                              | CLOSE_WAIT | none        |                                         |        | 3.10.7.4, fifth: a duplicate is ignored
  ACK duplicate                        | CLOSE_WAIT | none        |                                         |        | 3.10.7.4, fifth: a duplicate is ignored
  ACK of a part                        | CLOSE_WAIT | none        |                                         |        | 3.10.7.4, fifth
  ACK current                          | CLOSE_WAIT | none        |                                         |        | 3.10.7.4, fifth
  ACK just beyond SND.NXT              | CLOSE_WAIT | ACK soon    | TCP_ACK_UNACCEPTABLE                    |        | 3.10.7.4, fifth; RFC 5961 5.2
  ACK beyond SND.NXT                   | CLOSE_WAIT | ACK soon    | TCP_ACK_UNACCEPTABLE                    |        | 3.10.7.4, fifth; RFC 5961 5.2
  no flags                             | CLOSE_WAIT | none        | TCP_NO_ACK                              |        | 3.10.7.4, fifth
  all flags                            | CLOSED     | none        | TCP_RESETS_IN                           | FAILED | 3.10.7.4, second; RFC 5961 3.2
  empty at the last octet              | CLOSE_WAIT | none        |                                         |        | 3.10.7.4, first: table 6
  empty at the right edge              | CLOSE_WAIT | none        |                                         |        | deviates: table 6 refuses it; Linux and BSD hear it, whose ACKs stand there behind data that were lost
  empty beyond the right edge          | CLOSE_WAIT | ACK soon    | TCP_OUTSIDE_WINDOW                      |        | 3.10.7.4, first
  empty outside left                   | CLOSE_WAIT | ACK soon    | TCP_OUTSIDE_WINDOW                      |        | 3.10.7.4, first
  FIN                                  | CLOSE_WAIT | none or ACK |                                         |        | 3.10.7.4, eighth: remain; there is no second FIN
  FIN acknowledging all                | CLOSE_WAIT | none or ACK |                                         |        | 3.10.7.4, fifth: the ACK counts; there is no second FIN
  FIN with data                        | CLOSE_WAIT | none or ACK |                                         |        | 3.10.7.4, seventh: text is ignored
  FIN out of order                     | CLOSE_WAIT | none or ACK |                                         |        | 3.10.7.4, seventh: text is ignored
  FIN repeated                         | CLOSE_WAIT | ACK         | TCP_OUTSIDE_WINDOW                      |        | 3.10.7.4, first
  FIN at the right edge                | CLOSE_WAIT | ACK         | TCP_OUTSIDE_WINDOW                      |        | 3.10.7.4, first
  FIN without ACK                      | CLOSE_WAIT | none        | TCP_NO_ACK                              |        | 3.10.7.4, fifth
  data inside                          | CLOSE_WAIT | none or ACK |                                         |        | 3.10.7.4, seventh: text is ignored
  data overlapping left                | CLOSE_WAIT | none or ACK |                                         |        | 3.10.7.4, seventh: text is ignored
  data overlapping the right edge      | CLOSE_WAIT | none or ACK | TCP_OUTSIDE_WINDOW?                     |        | 3.10.7.4, seventh: text is ignored
  data outside left                    | CLOSE_WAIT | ACK         | TCP_OUTSIDE_WINDOW                      |        | 3.10.7.4, first
  data outside right                   | CLOSE_WAIT | ACK         | TCP_OUTSIDE_WINDOW                      |        | 3.10.7.4, first
  data out of order                    | CLOSE_WAIT | none or ACK |                                         |        | 3.10.7.4, seventh: text is ignored
  data acknowledging what was not sent | CLOSE_WAIT | ACK soon    | TCP_ACK_UNACCEPTABLE                    |        | 3.10.7.4, fifth; RFC 5961 5.2
  data without ACK                     | CLOSE_WAIT | none        | TCP_NO_ACK                              |        | 3.10.7.4, fifth
  URG                                  | CLOSE_WAIT | none or ACK |                                         |        | 3.10.7.4, sixth: URG is ignored
`,
  calls: `
  OPEN     | CLOSE_WAIT | ALREADY_CONNECTED | none           |  | 3.10.1: connection already exists
  SEND     | CLOSE_WAIT | OK                | data           |  | 3.10.2
  RECEIVE  | CLOSE_WAIT | end               | none           |  | 3.10.3: connection closing, all was read
  SHUTDOWN | LAST_ACK   | OK                | FIN            |  | 3.10.4
  CLOSE    | LAST_ACK   | OK                | FIN            |  | 3.10.4
  ABORT    | CLOSED     | OK                | RST at SND.NXT |  | 3.10.5
  STATUS   | CLOSE_WAIT | CLOSE_WAIT        | none           |  | 3.10.6
`,
});
