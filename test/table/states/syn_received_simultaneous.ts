// SYN-RECEIVED by simultaneous open (RFC 9293 figure 8): from SYN-SENT. RFC 9293 section 3.10.7.4.

import { stateTable } from "../table.js";

export const SYN_RECEIVED_SIMULTANEOUS = stateTable({
  segments: `
  SYN inside                           | SYN_RECEIVED | ACK or SYN,ACK | TCP_SYN_CHALLENGED                      |                                | 3.10.7.4, fourth; RFC 5961 4.2
  SYN outside                          | SYN_RECEIVED | ACK or SYN,ACK | TCP_OUTSIDE_WINDOW                      |                                | 3.10.7.4, first
  SYN repeated                         | SYN_RECEIVED | ACK or SYN,ACK | TCP_OUTSIDE_WINDOW? TCP_SYN_CHALLENGED? |                                | 3.8.1: it has not heard our answer
  SYN+ACK                              | SYN_RECEIVED | ACK or SYN,ACK | TCP_SYN_CHALLENGED                      |                                | 3.10.7.4, fourth; RFC 5961 4.2
  SYN+FIN                              | SYN_RECEIVED | ACK or SYN,ACK | TCP_SYN_CHALLENGED                      |                                | 3.10.7.4, fourth; RFC 5961 4.2
  RST at RCV.NXT                       | CLOSED       | none           | TCP_RESETS_IN                           | FAILED                         | 3.10.7.4, second: connection refused
  RST inside                           | SYN_RECEIVED | ACK or SYN,ACK | TCP_RST_CHALLENGED                      |                                | 3.10.7.4, second; RFC 5961 3.2
  RST outside left                     | SYN_RECEIVED | none           | TCP_RST_OUTSIDE                         |                                | 3.10.7.4, first and second
  RST outside right                    | SYN_RECEIVED | none           | TCP_RST_OUTSIDE                         |                                | 3.10.7.4, first and second
  RST+ACK at RCV.NXT                   | CLOSED       | none           | TCP_RESETS_IN                           | FAILED                         | 3.10.7.4, second: connection refused
  RST+ACK inside                       | SYN_RECEIVED | ACK or SYN,ACK | TCP_RST_CHALLENGED                      |                                | 3.10.7.4, second; RFC 5961 3.2
  RST+ACK beyond SND.NXT               | SYN_RECEIVED | ACK or SYN,ACK | TCP_RST_CHALLENGED                      |                                | 3.10.7.4, second; RFC 5961 3.2
  ACK ancient                          | SYN_RECEIVED | RST            | TCP_ACK_UNACCEPTABLE                    |                                | 3.5.2, group 2; 3.10.7.4, fifth
  ACK old                              | SYN_RECEIVED | RST            | TCP_ACK_UNACCEPTABLE                    |                                | 3.5.2, group 2; 3.10.7.4, fifth
  ACK duplicate                        | SYN_RECEIVED | RST            | TCP_ACK_UNACCEPTABLE                    |                                | 3.5.2, group 2; 3.10.7.4, fifth
  ACK of a part                        | SYN_RECEIVED | RST            | TCP_ACK_UNACCEPTABLE                    |                                | 3.5.2, group 2; 3.10.7.4, fifth
  ACK current                          | ESTABLISHED  | none           |                                         | CONNECTED                      | 3.10.7.4, fifth
  ACK just beyond SND.NXT              | SYN_RECEIVED | RST            | TCP_ACK_UNACCEPTABLE                    |                                | 3.5.2, group 2; 3.10.7.4, fifth
  ACK beyond SND.NXT                   | SYN_RECEIVED | RST            | TCP_ACK_UNACCEPTABLE                    |                                | 3.5.2, group 2; 3.10.7.4, fifth
  no flags                             | SYN_RECEIVED | none           | TCP_NO_ACK                              |                                | 3.10.7.4, fifth
  all flags                            | CLOSED       | none           | TCP_RESETS_IN                           | FAILED                         | 3.10.7.4, second: connection refused
  empty at the last octet              | ESTABLISHED  | none           |                                         | CONNECTED                      | 3.10.7.4, fifth
  empty at the right edge              | ESTABLISHED  | none           |                                         | CONNECTED                      | deviates: table 6 refuses it; Linux and BSD hear it, whose ACKs stand there behind data that were lost
  empty beyond the right edge          | SYN_RECEIVED | ACK or SYN,ACK | TCP_OUTSIDE_WINDOW                      |                                | 3.10.7.4, first
  empty outside left                   | SYN_RECEIVED | ACK or SYN,ACK | TCP_OUTSIDE_WINDOW                      |                                | 3.10.7.4, first
  FIN                                  | CLOSE_WAIT   | ACK +1         |                                         | CONNECTED PEER_CLOSED          | 3.10.7.4, fifth and eighth
  FIN acknowledging all                | CLOSE_WAIT   | ACK +1         |                                         | CONNECTED PEER_CLOSED          | 3.10.7.4, fifth and eighth
  FIN with data                        | CLOSE_WAIT   | ACK +101       |                                         | CONNECTED READABLE PEER_CLOSED | 3.10.7.4, seventh and eighth
  FIN out of order                     | ESTABLISHED  | ACK            |                                         | CONNECTED                      | SHLD-31; RFC 5681 4.2: at once
  FIN repeated                         | SYN_RECEIVED | ACK or SYN,ACK | TCP_OUTSIDE_WINDOW                      |                                | 3.10.7.4, first: before the window
  FIN at the right edge                | SYN_RECEIVED | ACK or SYN,ACK | TCP_OUTSIDE_WINDOW                      |                                | 3.10.7.4, first
  FIN without ACK                      | SYN_RECEIVED | none           | TCP_NO_ACK                              |                                | 3.10.7.4, fifth
  data inside                          | ESTABLISHED  | ACK soon +100  |                                         | CONNECTED READABLE             | 3.10.7.4, fifth and seventh
  data overlapping left                | ESTABLISHED  | ACK soon +50   |                                         | CONNECTED READABLE             | 3.10.7.4, first: only the new part
  data overlapping the right edge      | ESTABLISHED  | ACK            | TCP_OUTSIDE_WINDOW                      | CONNECTED                      | 3.10.7.4, first: what lies inside is kept
  data outside left                    | SYN_RECEIVED | ACK or SYN,ACK | TCP_OUTSIDE_WINDOW                      |                                | 3.10.7.4, first
  data outside right                   | SYN_RECEIVED | ACK or SYN,ACK | TCP_OUTSIDE_WINDOW                      |                                | 3.10.7.4, first
  data out of order                    | ESTABLISHED  | ACK            |                                         | CONNECTED                      | SHLD-31; RFC 5681 4.2: at once
  data acknowledging what was not sent | SYN_RECEIVED | RST            | TCP_ACK_UNACCEPTABLE                    |                                | 3.5.2, group 2; 3.10.7.4, fifth
  data without ACK                     | SYN_RECEIVED | none           | TCP_NO_ACK                              |                                | 3.10.7.4, fifth
  URG                                  | ESTABLISHED  | ACK soon +100  |                                         | CONNECTED READABLE URGENT      | 3.10.7.4, sixth and seventh
`,
  calls: `
  OPEN     | SYN_RECEIVED | ALREADY_CONNECTED | none           |  | 3.10.1: connection already exists
  SEND     | SYN_RECEIVED | OK                | none           |  | 3.10.2: queued until ESTABLISHED
  RECEIVE  | SYN_RECEIVED | WOULD_BLOCK       | none           |  | 3.10.3: queued until ESTABLISHED
  SHUTDOWN | SYN_RECEIVED | OK                | none           |  | deviates: 3.10.4 sends the FIN at once when nothing is queued; here it waits for ESTABLISHED as behind data
  CLOSE    | SYN_RECEIVED | OK                | none           |  | deviates: 3.10.4 sends the FIN at once when nothing is queued; here it waits for ESTABLISHED as behind data
  ABORT    | CLOSED       | OK                | RST at SND.NXT |  | 3.10.5
  STATUS   | SYN_RECEIVED | SYN_RECEIVED      | none           |  | 3.10.6
`,
});
