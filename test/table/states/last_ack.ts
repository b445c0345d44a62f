// LAST-ACK: the peer closed first; 10 octets of ours and our FIN are not acknowledged. RFC 9293 section 3.10.7.4.

import { stateTable } from "../table.js";

export const LAST_ACK = stateTable({
  segments: `
  SYN inside                           | LAST_ACK | ACK         | TCP_SYN_CHALLENGED                      |        | 3.10.7.4, fourth; RFC 5961 4.2
  SYN outside                          | LAST_ACK | ACK         | TCP_OUTSIDE_WINDOW? TCP_SYN_CHALLENGED? |        | 3.10.7.4, first; RFC 5961 4.2
  SYN repeated                         | LAST_ACK | ACK         | TCP_OUTSIDE_WINDOW? TCP_SYN_CHALLENGED? |        | 3.10.7.4, first; RFC 5961 4.2
  SYN+ACK                              | LAST_ACK | ACK         | TCP_SYN_CHALLENGED                      |        | 3.10.7.4, fourth; RFC 5961 4.2
  SYN+FIN                              | LAST_ACK | ACK         | TCP_SYN_CHALLENGED                      |        | 3.10.7.4, fourth; RFC 5961 4.2
  RST at RCV.NXT                       | CLOSED   | none        | TCP_RESETS_IN                           | FAILED | 3.10.7.4, second; RFC 5961 3.2
  RST inside                           | LAST_ACK | ACK         | TCP_RST_CHALLENGED                      |        | 3.10.7.4, second; RFC 5961 3.2
  RST outside left                     | LAST_ACK | none        | TCP_RST_OUTSIDE                         |        | 3.10.7.4, first and second
  RST outside right                    | LAST_ACK | none        | TCP_RST_OUTSIDE                         |        | 3.10.7.4, first and second
  RST+ACK at RCV.NXT                   | CLOSED   | none        | TCP_RESETS_IN                           | FAILED | 3.10.7.4, second; RFC 5961 3.2
  RST+ACK inside                       | LAST_ACK | ACK         | TCP_RST_CHALLENGED                      |        | 3.10.7.4, second; RFC 5961 3.2
  RST+ACK beyond SND.NXT               | LAST_ACK | ACK         | TCP_RST_CHALLENGED                      |        | 3.10.7.4, second; RFC 5961 3.2
  ACK ancient                          | LAST_ACK | ACK soon    | TCP_ACK_UNACCEPTABLE                    |        | 3.10.7.4, fifth; RFC 5961 5.2
  ACK old                              | LAST_ACK | none        |                                         |        | 3.10.7.4, fifth: a duplicate is ignored
  ACK duplicate                        | LAST_ACK | none        |                                         |        | 3.10.7.4, fifth: a duplicate is ignored
  ACK of a part                        | LAST_ACK | none        |                                         |        | 3.10.7.4, fifth
  ACK current                          | CLOSED   | none        |                                         | CLOSED | 3.10.7.4, fifth
  ACK just beyond SND.NXT              | LAST_ACK | ACK soon    | TCP_ACK_UNACCEPTABLE                    |        | 3.10.7.4, fifth; RFC 5961 5.2
  ACK beyond SND.NXT                   | LAST_ACK | ACK soon    | TCP_ACK_UNACCEPTABLE                    |        | 3.10.7.4, fifth; RFC 5961 5.2
  no flags                             | LAST_ACK | none        | TCP_NO_ACK                              |        | 3.10.7.4, fifth
  all flags                            | CLOSED   | none        | TCP_RESETS_IN                           | FAILED | 3.10.7.4, second; RFC 5961 3.2
  empty at the last octet              | LAST_ACK | none        |                                         |        | 3.10.7.4, first: table 6
  empty at the right edge              | LAST_ACK | none        |                                         |        | deviates: table 6 refuses it; Linux and BSD hear it, whose ACKs stand there behind data that were lost
  empty beyond the right edge          | LAST_ACK | ACK soon    | TCP_OUTSIDE_WINDOW                      |        | 3.10.7.4, first
  empty outside left                   | LAST_ACK | ACK soon    | TCP_OUTSIDE_WINDOW                      |        | 3.10.7.4, first
  FIN                                  | LAST_ACK | none or ACK |                                         |        | 3.10.7.4, eighth: remain; there is no second FIN
  FIN acknowledging all                | CLOSED   | none or ACK |                                         | CLOSED | 3.10.7.4, fifth: the ACK counts; there is no second FIN
  FIN with data                        | LAST_ACK | none or ACK |                                         |        | 3.10.7.4, seventh: text is ignored
  FIN out of order                     | LAST_ACK | none or ACK |                                         |        | 3.10.7.4, seventh: text is ignored
  FIN repeated                         | LAST_ACK | ACK         | TCP_OUTSIDE_WINDOW                      |        | 3.10.7.4, first
  FIN at the right edge                | LAST_ACK | ACK         | TCP_OUTSIDE_WINDOW                      |        | 3.10.7.4, first
  FIN without ACK                      | LAST_ACK | none        | TCP_NO_ACK                              |        | 3.10.7.4, fifth
  data inside                          | LAST_ACK | none or ACK |                                         |        | 3.10.7.4, seventh: text is ignored
  data overlapping left                | LAST_ACK | none or ACK |                                         |        | 3.10.7.4, seventh: text is ignored
  data overlapping the right edge      | LAST_ACK | none or ACK | TCP_OUTSIDE_WINDOW?                     |        | 3.10.7.4, seventh: text is ignored
  data outside left                    | LAST_ACK | ACK         | TCP_OUTSIDE_WINDOW                      |        | 3.10.7.4, first
  data outside right                   | LAST_ACK | ACK         | TCP_OUTSIDE_WINDOW                      |        | 3.10.7.4, first
  data out of order                    | LAST_ACK | none or ACK |                                         |        | 3.10.7.4, seventh: text is ignored
  data acknowledging what was not sent | LAST_ACK | ACK soon    | TCP_ACK_UNACCEPTABLE                    |        | 3.10.7.4, fifth; RFC 5961 5.2
  data without ACK                     | LAST_ACK | none        | TCP_NO_ACK                              |        | 3.10.7.4, fifth
  URG                                  | LAST_ACK | none or ACK |                                         |        | 3.10.7.4, sixth: URG is ignored
`,
  calls: `
  OPEN     | LAST_ACK | ALREADY_CONNECTED | none |  | 3.10.1: connection already exists
  SEND     | LAST_ACK | SHUT_DOWN         | none |  | 3.10.2: connection closing
  RECEIVE  | LAST_ACK | end               | none |  | 3.10.3: connection closing
  SHUTDOWN | LAST_ACK | SHUT_DOWN         | none |  | 3.10.4: connection closing
  CLOSE    | LAST_ACK | OK                | none |  | 3.10.4: no second FIN
  ABORT    | CLOSED   | OK                | none |  | 3.10.5: the TCB is deleted without a reset
  STATUS   | LAST_ACK | LAST_ACK          | none |  | 3.10.6
`,
});
