// CLOSING: both FINs are out; 10 octets of ours and our FIN are not acknowledged. RFC 9293 section 3.10.7.4.

import { stateTable } from "../table.js";

export const CLOSING = stateTable({
  segments: `
  SYN inside                           | CLOSING   | ACK         | TCP_SYN_CHALLENGED                      |        | 3.10.7.4, fourth; RFC 5961 4.2
  SYN outside                          | CLOSING   | ACK         | TCP_OUTSIDE_WINDOW? TCP_SYN_CHALLENGED? |        | 3.10.7.4, first; RFC 5961 4.2
  SYN repeated                         | CLOSING   | ACK         | TCP_OUTSIDE_WINDOW? TCP_SYN_CHALLENGED? |        | 3.10.7.4, first; RFC 5961 4.2
  SYN+ACK                              | CLOSING   | ACK         | TCP_SYN_CHALLENGED                      |        | 3.10.7.4, fourth; RFC 5961 4.2
  SYN+FIN                              | CLOSING   | ACK         | TCP_SYN_CHALLENGED                      |        | 3.10.7.4, fourth; RFC 5961 4.2
  RST at RCV.NXT                       | CLOSED    | none        | TCP_RESETS_IN                           | FAILED | 3.10.7.4, second; RFC 5961 3.2
  RST inside                           | CLOSING   | ACK         | TCP_RST_CHALLENGED                      |        | 3.10.7.4, second; RFC 5961 3.2
  RST outside left                     | CLOSING   | none        | TCP_RST_OUTSIDE                         |        | 3.10.7.4, first and second
  RST outside right                    | CLOSING   | none        | TCP_RST_OUTSIDE                         |        | 3.10.7.4, first and second
  RST+ACK at RCV.NXT                   | CLOSED    | none        | TCP_RESETS_IN                           | FAILED | 3.10.7.4, second; RFC 5961 3.2
  RST+ACK inside                       | CLOSING   | ACK         | TCP_RST_CHALLENGED                      |        | 3.10.7.4, second; RFC 5961 3.2
  RST+ACK beyond SND.NXT               | CLOSING   | ACK         | TCP_RST_CHALLENGED                      |        | 3.10.7.4, second; RFC 5961 3.2
  ACK ancient                          | CLOSING   | ACK soon    | TCP_ACK_UNACCEPTABLE                    |        | 3.10.7.4, fifth; RFC 5961 5.2
  ACK old                              | CLOSING   | none        |                                         |        | 3.10.7.4, fifth: a duplicate is ignored
  ACK duplicate                        | CLOSING   | none        |                                         |        | 3.10.7.4, fifth: a duplicate is ignored
  ACK of a part                        | CLOSING   | none        |                                         |        | 3.10.7.4, fifth
  ACK current                          | TIME_WAIT | none        |                                         | CLOSED | 3.10.7.4, fifth
  ACK just beyond SND.NXT              | CLOSING   | ACK soon    | TCP_ACK_UNACCEPTABLE                    |        | 3.10.7.4, fifth; RFC 5961 5.2
  ACK beyond SND.NXT                   | CLOSING   | ACK soon    | TCP_ACK_UNACCEPTABLE                    |        | 3.10.7.4, fifth; RFC 5961 5.2
  no flags                             | CLOSING   | none        | TCP_NO_ACK                              |        | 3.10.7.4, fifth
  all flags                            | CLOSED    | none        | TCP_RESETS_IN                           | FAILED | 3.10.7.4, second; RFC 5961 3.2
  empty at the last octet              | CLOSING   | none        |                                         |        | 3.10.7.4, first: table 6
  empty at the right edge              | CLOSING   | none        |                                         |        | deviates: table 6 refuses it; Linux and BSD hear it, whose ACKs stand there behind data that were lost
  empty beyond the right edge          | CLOSING   | ACK soon    | TCP_OUTSIDE_WINDOW                      |        | 3.10.7.4, first
  empty outside left                   | CLOSING   | ACK soon    | TCP_OUTSIDE_WINDOW                      |        | 3.10.7.4, first
  FIN                                  | CLOSING   | none or ACK |                                         |        | 3.10.7.4, eighth: remain; there is no second FIN
  FIN acknowledging all                | TIME_WAIT | none or ACK |                                         | CLOSED | 3.10.7.4, fifth: the ACK counts; there is no second FIN
  FIN with data                        | CLOSING   | none or ACK |                                         |        | 3.10.7.4, seventh: text is ignored
  FIN out of order                     | CLOSING   | none or ACK |                                         |        | 3.10.7.4, seventh: text is ignored
  FIN repeated                         | CLOSING   | ACK         | TCP_OUTSIDE_WINDOW                      |        | 3.10.7.4, first
  FIN at the right edge                | CLOSING   | ACK         | TCP_OUTSIDE_WINDOW                      |        | 3.10.7.4, first
  FIN without ACK                      | CLOSING   | none        | TCP_NO_ACK                              |        | 3.10.7.4, fifth
  data inside                          | CLOSING   | none or ACK |                                         |        | 3.10.7.4, seventh: text is ignored
  data overlapping left                | CLOSING   | none or ACK |                                         |        | 3.10.7.4, seventh: text is ignored
  data overlapping the right edge      | CLOSING   | none or ACK | TCP_OUTSIDE_WINDOW?                     |        | 3.10.7.4, seventh: text is ignored
  data outside left                    | CLOSING   | ACK         | TCP_OUTSIDE_WINDOW                      |        | 3.10.7.4, first
  data outside right                   | CLOSING   | ACK         | TCP_OUTSIDE_WINDOW                      |        | 3.10.7.4, first
  data out of order                    | CLOSING   | none or ACK |                                         |        | 3.10.7.4, seventh: text is ignored
  data acknowledging what was not sent | CLOSING   | ACK soon    | TCP_ACK_UNACCEPTABLE                    |        | 3.10.7.4, fifth; RFC 5961 5.2
  data without ACK                     | CLOSING   | none        | TCP_NO_ACK                              |        | 3.10.7.4, fifth
  URG                                  | CLOSING   | none or ACK |                                         |        | 3.10.7.4, sixth: URG is ignored
`,
  calls: `
  OPEN     | CLOSING | ALREADY_CONNECTED | none |  | 3.10.1: connection already exists
  SEND     | CLOSING | SHUT_DOWN         | none |  | 3.10.2: connection closing
  RECEIVE  | CLOSING | end               | none |  | 3.10.3: connection closing
  SHUTDOWN | CLOSING | SHUT_DOWN         | none |  | 3.10.4: connection closing
  CLOSE    | CLOSING | OK                | none |  | 3.10.4: no second FIN
  ABORT    | CLOSED  | OK                | none |  | 3.10.5: the TCB is deleted without a reset
  STATUS   | CLOSING | CLOSING           | none |  | 3.10.6
`,
});
