// FIN-WAIT-2: all that we sent is acknowledged, our FIN too. RFC 9293 section 3.10.7.4.

import { stateTable } from "../table.js";

export const FIN_WAIT_2 = stateTable({
  segments: `
  SYN inside                           | FIN_WAIT_2 | ACK           | TCP_SYN_CHALLENGED                      |                             | 3.10.7.4, fourth; RFC 5961 4.2
  SYN outside                          | FIN_WAIT_2 | ACK           | TCP_OUTSIDE_WINDOW? TCP_SYN_CHALLENGED? |                             | 3.10.7.4, first; RFC 5961 4.2
  SYN repeated                         | FIN_WAIT_2 | ACK           | TCP_OUTSIDE_WINDOW? TCP_SYN_CHALLENGED? |                             | 3.10.7.4, first; RFC 5961 4.2
  SYN+ACK                              | FIN_WAIT_2 | ACK           | TCP_SYN_CHALLENGED                      |                             | 3.10.7.4, fourth; RFC 5961 4.2
  SYN+FIN                              | FIN_WAIT_2 | ACK           | TCP_SYN_CHALLENGED                      |                             | 3.10.7.4, fourth; RFC 5961 4.2
  RST at RCV.NXT                       | CLOSED     | none          | TCP_RESETS_IN                           | FAILED                      | 3.10.7.4, second; RFC 5961 3.2
  RST inside                           | FIN_WAIT_2 | ACK           | TCP_RST_CHALLENGED                      |                             | 3.10.7.4, second; RFC 5961 3.2
  RST outside left                     | FIN_WAIT_2 | none          | TCP_RST_OUTSIDE                         |                             | 3.10.7.4, first and second
  RST outside right                    | FIN_WAIT_2 | none          | TCP_RST_OUTSIDE                         |                             | 3.10.7.4, first and second
  RST+ACK at RCV.NXT                   | CLOSED     | none          | TCP_RESETS_IN                           | FAILED                      | 3.10.7.4, second; RFC 5961 3.2
  RST+ACK inside                       | FIN_WAIT_2 | ACK           | TCP_RST_CHALLENGED                      |                             | 3.10.7.4, second; RFC 5961 3.2
  RST+ACK beyond SND.NXT               | FIN_WAIT_2 | ACK           | TCP_RST_CHALLENGED                      |                             | 3.10.7.4, second; RFC 5961 3.2
  ACK ancient                          | FIN_WAIT_2 | ACK soon      | TCP_ACK_UNACCEPTABLE                    |                             | 3.10.7.4, fifth; RFC 5961 5.2
  ACK old                              | FIN_WAIT_2 | none          |                                         |                             | 3.10.7.4, fifth: a duplicate is ignored
  ACK duplicate                        | FIN_WAIT_2 | none          |                                         |                             | 3.10.7.4, fifth: a duplicate is ignored
  ACK of a part                        | FIN_WAIT_2 | none          |                                         |                             | 3.10.7.4, fifth
  ACK current                          | FIN_WAIT_2 | none          |                                         |                             | 3.10.7.4, fifth
  ACK just beyond SND.NXT              | FIN_WAIT_2 | ACK soon      | TCP_ACK_UNACCEPTABLE                    |                             | 3.10.7.4, fifth; RFC 5961 5.2
  ACK beyond SND.NXT                   | FIN_WAIT_2 | ACK soon      | TCP_ACK_UNACCEPTABLE                    |                             | 3.10.7.4, fifth; RFC 5961 5.2
  no flags                             | FIN_WAIT_2 | none          | TCP_NO_ACK                              |                             | 3.10.7.4, fifth
  all flags                            | CLOSED     | none          | TCP_RESETS_IN                           | FAILED                      | 3.10.7.4, second; RFC 5961 3.2
  empty at the last octet              | FIN_WAIT_2 | none          |                                         |                             | 3.10.7.4, first: table 6
  empty at the right edge              | FIN_WAIT_2 | none          |                                         |                             | deviates: table 6 refuses it; Linux and BSD hear it, whose ACKs stand there behind data that were lost
  empty beyond the right edge          | FIN_WAIT_2 | ACK soon      | TCP_OUTSIDE_WINDOW                      |                             | 3.10.7.4, first
  empty outside left                   | FIN_WAIT_2 | ACK soon      | TCP_OUTSIDE_WINDOW                      |                             | 3.10.7.4, first
  FIN                                  | TIME_WAIT  | ACK +1        |                                         | PEER_CLOSED CLOSED          | 3.10.7.4, eighth
  FIN acknowledging all                | TIME_WAIT  | ACK +1        |                                         | PEER_CLOSED CLOSED          | 3.10.7.4, fifth and eighth
  FIN with data                        | TIME_WAIT  | ACK +101      |                                         | READABLE PEER_CLOSED CLOSED | 3.10.7.4, seventh and eighth
  FIN out of order                     | FIN_WAIT_2 | ACK           |                                         |                             | SHLD-31; RFC 5681 4.2: at once
  FIN repeated                         | FIN_WAIT_2 | ACK           | TCP_OUTSIDE_WINDOW                      |                             | 3.10.7.4, first
  FIN at the right edge                | FIN_WAIT_2 | ACK           | TCP_OUTSIDE_WINDOW                      |                             | 3.10.7.4, first
  FIN without ACK                      | FIN_WAIT_2 | none          | TCP_NO_ACK                              |                             | 3.10.7.4, fifth
  data inside                          | FIN_WAIT_2 | ACK soon +100 |                                         | READABLE                    | 3.10.7.4, seventh
  data overlapping left                | FIN_WAIT_2 | ACK soon +50  |                                         | READABLE                    | 3.10.7.4, first: only the new part
  data overlapping the right edge      | FIN_WAIT_2 | ACK           | TCP_OUTSIDE_WINDOW                      |                             | 3.10.7.4, first: what lies inside is kept
  data outside left                    | FIN_WAIT_2 | ACK           | TCP_OUTSIDE_WINDOW                      |                             | 3.10.7.4, first
  data outside right                   | FIN_WAIT_2 | ACK           | TCP_OUTSIDE_WINDOW                      |                             | 3.10.7.4, first
  data out of order                    | FIN_WAIT_2 | ACK           |                                         |                             | SHLD-31; RFC 5681 4.2: at once
  data acknowledging what was not sent | FIN_WAIT_2 | ACK soon      | TCP_ACK_UNACCEPTABLE                    |                             | 3.10.7.4, fifth; RFC 5961 5.2
  data without ACK                     | FIN_WAIT_2 | none          | TCP_NO_ACK                              |                             | 3.10.7.4, fifth
  URG                                  | FIN_WAIT_2 | ACK soon +100 |                                         | READABLE URGENT             | 3.10.7.4, sixth and seventh
`,
  calls: `
  OPEN     | FIN_WAIT_2 | ALREADY_CONNECTED | none           |  | 3.10.1: connection already exists
  SEND     | FIN_WAIT_2 | SHUT_DOWN         | none           |  | 3.10.2: connection closing
  RECEIVE  | FIN_WAIT_2 | WOULD_BLOCK       | none           |  | 3.10.3: queued until there is data
  SHUTDOWN | FIN_WAIT_2 | SHUT_DOWN         | none           |  | 3.10.4: connection closing
  CLOSE    | FIN_WAIT_2 | OK                | none           |  | 3.10.4: no second FIN
  ABORT    | CLOSED     | OK                | RST at SND.NXT |  | 3.10.5
  STATUS   | FIN_WAIT_2 | FIN_WAIT_2        | none           |  | 3.10.6
`,
});
