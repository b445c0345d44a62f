// SYN-RECEIVED by a passive open: an entry of the SYN cache, no connection record. RFC 9293 section 3.10.7.4. Calls
// are made on the listener: nobody has a handle of the connection.

import { stateTable } from "../table.js";

export const SYN_RECEIVED_PASSIVE = stateTable({
  segments: `
  SYN inside                           | SYN_RECEIVED | ACK           | TCP_SYN_CHALLENGED                      |                                 | deviates: 3.10.7.4, fourth, goes back to LISTEN; RFC 5961 4.2's challenge lets no forged SYN end a handshake
  SYN outside                          | SYN_RECEIVED | ACK           | TCP_OUTSIDE_WINDOW                      |                                 | 3.10.7.4, first
  SYN repeated                         | SYN_RECEIVED | SYN,ACK       | TCP_OUTSIDE_WINDOW? TCP_SYN_CHALLENGED? |                                 | 3.8.1: it has not heard our answer
  SYN+ACK                              | SYN_RECEIVED | ACK           | TCP_SYN_CHALLENGED                      |                                 | deviates: 3.10.7.4, fourth, goes back to LISTEN; RFC 5961 4.2's challenge lets no forged SYN end a handshake
  SYN+FIN                              | SYN_RECEIVED | ACK           | TCP_SYN_CHALLENGED                      |                                 | deviates: 3.10.7.4, fourth, goes back to LISTEN; RFC 5961 4.2's challenge lets no forged SYN end a handshake
  RST at RCV.NXT                       | LISTEN       | none          | TCP_RESETS_IN                           |                                 | 3.10.7.4, second: back to LISTEN
  RST inside                           | SYN_RECEIVED | ACK           | TCP_RST_CHALLENGED                      |                                 | 3.10.7.4, second; RFC 5961 3.2
  RST outside left                     | SYN_RECEIVED | none          | TCP_RST_OUTSIDE                         |                                 | 3.10.7.4, first and second
  RST outside right                    | SYN_RECEIVED | none          | TCP_RST_OUTSIDE                         |                                 | 3.10.7.4, first and second
  RST+ACK at RCV.NXT                   | LISTEN       | none          | TCP_RESETS_IN                           |                                 | 3.10.7.4, second: back to LISTEN
  RST+ACK inside                       | SYN_RECEIVED | ACK           | TCP_RST_CHALLENGED                      |                                 | 3.10.7.4, second; RFC 5961 3.2
  RST+ACK beyond SND.NXT               | SYN_RECEIVED | ACK           | TCP_RST_CHALLENGED                      |                                 | 3.10.7.4, second; RFC 5961 3.2
  ACK ancient                          | SYN_RECEIVED | RST           | TCP_ACK_UNACCEPTABLE                    |                                 | 3.5.2, group 2; 3.10.7.4, fifth
  ACK old                              | SYN_RECEIVED | RST           | TCP_ACK_UNACCEPTABLE                    |                                 | 3.5.2, group 2; 3.10.7.4, fifth
  ACK duplicate                        | SYN_RECEIVED | RST           | TCP_ACK_UNACCEPTABLE                    |                                 | 3.5.2, group 2; 3.10.7.4, fifth
  ACK of a part                        | SYN_RECEIVED | RST           | TCP_ACK_UNACCEPTABLE                    |                                 | 3.5.2, group 2; 3.10.7.4, fifth
  ACK current                          | ESTABLISHED  | none          |                                         | ACCEPTABLE                      | 3.10.7.4, fifth
  ACK just beyond SND.NXT              | SYN_RECEIVED | RST           | TCP_ACK_UNACCEPTABLE                    |                                 | 3.5.2, group 2; 3.10.7.4, fifth
  ACK beyond SND.NXT                   | SYN_RECEIVED | RST           | TCP_ACK_UNACCEPTABLE                    |                                 | 3.5.2, group 2; 3.10.7.4, fifth
  no flags                             | SYN_RECEIVED | none          | TCP_NO_ACK                              |                                 | 3.10.7.4, fifth
  all flags                            | LISTEN       | none          | TCP_RESETS_IN                           |                                 | 3.10.7.4, second: back to LISTEN
  empty at the last octet              | ESTABLISHED  | none          |                                         | ACCEPTABLE                      | 3.10.7.4, fifth
  empty at the right edge              | SYN_RECEIVED | ACK           | TCP_OUTSIDE_WINDOW                      |                                 | 3.10.7.4, first
  empty beyond the right edge          | SYN_RECEIVED | ACK           | TCP_OUTSIDE_WINDOW                      |                                 | 3.10.7.4, first
  empty outside left                   | SYN_RECEIVED | ACK           | TCP_OUTSIDE_WINDOW                      |                                 | 3.10.7.4, first
  FIN                                  | CLOSE_WAIT   | ACK +1        |                                         | ACCEPTABLE PEER_CLOSED          | 3.10.7.4, fifth and eighth
  FIN acknowledging all                | CLOSE_WAIT   | ACK +1        |                                         | ACCEPTABLE PEER_CLOSED          | 3.10.7.4, fifth and eighth
  FIN with data                        | CLOSE_WAIT   | ACK +101      |                                         | ACCEPTABLE READABLE PEER_CLOSED | 3.10.7.4, seventh and eighth
  FIN out of order                     | ESTABLISHED  | ACK           |                                         | ACCEPTABLE                      | SHLD-31; RFC 5681 4.2: at once
  FIN repeated                         | SYN_RECEIVED | ACK           | TCP_OUTSIDE_WINDOW                      |                                 | 3.10.7.4, first: before the window
  FIN at the right edge                | SYN_RECEIVED | ACK           | TCP_OUTSIDE_WINDOW                      |                                 | 3.10.7.4, first
  FIN without ACK                      | SYN_RECEIVED | none          | TCP_NO_ACK                              |                                 | 3.10.7.4, fifth
  data inside                          | ESTABLISHED  | ACK soon +100 |                                         | ACCEPTABLE READABLE             | 3.10.7.4, fifth and seventh
  data overlapping left                | SYN_RECEIVED | ACK           | TCP_OUTSIDE_WINDOW                      |                                 | deviates: 3.10.7.4, first, would take the new part, but nothing is there before a SYN
  data overlapping the right edge      | ESTABLISHED  | ACK           | TCP_OUTSIDE_WINDOW                      | ACCEPTABLE                      | 3.10.7.4, first: what lies inside is kept
  data outside left                    | SYN_RECEIVED | ACK           | TCP_OUTSIDE_WINDOW                      |                                 | 3.10.7.4, first
  data outside right                   | SYN_RECEIVED | ACK           | TCP_OUTSIDE_WINDOW                      |                                 | 3.10.7.4, first
  data out of order                    | ESTABLISHED  | ACK           |                                         | ACCEPTABLE                      | SHLD-31; RFC 5681 4.2: at once
  data acknowledging what was not sent | SYN_RECEIVED | RST           | TCP_ACK_UNACCEPTABLE                    |                                 | 3.5.2, group 2; 3.10.7.4, fifth
  data without ACK                     | SYN_RECEIVED | none          | TCP_NO_ACK                              |                                 | 3.10.7.4, fifth
  URG                                  | ESTABLISHED  | ACK soon +100 |                                         | ACCEPTABLE READABLE URGENT      | 3.10.7.4, sixth and seventh
`,
  calls: `
  OPEN     | SYN_RECEIVED | BAD_HANDLE | none                   |  | deviates: 3.10.1 and 3.10.2 let a listener become active; here it stays one
  SEND     | SYN_RECEIVED | BAD_HANDLE | none                   |  | deviates: 3.10.1 and 3.10.2 let a listener become active; here it stays one
  RECEIVE  | SYN_RECEIVED | BAD_HANDLE | none                   |  | 3.10.3: a listener has no stream
  SHUTDOWN | SYN_RECEIVED | BAD_HANDLE | none                   |  | 3.10.4: likewise
  CLOSE    | CLOSED       | OK         | none or RST at SND.NXT |  | 3.10.4, 3.10.5: the listener's handshakes go with it
  ABORT    | CLOSED       | OK         | none or RST at SND.NXT |  | 3.10.5
  STATUS   | SYN_RECEIVED | LISTEN     | none                   |  | 3.10.6: of the listener
`,
});
