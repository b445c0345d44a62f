// LISTEN. RFC 9293 section 3.10.7.2.

import { stateTable } from "../table.js";

export const LISTEN = stateTable({
  segments: `
  SYN inside                           | SYN_RECEIVED | SYN,ACK |                   |  | 3.10.7.2, third
  SYN outside                          | SYN_RECEIVED | SYN,ACK |                   |  | 3.10.7.2, third
  SYN repeated                         | SYN_RECEIVED | SYN,ACK |                   |  | 3.10.7.2, third
  SYN+ACK                              | LISTEN       | RST     | TCP_NO_CONNECTION |  | 3.10.7.2, second
  SYN+FIN                              | LISTEN       | none    | TCP_BAD_FLAGS     |  | deviates: RFC 9293 would keep the FIN; no host sends this but a scanner
  RST at RCV.NXT                       | LISTEN       | none    | TCP_NO_CONNECTION |  | 3.10.7.2, first: a reset is ignored
  RST inside                           | LISTEN       | none    | TCP_NO_CONNECTION |  | 3.10.7.2, first: a reset is ignored
  RST outside left                     | LISTEN       | none    | TCP_NO_CONNECTION |  | 3.10.7.2, first: a reset is ignored
  RST outside right                    | LISTEN       | none    | TCP_NO_CONNECTION |  | 3.10.7.2, first: a reset is ignored
  RST+ACK at RCV.NXT                   | LISTEN       | none    | TCP_NO_CONNECTION |  | 3.10.7.2, first: a reset is ignored
  RST+ACK inside                       | LISTEN       | none    | TCP_NO_CONNECTION |  | 3.10.7.2, first: a reset is ignored
  RST+ACK beyond SND.NXT               | LISTEN       | none    | TCP_NO_CONNECTION |  | 3.10.7.2, first: a reset is ignored
  ACK ancient                          | LISTEN       | RST     | TCP_NO_CONNECTION |  | 3.10.7.2, second
  ACK old                              | LISTEN       | RST     | TCP_NO_CONNECTION |  | 3.10.7.2, second
  ACK duplicate                        | LISTEN       | RST     | TCP_NO_CONNECTION |  | 3.10.7.2, second
  ACK of a part                        | LISTEN       | RST     | TCP_NO_CONNECTION |  | 3.10.7.2, second
  ACK current                          | LISTEN       | RST     | TCP_NO_CONNECTION |  | 3.10.7.2, second
  ACK just beyond SND.NXT              | LISTEN       | RST     | TCP_NO_CONNECTION |  | 3.10.7.2, second
  ACK beyond SND.NXT                   | LISTEN       | RST     | TCP_NO_CONNECTION |  | 3.10.7.2, second
  no flags                             | LISTEN       | none    | TCP_BAD_FLAGS     |  | 3.10.7.2, fourth
  all flags                            | LISTEN       | none    | TCP_NO_CONNECTION |  | 3.10.7.2, first: a reset is ignored
  empty at the last octet              | LISTEN       | RST     | TCP_NO_CONNECTION |  | 3.10.7.2, second
  empty at the right edge              | LISTEN       | RST     | TCP_NO_CONNECTION |  | 3.10.7.2, second
  empty beyond the right edge          | LISTEN       | RST     | TCP_NO_CONNECTION |  | 3.10.7.2, second
  empty outside left                   | LISTEN       | RST     | TCP_NO_CONNECTION |  | 3.10.7.2, second
  FIN                                  | LISTEN       | RST     | TCP_NO_CONNECTION |  | 3.10.7.2, second
  FIN acknowledging all                | LISTEN       | RST     | TCP_NO_CONNECTION |  | 3.10.7.2, second
  FIN with data                        | LISTEN       | RST     | TCP_NO_CONNECTION |  | 3.10.7.2, second
  FIN out of order                     | LISTEN       | RST     | TCP_NO_CONNECTION |  | 3.10.7.2, second
  FIN repeated                         | LISTEN       | RST     | TCP_NO_CONNECTION |  | 3.10.7.2, second
  FIN at the right edge                | LISTEN       | RST     | TCP_NO_CONNECTION |  | 3.10.7.2, second
  FIN without ACK                      | LISTEN       | none    | TCP_BAD_FLAGS     |  | 3.10.7.2, fourth
  data inside                          | LISTEN       | RST     | TCP_NO_CONNECTION |  | 3.10.7.2, second
  data overlapping left                | LISTEN       | RST     | TCP_NO_CONNECTION |  | 3.10.7.2, second
  data overlapping the right edge      | LISTEN       | RST     | TCP_NO_CONNECTION |  | 3.10.7.2, second
  data outside left                    | LISTEN       | RST     | TCP_NO_CONNECTION |  | 3.10.7.2, second
  data outside right                   | LISTEN       | RST     | TCP_NO_CONNECTION |  | 3.10.7.2, second
  data out of order                    | LISTEN       | RST     | TCP_NO_CONNECTION |  | 3.10.7.2, second
  data acknowledging what was not sent | LISTEN       | RST     | TCP_NO_CONNECTION |  | 3.10.7.2, second
  data without ACK                     | LISTEN       | none    | TCP_BAD_FLAGS     |  | 3.10.7.2, fourth
  URG                                  | LISTEN       | RST     | TCP_NO_CONNECTION |  | 3.10.7.2, second
`,
  calls: `
  OPEN     | LISTEN | BAD_HANDLE | none |  | deviates: 3.10.1 and 3.10.2 let a listener become active; here it stays one
  SEND     | LISTEN | BAD_HANDLE | none |  | deviates: 3.10.1 and 3.10.2 let a listener become active; here it stays one
  RECEIVE  | LISTEN | BAD_HANDLE | none |  | 3.10.3: a listener has no stream
  SHUTDOWN | LISTEN | BAD_HANDLE | none |  | 3.10.4: likewise
  CLOSE    | CLOSED | OK         | none |  | 3.10.4
  ABORT    | CLOSED | OK         | none |  | 3.10.5
  STATUS   | LISTEN | LISTEN     | none |  | 3.10.6
`,
});
