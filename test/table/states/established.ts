// ESTABLISHED: 10 octets are out and not acknowledged. RFC 9293 section 3.10.7.4.

import { stateTable } from "../table.js";

export const ESTABLISHED = stateTable({
  segments: `
  SYN inside                           | ESTABLISHED | ACK           | TCP_SYN_CHALLENGED                      |                      | 3.10.7.4, fourth; RFC 5961 4.2
  SYN outside                          | ESTABLISHED | ACK           | TCP_OUTSIDE_WINDOW? TCP_SYN_CHALLENGED? |                      | 3.10.7.4, first; RFC 5961 4.2
  SYN repeated                         | ESTABLISHED | ACK           | TCP_OUTSIDE_WINDOW? TCP_SYN_CHALLENGED? |                      | 3.10.7.4, first; RFC 5961 4.2
  SYN+ACK                              | ESTABLISHED | ACK           | TCP_SYN_CHALLENGED                      |                      | 3.10.7.4, fourth; RFC 5961 4.2
  SYN+FIN                              | ESTABLISHED | ACK           | TCP_SYN_CHALLENGED                      |                      | 3.10.7.4, fourth; RFC 5961 4.2
  RST at RCV.NXT                       | CLOSED      | none          | TCP_RESETS_IN                           | FAILED               | 3.10.7.4, second; RFC 5961 3.2
  RST inside                           | ESTABLISHED | ACK           | TCP_RST_CHALLENGED                      |                      | 3.10.7.4, second; RFC 5961 3.2
  RST outside left                     | ESTABLISHED | none          | TCP_RST_OUTSIDE                         |                      | 3.10.7.4, first and second
  RST outside right                    | ESTABLISHED | none          | TCP_RST_OUTSIDE                         |                      | 3.10.7.4, first and second
  RST+ACK at RCV.NXT                   | CLOSED      | none          | TCP_RESETS_IN                           | FAILED               | 3.10.7.4, second; RFC 5961 3.2
  RST+ACK inside                       | ESTABLISHED | ACK           | TCP_RST_CHALLENGED                      |                      | 3.10.7.4, second; RFC 5961 3.2
  RST+ACK beyond SND.NXT               | ESTABLISHED | ACK           | TCP_RST_CHALLENGED                      |                      | 3.10.7.4, second; RFC 5961 3.2
  ACK ancient                          | ESTABLISHED | ACK soon      | TCP_ACK_UNACCEPTABLE                    |                      | 3.10.7.4, fifth; RFC 5961 5.2
  ACK old                              | ESTABLISHED | none          |                                         |                      | 3.10.7.4, fifth: a duplicate is ignored
  ACK duplicate                        | ESTABLISHED | none          |                                         |                      | 3.10.7.4, fifth: a duplicate is ignored
  ACK of a part                        | ESTABLISHED | none          |                                         |                      | 3.10.7.4, fifth
  ACK current                          | ESTABLISHED | none          |                                         |                      | 3.10.7.4, fifth
  ACK just beyond SND.NXT              | ESTABLISHED | ACK soon      | TCP_ACK_UNACCEPTABLE                    |                      | 3.10.7.4, fifth; RFC 5961 5.2
  ACK beyond SND.NXT                   | ESTABLISHED | ACK soon      | TCP_ACK_UNACCEPTABLE                    |                      | 3.10.7.4, fifth; RFC 5961 5.2
  no flags                             | ESTABLISHED | none          | TCP_NO_ACK                              |                      | 3.10.7.4, fifth
  all flags                            | CLOSED      | none          | TCP_RESETS_IN                           | FAILED               | 3.10.7.4, second; RFC 5961 3.2
  empty at the last octet              | ESTABLISHED | none          |                                         |                      | 3.10.7.4, first: table 6
  empty at the right edge              | ESTABLISHED | none          |                                         |                      | deviates: table 6 refuses it; Linux and BSD hear it, whose ACKs stand there behind data that were lost
  empty beyond the right edge          | ESTABLISHED | ACK soon      | TCP_OUTSIDE_WINDOW                      |                      | 3.10.7.4, first
  empty outside left                   | ESTABLISHED | ACK soon      | TCP_OUTSIDE_WINDOW                      |                      | 3.10.7.4, first
  FIN                                  | CLOSE_WAIT  | ACK +1        |                                         | PEER_CLOSED          | 3.10.7.4, eighth
  FIN acknowledging all                | CLOSE_WAIT  | ACK +1        |                                         | PEER_CLOSED          | 3.10.7.4, fifth and eighth
  FIN with data                        | CLOSE_WAIT  | ACK +101      |                                         | READABLE PEER_CLOSED | 3.10.7.4, seventh and eighth
  FIN out of order                     | ESTABLISHED | ACK           |                                         |                      | SHLD-31; RFC 5681 4.2: at once
  FIN repeated                         | ESTABLISHED | ACK           | TCP_OUTSIDE_WINDOW                      |                      | 3.10.7.4, first
  FIN at the right edge                | ESTABLISHED | ACK           | TCP_OUTSIDE_WINDOW                      |                      | 3.10.7.4, first
  FIN without ACK                      | ESTABLISHED | none          | TCP_NO_ACK                              |                      | 3.10.7.4, fifth
  data inside                          | ESTABLISHED | ACK soon +100 |                                         | READABLE             | 3.10.7.4, seventh
  data overlapping left                | ESTABLISHED | ACK soon +50  |                                         | READABLE             | 3.10.7.4, first: only the new part
  data overlapping the right edge      | ESTABLISHED | ACK           | TCP_OUTSIDE_WINDOW                      |                      | 3.10.7.4, first: what lies inside is kept
  data outside left                    | ESTABLISHED | ACK           | TCP_OUTSIDE_WINDOW                      |                      | 3.10.7.4, first
  data outside right                   | ESTABLISHED | ACK           | TCP_OUTSIDE_WINDOW                      |                      | 3.10.7.4, first
  data out of order                    | ESTABLISHED | ACK           |                                         |                      | SHLD-31; RFC 5681 4.2: at once
  data acknowledging what was not sent | ESTABLISHED | ACK soon      | TCP_ACK_UNACCEPTABLE                    |                      | 3.10.7.4, fifth; RFC 5961 5.2
  data without ACK                     | ESTABLISHED | none          | TCP_NO_ACK                              |                      | 3.10.7.4, fifth
  URG                                  | ESTABLISHED | ACK soon +100 |                                         | READABLE URGENT      | 3.10.7.4, sixth and seventh
`,
  calls: `
  OPEN     | ESTABLISHED | ALREADY_CONNECTED | none           |  | 3.10.1: connection already exists
  SEND     | ESTABLISHED | OK                | data           |  | 3.10.2
  RECEIVE  | ESTABLISHED | WOULD_BLOCK       | none           |  | 3.10.3: queued until there is data
  SHUTDOWN | FIN_WAIT_1  | OK                | FIN            |  | 3.10.4
  CLOSE    | FIN_WAIT_1  | OK                | FIN            |  | 3.10.4
  ABORT    | CLOSED      | OK                | RST at SND.NXT |  | 3.10.5
  STATUS   | ESTABLISHED | ESTABLISHED       | none           |  | 3.10.6
`,
});
